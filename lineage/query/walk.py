"""Walks over the edges of descent: ancestors and descendants, one batch of edges per hop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKind, EdgeRow
    from lineage.store.interface import StoreView

NO_RELATION = "none"
"""The key under which null relations are counted, because JSON objects have no null keys."""


@dataclass(frozen=True)
class Walk:
    """Hold what a walk found.

    `depths` maps each kept model to the smallest number of edges from the root (0 for the root itself), in order of
    depth and then key. `edges` are all edges between kept models, in order of child and parent. `total` counts all
    models that were reached, without the root and whatever `limit` keeps; `counts` counts them by relation, each
    once, under the edge by which it was first reached. `deeper` are kept models from which `depth` hides others.
    """

    depths: Mapping[str, int]
    edges: tuple[EdgeRow, ...]
    total: int
    counts: Mapping[str, int] = field(default_factory=dict)
    deeper: tuple[str, ...] = ()

    @property
    def hidden(self) -> int:
        """Count the models that the limit left out."""
        return self.total - (len(self.depths) - 1)


def ancestors(view: StoreView, root: str, *, depth: int | None = None, limit: int | None = None) -> Walk:
    """Walk from a child to everything that it descends from. The root need not be in the graph."""
    edges = upward(view, root, depth)
    levels, deeper = _levels(edges, root, "out", depth)
    depths = _kept(levels, limit)
    return Walk(depths, _edges_between(edges, depths), _reached(levels), deeper=_among(deeper, depths))


def descendants(view: StoreView, root: str, *, depth: int | None = None, limit: int | None = None) -> Walk:
    """Walk from a parent to everything that descends from it.

    `counts` and `total` are about the whole family, whatever `depth` and `limit` keep of it. Beyond what is kept no
    edges are fetched, so that a family of 100,000 costs its keys and not its records.
    """
    counted = view.descent(root, depth=depth, limit=limit)
    if counted is not None:
        counts = {relation or NO_RELATION: number for relation, number in counted.counts.items()}
        edges = _edges_between(view, counted.depths)
        return Walk(counted.depths, edges, counted.total, dict(sorted(counts.items())))
    found = view.walk(root, "in")
    levels = [[root], *map(list, found)]
    counts = Counter(relation or NO_RELATION for level in found for relation in level.values())
    near = levels if depth is None else levels[: depth + 1]
    depths = _kept(near, limit)
    return Walk(depths, _edges_between(view, depths), _reached(levels), dict(sorted(counts.items())))


def all_above(edges: Edges, root: str) -> set[str]:
    """List every model that `root` descends from, itself included."""
    return {key for level in _levels(edges, root, "out", None)[0] for key in level}


def upward(view: StoreView, root: str, depth: int | None = None) -> Edges:
    """Fetch the edges upward at once if the store can: then all queries over them are consistent."""
    rows = view.ancestry(root, depth=depth)
    return view if rows is None else _Fetched(rows)


class Edges(Protocol):
    """Return edges one hop at a time: a view, or edges that were fetched at once."""

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterable[EdgeRow]:
        """List the edges that touch a set of models."""

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List the ends of these edges."""


class _Fetched:
    """Hold edges by their child, for walks upward."""

    def __init__(self, rows: Iterable[EdgeRow]) -> None:
        self._rows: dict[str, list[EdgeRow]] = {}
        for row in rows:
            self._rows.setdefault(row.source, []).append(row)

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterable[EdgeRow]:
        """List the edges of some children."""
        return [row for key in frontier for row in self._rows.get(key, ())]

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List the ends of these edges."""
        return [(row.source, row.target) for row in self.edges(kind, frontier, direction)]


def _levels(view: Edges, root: str, direction: Direction, depth: int | None) -> tuple[list[list[str]], set[str]]:
    """List the models of each depth in order of key, and those of the last depth that have further relatives."""
    levels, seen = [[root]], {root}
    while levels[-1]:
        pairs = view.neighbours("DERIVED_FROM", levels[-1], direction)
        steps = pairs if direction == "out" else [(target, source) for source, target in pairs]
        if depth is not None and len(levels) > depth:
            return levels, {near for near, far in steps if far not in seen}
        found = {far for _, far in steps if far not in seen}
        seen.update(found)
        levels.append(sorted(found))
    return levels[:-1], set()


def _kept(levels: list[list[str]], limit: int | None) -> dict[str, int]:
    """Keep the root and the first models in order of depth and key."""
    depths: dict[str, int] = {}
    for depth, level in enumerate(levels):
        for key in level:
            if limit is not None and len(depths) > limit:
                return depths
            depths[key] = depth
    return depths


def _reached(levels: list[list[str]]) -> int:
    """Count the models of all levels without the root."""
    return sum(len(level) for level in levels) - 1


def _among(keys: set[str], depths: Mapping[str, int]) -> tuple[str, ...]:
    """Return those of the keys that were kept, in order."""
    return tuple(sorted(key for key in keys if key in depths))


def _edges_between(view: Edges, kept: Mapping[str, Any]) -> tuple[EdgeRow, ...]:
    """Fetch the edges between kept models."""
    rows = [edge for edge in view.edges("DERIVED_FROM", list(kept), "out") if edge.target in kept]
    return tuple(sorted(rows, key=lambda edge: (edge.source, edge.target, edge.name)))
