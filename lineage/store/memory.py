"""A store in memory: for tests, where it is the reference for the other backends, and for `--store memory:`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

from lineage.store.codec import settled
from lineage.store.forgetting import EDGES_OF_A_STUB, Forgetting, plan
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.interface import GraphStore, Mark, StoreInfo, StoreView
from lineage.store.merging import merged, merged_stub
from lineage.store.promoted import PROMOTED, canonical, check_where, pack, unpack

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKey, EdgeKind, NodeKind, Properties, Scalar
    from lineage.store.interface import OnDamage
    from lineage.store.promoted import Packed
    from lineage.store.rows import Rows
    from lineage_schemas.graph_batch import AttachmentKind, GraphBatch


@dataclass
class Graph:
    """Hold every row encoded, as a file would: a caller may change the decoded row that it was given."""

    nodes: dict[NodeKind, dict[str, Packed]] = field(default_factory=lambda: {kind: {} for kind in PROMOTED})
    edges: dict[EdgeKind, dict[EdgeKey, str]] = field(default_factory=lambda: {kind: {} for kind in ENDS})
    attachments: dict[tuple[AttachmentKind, str], bytes] = field(default_factory=dict)

    def copy(self) -> Graph:
        """Copy what a write changes: the dictionaries, not the rows, which are only ever replaced."""
        return Graph(
            {kind: dict(nodes) for kind, nodes in self.nodes.items()},
            {kind: dict(edges) for kind, edges in self.edges.items()},
            dict(self.attachments),
        )

    def put(self, kind: NodeKind, key: str, properties: Properties) -> None:
        """Write a node, merged by the rule of its kind."""
        stored = self.nodes[kind].get(key)
        found = properties if stored is None else merged(kind, unpack(kind, stored), properties)
        self.nodes[kind][key] = pack(kind, found)

    def put_stub(self, kind: NodeKind, key: str, properties: Properties) -> None:
        """Write a node of which only the name is known."""
        stored = self.nodes[kind].get(key)
        found = properties if stored is None else merged_stub(kind, key, unpack(kind, stored), properties)
        self.nodes[kind][key] = pack(kind, found)

    def drop(self, kind: NodeKind, keys: Collection[str]) -> None:
        """Delete nodes with every edge that touches them, awaited edges too."""
        for key in keys:
            self.nodes[kind].pop(key, None)
        for edge, (source_kind, target_kind) in ENDS.items():
            touched = [
                row
                for row in self.edges[edge]
                if (source_kind == kind and row[0] in keys) or (target_kind == kind and row[1] in keys)
            ]
            for row in touched:
                del self.edges[edge][row]


class MemoryView(StoreView):
    """Read one state of a graph: a write makes a new state and does not change this one."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def nodes(self, kind: NodeKind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Fetch nodes by key."""
        stored = self._graph.nodes[kind]
        return {key: unpack(kind, stored[key]) for key in sorted(set(keys)) if key in stored}

    def find(
        self, kind: NodeKind, where: Mapping[str, Scalar], *, after: str | None = None, limit: int | None = None
    ) -> Sequence[NodeRow]:
        """List nodes by promoted properties; this reads every node of the kind."""
        check_where(kind, where)
        keys = [key for key in self._matching(kind, where) if after is None or key > after]
        return [NodeRow(key, unpack(kind, self._graph.nodes[kind][key])) for key in sorted(keys)[:limit]]

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterator[EdgeRow]:
        """List the edges that touch a set of nodes."""
        wanted = set(frontier)
        for (source, target, name), body in self._shown(kind):
            if (source if direction == "out" else target) in wanted:
                yield EdgeRow(kind, source, target, name, json.loads(body))

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List the ends of the edges that touch a set of nodes."""
        return [(edge.source, edge.target) for edge in self.edges(kind, frontier, direction)]

    def count(self, kind: NodeKind | EdgeKind, where: Mapping[str, Scalar] | None = None) -> int:
        """Count nodes or edges; this reads every one of the kind."""
        check_where(kind, where or {})
        if kind in PROMOTED:
            return len(list(self._matching(cast("NodeKind", kind), where or {})))
        wanted = (where or {}).items()
        rows = (json.loads(body) for _, body in self._shown(cast("EdgeKind", kind)))
        return len([row for row in rows if all(row.get(name) == value for name, value in wanted)])

    def attachment(self, kind: AttachmentKind, key: str) -> bytes | None:
        """Fetch the bytes stored under a key."""
        return self._graph.attachments.get((kind, key))

    def attachment_counts(self) -> dict[str, int]:
        """Count the attachments of each kind."""
        counts = Counter(kind for kind, _ in self._graph.attachments)
        return {kind: counts[kind] for kind in sorted(counts)}

    def all_nodes(self, kind: NodeKind, on_damage: OnDamage | None = None) -> Iterator[NodeRow]:
        """Iterate over all nodes of a kind."""
        for key, packed in sorted(self._graph.nodes[kind].items()):
            yield NodeRow(key, unpack(kind, packed))

    def all_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over all edges of a kind."""
        for (source, target, name), body in self._shown(kind):
            yield EdgeRow(kind, source, target, name, json.loads(body))

    def all_awaited(self, kind: NodeKind) -> Iterator[str]:
        """Iterate over the keys that edges name and that no node has."""
        named = {
            edge[position]
            for edge_kind, ends in ENDS.items()
            for position, end in enumerate(ends)
            if end == kind
            for edge in self._graph.edges[edge_kind]
        }
        yield from sorted(named - self._graph.nodes[kind].keys())

    def all_awaited_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over the edges of a kind with an end that is not stored."""
        shown = {edge for edge, _ in self._shown(kind)}
        for edge, body in sorted(self._graph.edges[kind].items()):
            if edge not in shown:
                yield EdgeRow(kind, *edge, json.loads(body))

    def all_attachments(self) -> Iterator[tuple[AttachmentKind, str, bytes]]:
        """Iterate over all attachments."""
        for (kind, key), data in sorted(self._graph.attachments.items()):
            yield kind, key, data

    def _matching(self, kind: NodeKind, where: Mapping[str, Scalar]) -> Iterator[str]:
        columns = {p.name: position for position, p in enumerate(PROMOTED[kind])}
        for key, packed in self._graph.nodes[kind].items():
            if all(packed[columns[name]] == value for name, value in where.items()):
                yield key

    def _shown(self, kind: EdgeKind) -> Iterator[tuple[EdgeKey, str]]:
        """List the edges whose ends are both stored, in order."""
        sources, targets = (self._graph.nodes[end] for end in ENDS[kind])
        for edge, body in sorted(self._graph.edges[kind].items()):
            if edge[0] in sources and edge[1] in targets:
                yield edge, body


class MemoryStore(GraphStore):
    """Keep a graph until the process ends. A write makes a new state; open views keep theirs."""

    backend = "memory"

    def __init__(self, url: str = "memory:") -> None:
        self.url = url
        self._graph = Graph()
        self._writing = RLock()
        self._writes = 0

    def mark(self) -> Mark:
        """Count the writes."""
        return (self._writes, 0)

    def write_since(self, mark: Mark, batch: GraphBatch) -> bool:
        """Write a batch unless the number of writes is another one now."""
        with self._writing:
            if self.mark() != mark:
                return False
            self.write(batch)
            return True

    def write_rows(self, rows: Rows) -> None:
        """Write rows into a copy of the graph, and replace the graph by it at the end."""
        with self._writing:
            graph = self._graph.copy()
            rows = settled(rows, MemoryView(graph).nodes)
            _replace_changes(graph, rows)
            graph.drop("Evidence", rows.dropped_evidence - rows.nodes.get("Evidence", {}).keys())
            for kind, nodes in rows.nodes.items():
                for key, properties in nodes.items():
                    graph.put(kind, key, properties)
            for kind, nodes in rows.stubs.items():
                for key, properties in nodes.items():
                    graph.put_stub(kind, key, properties)
            _replace_edges(graph, rows)
            for edge_kind, edges in rows.edges.items():
                for edge, properties in edges.items():
                    graph.edges[edge_kind][edge] = canonical(properties)
            graph.attachments.update(rows.attachments)
            self._graph = graph
            self._writes += 1

    @contextmanager
    def reading(self) -> Iterator[StoreView]:
        """Open a view of the present state."""
        yield MemoryView(self._graph)

    def erase(self, models: Collection[str], products: Collection[str] = ()) -> None:
        """Delete models and products."""
        with self._writing:
            graph = self._graph.copy()
            _forget(graph, plan(MemoryView(graph), models, products))
            self._graph = graph
            self._writes += 1

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Do nothing: there are no indexes to make afterwards."""
        yield

    @contextmanager
    def atomic(self, rows: int) -> Iterator[None]:
        """Go back to the present state if the block fails: a state is never changed."""
        with self._writing:
            before = self._graph
            try:
                yield
            except BaseException:
                self._graph = before
                raise

    def info(self) -> StoreInfo:
        """Describe the store; its size is not known."""
        from lineage.store.migrations import SCHEMA_VERSION

        view = MemoryView(self._graph)
        nodes: dict[str, int] = {kind: view.count(kind) for kind in PROMOTED}
        edges: dict[str, int] = {kind: view.count(kind) for kind in ENDS}
        counts = view.attachment_counts()
        return StoreInfo(self.url, self.backend, SCHEMA_VERSION, None, nodes, edges, attachments=counts)

    def close(self) -> None:
        """Do nothing: there are no files and no connections."""


def _replace_changes(graph: Graph, rows: Rows) -> None:
    again = rows.nodes.get("Change", {})
    deleted = {
        target for source, target, _ in graph.edges["HAS_CHANGE"] if source in rows.replaced_changes
    } - again.keys()  # fmt: skip
    graph.drop("Change", deleted)


def _replace_edges(graph: Graph, rows: Rows) -> None:
    for kind, sources in rows.replaced.items():
        for edge in list(graph.edges[kind]):
            names = sources.get(edge[0])
            if names is not None and (not names or edge[2] in names):
                del graph.edges[kind][edge]
    for kind, nodes in rows.replaced_touching.items():
        for edge in [edge for edge in graph.edges[kind] if edge[0] in nodes or edge[1] in nodes]:
            del graph.edges[kind][edge]


def _forget(graph: Graph, going: Forgetting) -> None:
    for kind, keys in going.nodes.items():
        graph.drop(kind, keys)
    for key, properties in going.stubs.items():
        graph.nodes["Model"][key] = pack("Model", properties)
        for edge_kind, position in EDGES_OF_A_STUB:
            for edge in [edge for edge in graph.edges[edge_kind] if edge[position] == key]:
                del graph.edges[edge_kind][edge]
    for attachment in going.attachments:
        graph.attachments.pop(attachment, None)
