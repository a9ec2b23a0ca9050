"""A graph as one ordered stream: its sections, their rows, each row's sort key and line, and their checksums."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from lineage.errors import StoreError
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.promoted import PROMOTED, canonical
from lineage.store.rows import Rows

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind
    from lineage.store.interface import StoreView
    from lineage_schemas.graph_batch import AttachmentKind


class AttachmentRow(NamedTuple):
    """Hold one attachment."""

    kind: AttachmentKind
    key: str
    data: bytes


Row = NodeRow | EdgeRow | AttachmentRow

ATTACHMENTS = "attachments"

AWAITED = "awaited"
"""Edges of all kinds with an end that is not stored yet: no query returns them, but a copy must have them too."""

SECTIONS: tuple[str, ...] = (*sorted(PROMOTED), *sorted(ENDS), AWAITED, ATTACHMENTS)
"""Everything in a store, in the order of dumps: nodes by kind, edges by kind, awaited edges, attachments."""

BATCH_ROWS = 5_000
"""Rows in one write: a size that Neo4j handles well in one transaction."""

BATCH_BYTES = 8_000_000
"""Bytes of attachments in one write."""


def rows_of(view: StoreView, section: str) -> Iterator[Row]:
    """Iterate over a section in order, in constant memory. Raises StoreError for a duplicate row."""
    before: tuple[str, ...] = ()
    for row in _rows_of(view, section):
        here = sort_key(row)
        if here == before:
            raise StoreError(
                f"{row_name(section, row)} is in the store twice: the store's unique constraints are missing",
                hint="delete one of the two in Cypher; the next write makes the constraints again",
            )
        before = here
        yield row


def _rows_of(view: StoreView, section: str) -> Iterator[Row]:
    if section in PROMOTED:
        return view.all_nodes(cast("NodeKind", section))
    if section in ENDS:
        return view.all_edges(cast("EdgeKind", section))
    if section == AWAITED:
        return (edge for kind in sorted(ENDS) for edge in view.all_awaited_edges(kind))
    return (AttachmentRow(*row) for row in view.all_attachments())


def sort_key(row: Row) -> tuple[str, ...]:
    """Return what identifies a row in its section, by which the section is sorted."""
    if isinstance(row, NodeRow):
        return (row.key,)
    if isinstance(row, EdgeRow):
        return (row.kind, row.source, row.target, row.name)
    return (row.kind, row.key)


def row_name(section: str, row: Row) -> str:
    """Name a row in an error."""
    parts = sort_key(row)
    return " ".join(parts if parts[0] == section else (section, *parts))


def line(section: str, row: Row) -> str:
    """Encode a row as its line of a dump, times of reading included: `tests.support.dump.dump` writes the same."""
    if isinstance(row, NodeRow):
        return canonical({"node": section, "key": row.key, "properties": row.properties})
    if isinstance(row, EdgeRow):
        fields: dict[str, Any] = {"source": row.source, "target": row.target, "name": row.name}
        what = AWAITED if section == AWAITED else "edge"
        return canonical({what: row.kind, **fields, "properties": row.properties})
    return canonical({"attachment": row.kind, "key": row.key, "data": b64encode(row.data).decode("ascii")})


def batches(section: str, rows: Iterable[Row]) -> Iterator[tuple[Rows, int]]:
    """Group the rows of one section into writes of a bounded size; yield each with its number of rows."""
    gathered: list[Row] = []
    size = 0
    for row in rows:
        gathered.append(row)
        size += len(row.data) if isinstance(row, AttachmentRow) else 0
        if len(gathered) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _as_rows(section, gathered), len(gathered)
            gathered, size = [], 0
    if gathered:
        yield _as_rows(section, gathered), len(gathered)


def _as_rows(section: str, rows: list[Row]) -> Rows:
    if section in PROMOTED:
        return Rows.of(nodes=[(cast("NodeKind", section), cast("NodeRow", row)) for row in rows])
    if section in ENDS or section == AWAITED:
        return Rows.of(edges=cast("list[EdgeRow]", rows))
    return Rows.of(attachments=cast("list[AttachmentRow]", rows))


class Checksums:
    """Count and hash the lines of each section: SHA-256 over all of them, each with its line feed.

    Two stores with equal checksums hold the same graph, times of reading included.
    """

    def __init__(self) -> None:
        from hashlib import sha256

        self._hashes = {section: sha256() for section in SECTIONS}
        self.counts = dict.fromkeys(SECTIONS, 0)

    def add(self, section: str, text: str) -> None:
        """Add one line, without its line feed."""
        self._hashes[section].update(text.encode("utf-8", "surrogatepass") + b"\n")
        self.counts[section] += 1

    def must_be(self, counts: Mapping[str, int]) -> None:
        """Raise StoreError unless `counts`, taken before, are the numbers of rows that were read.

        This finds rows that a user adds or deletes in Cypher during the reading: they raise no write counter.
        """
        if changed := [kind for kind, number in counts.items() if self.counts[kind] != number]:
            details = ", ".join(f"{kind} (counted {counts[kind]:,}, read {self.counts[kind]:,})" for kind in changed)
            raise StoreError(
                f"the store was modified while it was being read: {details}",
                hint="run the command again when no one is writing to it; `lineage store check` looks for faults",
            )

    def digests(self) -> dict[str, str]:
        """Return the digest of each section."""
        return {section: f"sha256:{found.hexdigest()}" for section, found in self._hashes.items()}

    def differing(self, other: Checksums) -> list[str]:
        """Name the sections in which two graphs differ."""
        mine, theirs = self.digests(), other.digests()
        return [section for section in SECTIONS if mine[section] != theirs[section]]

    def digest(self) -> str:
        """Return one digest for the graph: SHA-256 over the digests of the sections, in their order."""
        from hashlib import sha256

        return f"sha256:{sha256(canonical(self.digests()).encode()).hexdigest()}"


def checksums(view: StoreView) -> Checksums:
    """Read a whole store and compute its checksums."""
    sums = Checksums()
    for section in SECTIONS:
        for row in rows_of(view, section):
            sums.add(section, line(section, row))
    return sums
