"""Walks over the edges of descent: ancestors and descendants, one batch of edges per hop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKind, EdgeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Status

STATUSES: tuple[Status, ...] = ("confirmed", "inferred", "declared", "indirect", "contradicted")
"""The statuses of edges, the most certain first."""

NO_RELATION = "none"
"""The key under which null relations are counted, because JSON objects have no null keys."""


@dataclass(frozen=True)
class Walk:
    """Hold what a walk found.

    `depths` maps each kept model to the smallest number of edges from the root (0 for the root itself), in order of
    depth and then key. `edges` are the edges between kept models, in order of child and parent. `total` counts all
    models that were reached, without the root and whatever `limit` keeps; `counts` counts them by relation, each
    once, under the edge by which it was first reached. `deeper` are kept models from which `depth` hides others.

    A contradicted edge leads to a model that is kept, and no further: neither the edges beyond it are there, nor is the
    model in `counts`. `weaker` counts the edges that were not walked because of their status, and `only_weaker` the
    models that nothing else leads to.
    """

    depths: Mapping[str, int]
    edges: tuple[EdgeRow, ...]
    total: int
    counts: Mapping[str, int] = field(default_factory=dict)
    deeper: tuple[str, ...] = ()
    weaker: int = 0
    only_weaker: int = 0

    @property
    def hidden(self) -> int:
        """Count the models that the limit left out."""
        return self.total - (len(self.depths) - 1)


def ancestors(
    view: StoreView, root: str, *, depth: int | None = None, limit: int | None = None, least: Status | None = None
) -> Walk:
    """Walk from a child to everything that it descends from. The root need not be in the graph.

    Edges of a weaker status than `least` are left out.
    """
    edges = upward(view, root, depth)
    steps = _steps(edges, root, "out", depth, least)
    walk = _walk_of(edges, steps, "out", None, limit)
    if least is None:
        return walk
    return replace(walk, only_weaker=_steps(edges, root, "out", depth, None).total - walk.total)


def descendants(
    view: StoreView, root: str, *, depth: int | None = None, limit: int | None = None, least: Status | None = None
) -> Walk:
    """Walk from a parent to everything that descends from it.

    `counts` and `total` are about the whole family, whatever `depth` and `limit` keep of it. In a store without a
    contradicted edge no edges are fetched beyond what is kept, so that a family of 100,000 costs its keys and not its
    records.
    """
    if least is not None or view.count("DERIVED_FROM", {"status": "contradicted"}):
        walk = _walk_of(view, _steps(view, root, "in", None, least), "in", depth, limit)
        if least is None:
            return walk
        return replace(walk, only_weaker=_steps(view, root, "in", None, None).total - walk.total)
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


@dataclass
class _Steps:
    """Collect what a walk by status reaches: all models by depth, those that it went on from, and what it left out."""

    depths: dict[str, int]
    followed: set[str]
    counts: Counter[str] = field(default_factory=Counter)
    deeper: set[str] = field(default_factory=set)
    edges: dict[tuple[str, str, str], EdgeRow] = field(default_factory=dict)
    weaker: set[tuple[str, str]] = field(default_factory=set)

    @property
    def total(self) -> int:
        """Count the models without the root."""
        return len(self.depths) - 1

    def levels(self, depth: int | None) -> list[list[str]]:
        """List the models of each depth in order of key, up to a depth."""
        last = max(self.depths.values()) if depth is None else depth
        levels: list[list[str]] = [[] for _ in range(last + 1)]
        for key, at in sorted(self.depths.items()):
            if at <= last:
                levels[at].append(key)
        return [level for level in levels if level]


def _steps(view: Edges, root: str, direction: Direction, depth: int | None, least: Status | None) -> _Steps:
    """Walk hop by hop, over edges that are strong enough, and not beyond a contradicted one."""
    steps, frontier, at = _Steps({root: 0}, {root}), [root], 0
    while frontier:
        at += 1
        ways: dict[str, tuple[str, str | None]] = {}
        ends: set[str] = set()
        for edge in view.edges("DERIVED_FROM", frontier, direction):
            near, far = (edge.source, edge.target) if direction == "out" else (edge.target, edge.source)
            status = status_of(edge)
            if is_weaker(status, least):
                steps.weaker.add((near, far))
                continue
            steps.edges[edge.source, edge.target, edge.name] = edge
            if depth is not None and at > depth:
                steps.deeper.update({near} if far not in steps.depths else ())
            elif status == "contradicted":
                ends.add(far)
            elif far not in steps.followed and (far not in ways or near < ways[far][0]):
                ways[far] = (near, edge.properties.get("relation"))
        for far in sorted({*ways, *ends}):
            steps.depths.setdefault(far, at)
        steps.followed.update(ways)
        steps.counts.update(relation or NO_RELATION for _, relation in ways.values())
        frontier = sorted(ways)
    return steps


def status_of(edge: EdgeRow) -> Status:
    """Return the status of an edge; one that an early version of the schema stored is declared."""
    status: Status = edge.properties.get("status") or "declared"
    return status


def is_weaker(status: Status, least: Status | None) -> bool:
    """Return whether a status is less certain than the least one that is wanted."""
    return least is not None and STATUSES.index(status) > STATUSES.index(least)


def _walk_of(view: Edges, steps: _Steps, direction: Direction, depth: int | None, limit: int | None) -> Walk:
    """Keep the nearest models of a walk, with the edges between them."""
    depths = _kept(steps.levels(depth), limit)
    rows = [edge for edge in steps.edges.values() if edge.source in depths and edge.target in depths]
    rows.sort(key=lambda edge: (edge.source, edge.target, edge.name))
    counts = dict(sorted(steps.counts.items())) if direction == "in" else {}
    return Walk(depths, tuple(rows), steps.total, counts, _among(steps.deeper, depths), len(steps.weaker))


def all_above(edges: Edges, root: str) -> set[str]:
    """List every model that `root` descends from, itself included."""
    levels, seen = [[root]], {root}
    while levels[-1]:
        found = {far for _, far in edges.neighbours("DERIVED_FROM", levels[-1], "out")} - seen
        seen |= found
        levels.append(sorted(found))
    return seen


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


class Followed:
    """Leave out the edges on which nothing descends: contradicted ones, and those of a weaker status than `least`.

    `weaker` collects the ends of the latter.
    """

    def __init__(self, edges: Edges, least: Status | None) -> None:
        self._edges, self._least = edges, least
        self.weaker: set[tuple[str, str]] = set()

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterable[EdgeRow]:
        """List the edges of descent that touch a set of models."""
        for row in self._edges.edges(kind, frontier, direction):
            status = status_of(row)
            if is_weaker(status, self._least):
                self.weaker.add((row.source, row.target))
            elif status != "contradicted":
                yield row

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List the ends of these edges."""
        return [(row.source, row.target) for row in self.edges(kind, frontier, direction)]


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
