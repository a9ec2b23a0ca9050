"""Copy a whole graph from one store to another, of any backend, and compare both at the end.

Both stores are read in the same order, side by side, so that a copy in constant memory knows which rows the target has
already and skips them. Running a killed copy again completes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lineage.errors import InputError, StoreError
from lineage.progress import SILENT, Progress
from lineage.store.graph import EdgeRow, NodeRow
from lineage.store.merging import merged
from lineage.store.moving.checked import refuse_damage, sound_rows
from lineage.store.moving.sections import (
    AWAITED,
    SECTIONS,
    Checksums,
    batches,
    checksums,
    line,
    row_name,
    rows_of,
    sort_key,
)
from lineage.store.rows import Rows

if TYPE_CHECKING:
    from lineage.progress import Task
    from lineage.store.graph import NodeKind
    from lineage.store.interface import GraphStore, StoreInfo, StoreView
    from lineage.store.moving.checked import TableReader
    from lineage.store.moving.sections import Row

BULK_ROWS = 100_000
"""From this many missing rows on, a bulk load is faster, though it makes the target's indexes again."""


@dataclass(frozen=True)
class Copied:
    """Report what a copy did: rows written, rows already in the target, and the checksums of both stores."""

    written: int
    already_there: int
    checksums: Checksums


def copy_store(
    source: GraphStore, target: GraphStore, progress: Progress = SILENT, read_table: TableReader | None = None
) -> Copied:
    """Copy everything, then compare both stores by counts and digests.

    The source is read to its end first: of a damaged one nothing is copied. It is read in one view, so that writes to
    it during the copy are not copied. Neo4j has no snapshots: there some of those writes are copied and others not.
    That raises StoreError, and the same copy completes the target when the writers have finished. The target must be
    empty or hold a part of the source. Raises InputError where the source is empty or the target holds something else,
    StoreError where the source is damaged or the stores differ at the end.
    """
    source_info, target_info = source.info(), target.info()
    refuse_empty(source_info, "copy")
    with source.reading() as view:
        check_unchanged = view.change_guard()
        _refuse_damaged(source, view, progress, read_table)
        if _rows(target_info):
            _refuse_others(view, target, progress)
            # Makes the indexes that a killed load left out: once a view of the target is open, that would wait for it.
            target.write_rows(Rows())
        missing = _rows(source_info) - _rows(target_info)
        bulk = target.bulk() if missing >= BULK_ROWS else nullcontext()
        with bulk, progress.task("copying", _rows(source_info), "rows") as task:
            sums, written = _write_missing(view, target, task, begun=_rows(target_info) > 0)
        check_unchanged()
    source.must_be_there()
    with progress.task("checking the copy"), target.reading() as copied:
        found = checksums(copied)
    if wrong := sums.differing(found):
        details = ", ".join(f"{kind} ({sums.counts[kind]:,} and {found.counts[kind]:,})" for kind in wrong)
        raise StoreError(
            f"the copy in {target.url} differs from {source.url} in: {details}",
            hint="the target was modified during the copy, or is of another store: copy into an empty store",
        )
    return Copied(written, sum(sums.counts.values()) - written, sums)


def _refuse_damaged(store: GraphStore, view: StoreView, progress: Progress, read_table: TableReader | None) -> None:
    """Raise StoreError, before anything is written, if a row of the source is not a record or cannot be read."""
    with progress.task("checking the source", unit="rows") as task:
        refuse_damage(view, store.url, read_table)
        for section in SECTIONS:
            for _ in sound_rows(view, section):
                task.advance()


def refuse_empty(info: StoreInfo, purpose: str) -> None:
    """Raise InputError for an empty store: its path is probably mistyped."""
    if not any(info.nodes.values()):
        what = "does not exist" if info.backend == "sqlite" and info.size_bytes is None else "is empty"
        raise InputError(
            f"the store {info.url} {what}: there is nothing to {purpose}", hint="check the path or the URL"
        )


def _rows(info: StoreInfo) -> int:
    return sum(info.nodes.values()) + sum(info.edges.values())


def _refuse_others(view: StoreView, target: GraphStore, progress: Progress) -> None:
    """Raise InputError, before anything is written, if the target holds a row that the source does not."""
    with target.reading() as target_view, progress.task("comparing with the rows in the target"):
        for section in SECTIONS:
            for row, found in side_by_side(rows_of(view, section), rows_of(target_view, section)):
                if found is None or row == found:
                    continue
                if row is None and not _is_awaited_no_more(view, section, found):
                    what = f"has a row that the source does not have: {row_name(section, found)}"
                elif row is not None and _cannot_become(section, row, found):
                    what = f"has values that the copy would not replace, in {row_name(section, found)}"
                else:
                    continue
                raise InputError(
                    f"the store {target.url} {what}",
                    hint="copy into an empty store, or into an earlier copy of the same store",
                )


def _is_awaited_no_more(view: StoreView, section: str, found: Row) -> bool:
    """Return whether an edge that is awaited in the target has both its ends in the source by now."""
    if section != AWAITED or not isinstance(found, EdgeRow):
        return False
    return any(sort_key(edge) == sort_key(found) for edge in view.edges(found.kind, [found.source], "out"))


def _cannot_become(section: str, row: Row, found: Row) -> bool:
    """Return whether writing the source's node over the target's would keep values of the target.

    For example the target has a digest that the source lacks: merging keeps it, and the result is neither of the two.
    """
    if not isinstance(row, NodeRow) or not isinstance(found, NodeRow):
        return False
    return merged(cast("NodeKind", section), found.properties, row.properties) != row.properties


def _write_missing(view: StoreView, target: GraphStore, task: Task, *, begun: bool) -> tuple[Checksums, int]:
    """Write the rows that the target lacks or that differ, section by section; nodes come before edges.

    An empty target (not `begun`) is not read while it is written: an open view would make SQLite's log grow.
    """
    sums, written = Checksums(), 0
    for section in SECTIONS:
        with target.reading() if begun else nullcontext() as target_view:
            found = rows_of(target_view, section) if target_view is not None else iter(())
            missing = _missing(section, view, found, sums, task)
            for rows, number in batches(section, missing):
                target.write_rows(rows)
                written += number
    return sums, written


def _missing(section: str, view: StoreView, existing: Iterator[Row], sums: Checksums, task: Task) -> Iterator[Row]:
    for row, found in side_by_side(rows_of(view, section), existing):
        if row is not None:
            sums.add(section, line(section, row))
            task.advance()
            if row != found:
                yield row


def side_by_side(left: Iterator[Row], right: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Join two sorted streams of one section; None where one of them lacks the other's row."""
    mine, theirs = next(left, None), next(right, None)
    while mine is not None or theirs is not None:
        if theirs is None or (mine is not None and sort_key(mine) < sort_key(theirs)):
            yield mine, None
            mine = next(left, None)
        elif mine is None or sort_key(theirs) < sort_key(mine):
            yield None, theirs
            theirs = next(right, None)
        else:
            yield mine, theirs
            mine, theirs = next(left, None), next(right, None)
