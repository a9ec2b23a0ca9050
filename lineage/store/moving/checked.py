"""Check the rows of a graph one after another: order, content, and whether the ends of edges are there."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeGuard, cast

from lineage.errors import FormatError, StoreError
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.moving.sections import ATTACHMENTS, AWAITED, SECTIONS, AttachmentRow, row_name, rows_of, sort_key
from lineage.store.validation import OTHER_TEXT, attachment_fault, edge_fault, hashes_to, node_fault

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind
    from lineage.store.interface import StoreView
    from lineage.store.moving.sections import Row

TableReader = Callable[[bytes], object]
"""Reads a tensor table, or raises FormatError: the package that knows its format is not below the store."""

REPAIR = "`lineage store check` lists all faults; restore the store from a backup, or forget and collect these models"


def row_fault(section: str, row: Row, read_table: TableReader | None = None) -> str | None:
    """Say what is wrong with a row by itself; None if it is a record of its kind."""
    if isinstance(row, NodeRow):
        return node_fault(cast("NodeKind", section), row)
    if isinstance(row, EdgeRow):
        return edge_fault(row)
    if row.kind == "tensors" and read_table is not None:
        try:
            read_table(row.data)
        except FormatError as error:
            return error.message
    return attachment_fault(row.kind, row.key, row.data)


def is_other_text(row: Row) -> TypeGuard[AttachmentRow]:
    """Return whether a row is a text with another hash than its key: a beginning of a long file, or damaged."""
    return isinstance(row, AttachmentRow) and row.kind == "text" and not hashes_to(row.key, row.data)


def _is_whole(view: StoreView, row: AttachmentRow) -> bool:
    file = view.nodes("File", [row.key]).get(row.key, {})
    return len(row.data) >= (file.get("size") or 0)


def sound_rows(view: StoreView, section: str) -> Iterator[Row]:
    """Iterate over a section of a store, as `rows_of` does. Raises StoreError for a row that is not a record."""
    for row in rows_of(view, section):
        if (fault := row_fault(section, row)) is not None:
            raise _damaged("the store", section, row, fault)
        yield row


def refuse_damage(view: StoreView, url: str, read_table: TableReader | None = None) -> None:
    """Raise StoreError if the backend's own check finds a fault: what is read from it may be wrong, and look sound.

    With `read_table` tensor tables are read too, and texts are compared with their hash.
    """
    store = f"the store {url}"
    for damage in view.damage():
        raise StoreError(f"{store} is damaged: {damage}", hint=REPAIR)
    for row in rows_of(view, ATTACHMENTS):
        fault = row_fault(ATTACHMENTS, row, read_table)
        if fault is None and read_table is not None and is_other_text(row) and _is_whole(view, row):
            fault = OTHER_TEXT
        if fault is not None:
            raise _damaged(store, ATTACHMENTS, row, fault)


def _damaged(store: str, section: str, row: Row, fault: str) -> StoreError:
    return StoreError(f"{store} is damaged: {row_name(section, row)}: {fault}", hint=REPAIR)


class RowChecks:
    """Check the rows of a whole graph in the order of a dump, with 8 bytes of memory for each node."""

    def __init__(self, read_table: TableReader | None = None) -> None:
        self._read_table = read_table
        self._keys: dict[str, Keys] = {kind: Keys() for kinds in ENDS.values() for kind in kinds}
        self._section = 0
        self._before: tuple[str, ...] = ()
        self.other_texts: dict[str, int] = {}
        """The lengths of the texts with another hash than their key, by key."""

    def fault(self, section: str, row: Row) -> str | None:
        """Say what is wrong with the next row, with what the rows before it contain; None if nothing is."""
        here = sort_key(row)
        if (fault := self._misplaced(section, here)) is not None:
            return fault
        self._before = here
        if isinstance(row, NodeRow) and section in self._keys:
            self._keys[section].add(row.key)
        if is_other_text(row):
            self.other_texts[row.key] = len(row.data)
        return row_fault(section, row, self._read_table) or self._end_fault(section, row)

    def _misplaced(self, section: str, here: tuple[str, ...]) -> str | None:
        position = SECTIONS.index(section)
        if position < self._section:
            return f"{section} come before {SECTIONS[self._section]} in a dump"
        if position > self._section:
            self._section, self._before = position, ()
        if here == self._before:
            return "the same row is there twice"
        return "the rows are not in order" if here < self._before else None

    def _end_fault(self, section: str, row: Row) -> str | None:
        """Check that both ends of an edge are among the nodes, and of an awaited edge not both."""
        if not isinstance(row, EdgeRow):
            return None
        ends = tuple(zip(ENDS[row.kind], (row.source, row.target), strict=True))
        missing = [(kind, key) for kind, key in ends if key not in self._keys[kind]]
        if section == AWAITED:
            return None if missing else "this edge awaits an end, but both ends are in the file"
        return f"the end {missing[0][1]} of this edge is not among the {missing[0][0]} nodes" if missing else None


BUCKETS = 256


class Keys:
    """Hold many keys as sorted 64-bit hashes, in buckets: a set of the texts would need ten times the memory.

    Python's hash of a text differs in each process, so that two keys with the same hash cannot be planned.
    """

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(BUCKETS)]
        self._sorted = True

    def add(self, key: str) -> None:
        """Add a key."""
        hashed = hash(key)
        self._buckets[hashed % BUCKETS].append(hashed)
        self._sorted = False

    def __contains__(self, key: str) -> bool:
        if not self._sorted:
            self._buckets = [array("q", sorted(bucket)) for bucket in self._buckets]
            self._sorted = True
        hashed = hash(key)
        bucket = self._buckets[hashed % BUCKETS]
        at = bisect_left(bucket, hashed)
        return at < len(bucket) and bucket[at] == hashed
