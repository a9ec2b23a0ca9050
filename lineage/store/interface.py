"""The interface of a graph store. A store reads and writes records; it does not score or format them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKind, EdgeRow, NodeKind, NodeRow, Scalar
    from lineage.store.rows import Rows
    from lineage_schemas.graph_batch import AttachmentKind, GraphBatch

OnDamage = Callable[[str, str], None]
"""Receives the name of a row that cannot be decoded, and what is wrong with it."""

CLOCKS = frozenset({"collected_at", "observed_at", "since", "first_read", "last_read", "recorded_at"})
"""Properties with the time of a reading, of any record: left out of dumps that are compared."""


@dataclass(frozen=True)
class StoreInfo:
    """Describe a store: counts by kind and its size; `server` is the server that holds it, with its version.

    `attachments` counts the kinds that there are.

    `note` says that there is no store yet, `size_note` why the size is not known.
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
    attachments: dict[str, int] = field(default_factory=dict)


class Descent(NamedTuple):
    """The descendants of a model, as `lineage/query/walk.py` counts them.

    `depths` holds the root and the first descendants in order of depth and key, up to the limit. `total` counts all
    descendants without the root; `counts` by the relation of the edge by which each is first reached.
    """

    depths: dict[str, int]
    total: int
    counts: dict[str | None, int]


class StoreView(ABC):
    """Read the graph as it was when the view was opened.

    Rows are plain values, so that a walk over 100,000 edges does not make 100,000 records. Every list is in order of
    key (edges: source, target, name), by code point, on every backend.
    """

    @abstractmethod
    def nodes(self, kind: NodeKind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Fetch nodes: properties by key. A key that is not stored is left out."""

    @abstractmethod
    def find(
        self, kind: NodeKind, where: Mapping[str, Scalar], *, after: str | None = None, limit: int | None = None
    ) -> Sequence[NodeRow]:
        """List nodes whose promoted properties equal `where`, `limit` of them after the key `after`.

        Raises ValueError for a property that is not promoted (`lineage/store/promoted.py`).
        """

    def find_any(self, kind: NodeKind, name: str, values: Collection[str]) -> Sequence[NodeRow]:
        """List nodes one of whose promoted properties is among some values, in order of that and then of key.

        A backend behind a network queries all values at once.
        """
        return [row for value in sorted(set(values)) for row in self.find(kind, {name: value})]

    @abstractmethod
    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterator[EdgeRow]:
        """List the edges of a kind that touch a set of nodes: one hop, with one statement for a few hundred keys."""

    @abstractmethod
    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List (source, target) of the edges that `edges` returns, without properties: for walks over many edges."""

    def neighbours_up_to(
        self, kind: EdgeKind, frontier: Collection[str], direction: Direction, limit: int
    ) -> dict[str, list[str]]:
        """List for each node of a frontier the nodes at the other ends of its edges, `limit + 1` of them at most.

        Each is listed once, in order of key; a node without any is left out. The list shows whether there are more than
        `limit` without reading them: a match key may have 100,000 holders. Which ones are listed is not defined where
        there are more. Backends override this to read no more than that.
        """
        found: dict[str, list[str]] = {}
        for source, target in self.neighbours(kind, frontier, direction):
            near, far = (source, target) if direction == "out" else (target, source)
            found.setdefault(near, []).append(far)
        return {near: sorted(set(own))[: limit + 1] for near, own in found.items()}

    def most_used(self, limit: int) -> list[str]:
        """List the models with most edges of descent to them, most first, then by key."""
        counted = Counter(edge.target for edge in self.all_edges("DERIVED_FROM"))
        return sorted(counted, key=lambda key: (-counted[key], key))[:limit]

    def walk(self, root: str, direction: Direction) -> list[dict[str, str | None]]:
        """Walk over DERIVED_FROM from a model to all models that it reaches, each once.

        Returns for each depth from 1 on its models in order of key, each with the relation of the edge by which it was
        reached: of several edges, the one from the model with the first key. A backend overrides this where it can
        walk without reading keys.
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
        """Count the nodes or edges of a kind whose promoted properties equal `where`."""

    @abstractmethod
    def attachment(self, kind: AttachmentKind, key: str) -> bytes | None:
        """Fetch the bytes stored under a key, or None."""

    @abstractmethod
    def attachment_counts(self) -> dict[str, int]:
        """Count the attachments of each kind that there are, in order of the kinds."""

    def ancestry(self, root: str, *, depth: int | None) -> Sequence[EdgeRow] | None:
        """List the edges from a model, and from each ancestor up to `depth` edges away, to their parents.

        None tells the caller to walk hop by hop. For stores behind a network, where a round trip for each hop costs
        more than the rows.
        """
        return None

    def descent(self, root: str, *, depth: int | None, limit: int | None) -> Descent | None:
        """Count all descendants of a model and list the first `limit` within `depth`.

        None tells the caller to walk hop by hop. For stores that can count without sending what they count.
        """
        return None

    def change_guard(self) -> Callable[[], None]:
        """Return a check that raises StoreError if the store was modified since this call, for full reads.

        The check of a view that is a snapshot never raises: it reads the same graph whatever is written.
        """
        return _unchanged

    def damage(self) -> Iterator[str]:
        """Yield each fault that the backend's own check of its files finds; reads all of them.

        A store without files of its own has none: a server checks its files itself.
        """
        return iter(())

    @abstractmethod
    def all_nodes(self, kind: NodeKind, on_damage: OnDamage | None = None) -> Iterator[NodeRow]:
        """Iterate over all nodes of a kind in order of key, in constant memory.

        A row that cannot be decoded is passed to `on_damage` and skipped; without it StoreError is raised.
        """

    @abstractmethod
    def all_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over all edges of a kind in order, in constant memory; `on_damage` as in `all_nodes`."""

    @abstractmethod
    def all_awaited(self, kind: NodeKind) -> Iterator[str]:
        """Iterate over the keys that edges name and that no node has, in order, in constant memory."""

    @abstractmethod
    def all_awaited_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over the edges of a kind with an end that is not stored yet, in order, in constant memory.

        No other method returns these edges. Copies and backups include them: once the end is written to the copy, the
        copy shows the edge as the original does.
        """

    @abstractmethod
    def all_attachments(self) -> Iterator[tuple[AttachmentKind, str, bytes]]:
        """Iterate over all attachments in order of kind and key, in constant memory."""


def _unchanged() -> None:
    """Do nothing: a snapshot does not change."""


Mark = tuple[int, int]
"""What was written to a store up to some moment: it can only be compared for equality."""


class GraphStore(ABC):
    """Keep the graph. Every error of a database library is raised as StoreError."""

    url: str
    backend: str

    def write(self, batch: GraphBatch) -> None:
        """Write a batch in one transaction: all of it or nothing. Writing the same batch again changes nothing.

        `lineage/store/merging.py` says how a record is merged with a stored one, `lineage/store/codec.py` which edges
        it implies.
        """
        from lineage.store.codec import encode

        self.write_rows(encode(batch))

    @abstractmethod
    def mark(self) -> Mark:
        """Return a mark of what was written so far by all processes.

        Take it before a view opens from which a batch is worked out, for `write_since`.
        """

    @abstractmethod
    def write_since(self, mark: Mark, batch: GraphBatch) -> bool:
        """Write a batch like `write`, and return True; if anything was written since a mark, write nothing.

        For what follows from the rest of the graph: two processes that read the same view, and do not see each other's
        models, would leave out the edges between them. False tells the caller to work it out again.
        """

    @abstractmethod
    def write_rows(self, rows: Rows) -> None:
        """Write rows as `write` writes a batch: for copies and imports, which have rows and no records."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[StoreView]:
        """Open a view: one read transaction, which does not see later writes.

        Neo4j has no snapshots: its views show what is committed at the time of each query.
        """

    @abstractmethod
    def erase(self, models: Collection[str], products: Collection[str] = ()) -> None:
        """Delete models: their refs, revisions, changes, evidence, edges to parents, and what no other model uses.

        A model that others derive from, or that a product uses, stays as a stub with its name only. Products are
        deleted with their uses, and with models that are known by name only and only through them.
        """

    @abstractmethod
    def bulk(self) -> AbstractContextManager[None]:
        """Prepare for a first load of many batches: make indexes after the rows, where the backend can."""

    @abstractmethod
    def atomic(self, rows: int) -> AbstractContextManager[None]:
        """Make one transaction of all writes in the block: an error or a kill leaves the store as it was.

        `rows` is their number, if a backend has a limit. Another writer waits until the block ends.
        """

    def must_be_there(self) -> None:  # noqa: B027 - what is not in a file needs no check
        """Raise StoreError if the store was deleted or replaced since this process first used it.

        Reading and writing call it. Call it again before an answer that says what the store holds now.
        """

    def missing(self) -> str | None:
        """Return why there is no store at the URL yet; None if there is one. Reads none of its content."""
        return None

    @abstractmethod
    def info(self) -> StoreInfo:
        """Describe the store, without checking it."""

    @abstractmethod
    def close(self) -> None:
        """Close files and connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
