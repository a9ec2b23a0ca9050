"""What every graph store can do. It moves records; it does not walk, score or format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKind, EdgeRow, NodeKind, NodeRow, Scalar
    from lineage.store.rows import Rows
    from lineage_schemas.graph_batch import AttachmentKind, GraphBatch

CLOCKS = frozenset({"collected_at", "observed_at"})
"""Properties that tell when we looked, not what we saw: left out of dumps that are compared."""


@dataclass(frozen=True)
class StoreInfo:
    """Describe a store: counts by kind and what it occupies; `server` is the server behind it, with its version.

    `note` says so where there is no store yet, `size_note` why nobody can say what it occupies.
    """

    url: str
    backend: str
    schema_version: int
    size_bytes: int | None
    nodes: dict[str, int]
    edges: dict[str, int]
    server: str | None = None
    database: str | None = None
    note: str | None = None
    size_note: str | None = None


class Descent(NamedTuple):
    """What stands on a model, as `lineage/query/walk.py` counts it.

    `depths` holds the root and the first descendants in order of depth and key, as many as were asked for. `total`
    counts all, the root left out; `counts` sorts them by the relation of the edge by which each is first reached.
    """

    depths: dict[str, int]
    total: int
    counts: dict[str | None, int]


class StoreView(ABC):
    """Read the graph as it stood when the view was opened.

    Rows are plain: a walk over 100,000 edges makes no record per row. Every list is in order of key (edges: source,
    target, name), by code point, on every backend.
    """

    @abstractmethod
    def nodes(self, kind: NodeKind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Fetch nodes by key: properties by key, absent where there is none."""

    @abstractmethod
    def find(
        self, kind: NodeKind, where: Mapping[str, Scalar], *, after: str | None = None, limit: int | None = None
    ) -> Sequence[NodeRow]:
        """List nodes whose promoted properties equal `where`, `limit` of them after the key `after`.

        Only promoted properties can be asked for (`lineage/store/promoted.py`); another raises ValueError.
        """

    def find_any(self, kind: NodeKind, name: str, values: Collection[str]) -> Sequence[NodeRow]:
        """List nodes one of whose promoted properties is among some values, in order of that and then of key.

        A backend behind a network asks for all values at once.
        """
        return [row for value in sorted(set(values)) for row in self.find(kind, {name: value})]

    @abstractmethod
    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterator[EdgeRow]:
        """List the edges of a kind that touch a set of nodes, one hop, in one statement for each few hundred keys."""

    @abstractmethod
    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List (source, target) of the edges that `edges` would give, without their properties: for wide walks."""

    def walk(self, root: str, direction: Direction) -> list[dict[str, str | None]]:
        """Walk over DERIVED_FROM from a model to all that it reaches, by depth from 1 on, each model once.

        Gives for each depth its models in order of key, with the relation of the edge by which it was reached; of
        several edges that with the first key before it. A backend that can do this without its keys does.
        """
        levels: list[dict[str, str | None]] = [{root: None}]
        seen = {root}
        while levels[-1]:
            ways: dict[str, tuple[str, str | None]] = {}
            for edge in self.edges("DERIVED_FROM", levels[-1], direction):
                near, far = (edge.source, edge.target) if direction == "out" else (edge.target, edge.source)
                if far not in seen and (far not in ways or near < ways[far][0]):
                    ways[far] = (near, edge.properties.get("relation"))
            seen.update(ways)
            levels.append({key: ways[key][1] for key in sorted(ways)})
        return levels[1:-1]

    @abstractmethod
    def count(self, kind: NodeKind | EdgeKind, where: Mapping[str, Scalar] | None = None) -> int:
        """Count nodes or edges of a kind, of those whose promoted properties equal `where`."""

    @abstractmethod
    def attachment(self, kind: AttachmentKind, key: str) -> bytes | None:
        """Fetch the bytes kept under a key, or None."""

    def ancestry(self, root: str, *, depth: int | None) -> Sequence[EdgeRow] | None:
        """List the edges of descent upward from a model and everything `depth` edges up; None: go hop by hop.

        For stores behind a network, where each hop costs more than what it finds.
        """
        return None

    def descent(self, root: str, *, depth: int | None, limit: int | None) -> Descent | None:
        """Count all descendants of a model and list the first `limit` within `depth`; None: go hop by hop.

        For stores that can count without giving out what they count.
        """
        return None

    def change_guard(self) -> Callable[[], None]:
        """Give what raises StoreError once somebody wrote to the store since now, for those who read all of it.

        A view that is a snapshot is never moved by a writer, and never raises.
        """
        return _unmoved

    @abstractmethod
    def all_nodes(self, kind: NodeKind) -> Iterator[NodeRow]:
        """Go over all nodes of a kind in order of key, in constant memory."""

    @abstractmethod
    def all_edges(self, kind: EdgeKind) -> Iterator[EdgeRow]:
        """Go over all edges of a kind in order, in constant memory."""

    @abstractmethod
    def all_awaited(self, kind: NodeKind) -> Iterator[str]:
        """Go over the keys of nodes that edges name and that are not there, in order, in constant memory."""

    @abstractmethod
    def all_awaited_edges(self, kind: EdgeKind) -> Iterator[EdgeRow]:
        """Go over the edges of a kind that nothing else shows: an end is not there yet; in order, in constant memory.

        Copies and backups carry them: when the end is written later, the edge is there in the copy too.
        """

    @abstractmethod
    def all_attachments(self) -> Iterator[tuple[AttachmentKind, str, bytes]]:
        """Go over all attachments in order of kind and key, in constant memory."""


def _unmoved() -> None:
    """Have nothing to say."""


class GraphStore(ABC):
    """Keep the graph. Every foreign error is wrapped into StoreError."""

    url: str

    def write(self, batch: GraphBatch) -> None:
        """Write a batch in one transaction: all of it or nothing. The same batch twice changes nothing.

        How a record meets one with its key is told in `lineage/store/merging.py` for each kind, which edges it brings
        in `lineage/store/codec.py`.
        """
        from lineage.store.codec import encode

        self.write_rows(encode(batch))

    @abstractmethod
    def write_rows(self, rows: Rows) -> None:
        """Write rows as `write` does a batch: for copies and imports, which have no records in their hands."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[StoreView]:
        """Open a view: one read transaction, unmoved by writers beside it.

        Neo4j has no snapshots: there a view shows what is committed when it is asked.
        """

    @abstractmethod
    def erase(self, models: Collection[str]) -> None:
        """Forget models: their refs, revisions, changes, evidence and edges upward, and what nobody else holds.

        A model that others derive from stays as a stub that is known by name only.
        """

    @abstractmethod
    def bulk(self) -> AbstractContextManager[None]:
        """Prepare for a first load of many batches: indexes after the rows, where the backend has such a way."""

    @abstractmethod
    def info(self) -> StoreInfo:
        """Describe the store."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
