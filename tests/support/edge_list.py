"""The smallest graph that walks can go over: a list of edges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from lineage.store.graph import Direction, EdgeKind, EdgeRow
from lineage.store.interface import StoreView


class EdgeList(StoreView):
    """Hold edges of descent only; `asked` counts the batches of edges that were asked for."""

    def __init__(self, edges: Iterable[tuple[str, str] | tuple[str, str, str | None]]) -> None:
        rows = {(e[0], e[1]): e[2] if len(e) == 3 else None for e in edges}
        self.rows = [EdgeRow("DERIVED_FROM", s, t, "", {"relation": r}) for (s, t), r in sorted(rows.items())]
        self.asked = 0

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterator[EdgeRow]:
        self.asked += 1
        keys = set(frontier)
        return iter([row for row in self.rows if (row.source if direction == "out" else row.target) in keys])

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        return [(row.source, row.target) for row in self.edges(kind, frontier, direction)]

    def count(self, kind: Any, where: Any = None) -> int:
        return sum(all(row.properties.get(name) == value for name, value in (where or {}).items()) for row in self.rows)

    def _not_here(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("this view holds edges only")

    nodes = find = attachment = attachment_counts = all_nodes = all_edges = all_attachments = _not_here
    all_awaited = all_awaited_edges = _not_here
