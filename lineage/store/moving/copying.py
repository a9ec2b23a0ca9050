"""Copying a whole graph from one store to another, of any backend, row by row and checked at the end.

Both ends are read in the same order side by side, so that a copy needs no memory for what it has done: what the target
has already is passed over. A copy that was killed is completed by running it again.
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
from lineage.store.moving.sections import AWAITED, SECTIONS, Checksums, batches, checksums, line, place, rows_of, shown
from lineage.store.rows import Rows

if TYPE_CHECKING:
    from lineage.progress import Task
    from lineage.store.graph import NodeKind
    from lineage.store.interface import GraphStore, StoreInfo, StoreView
    from lineage.store.moving.sections import Row

BULK_ROWS = 100_000
"""Missing rows from which a bulk load pays: it makes the target's indexes again at its end."""


@dataclass(frozen=True)
class Copied:
    """Tell what a copy did: rows written, rows that were there before, and the checksums of both stores."""

    written: int
    already_there: int
    checksums: Checksums


def copy_store(source: GraphStore, target: GraphStore, progress: Progress = SILENT) -> Copied:
    """Copy everything, then compare both stores by counts and digests.

    The source is read in one view: what is written to it meanwhile is not copied. Neo4j's views are no snapshots, and
    of what is written there meanwhile a part is copied: that raises StoreError, and the same copy completes it once the
    writers rest. The target must be empty or part of an earlier copy. Raises InputError where there is nothing to copy
    or the target holds something else, StoreError where the stores differ at the end.
    """
    there, here = source.info(), target.info()
    must_hold_something(there, "copy")
    with source.reading() as view:
        check_unchanged = view.change_guard()
        if _rows(here):
            _refuse_others(view, target, progress)
            target.write_rows(Rows())  # what a killed load left out is made now, while no view is in its way
        missing = _rows(there) - _rows(here)
        bulk = target.bulk() if missing >= BULK_ROWS else nullcontext()
        with bulk, progress.task("copying", _rows(there), "rows") as task:
            sums, written = _write_missing(view, target, task, begun=_rows(here) > 0)
        check_unchanged()
    with progress.task("checking the copy"), target.reading() as copied:
        found = checksums(copied)
    if wrong := sums.differing(found):
        details = ", ".join(f"{kind} ({sums.counts[kind]:,} and {found.counts[kind]:,})" for kind in wrong)
        raise StoreError(
            f"the copy in {target.url} differs from {source.url} in: {details}",
            hint="somebody wrote to it meanwhile, or it is older than the source: copy into an empty store",
        )
    return Copied(written, sum(sums.counts.values()) - written, sums)


def must_hold_something(info: StoreInfo, purpose: str) -> None:
    """Refuse an empty store: mostly its path is misspelt."""
    if not any(info.nodes.values()):
        what = "is not there" if info.backend == "sqlite" and info.size_bytes is None else "holds nothing"
        raise InputError(f"{info.url} {what}: there is nothing to {purpose}", hint="check the path or the URL")


def _rows(info: StoreInfo) -> int:
    return sum(info.nodes.values()) + sum(info.edges.values())


def _refuse_others(view: StoreView, target: GraphStore, progress: Progress) -> None:
    """Make sure, before anything is written, that the target has nothing that the source has not."""
    with target.reading() as there, progress.task("comparing what is there already"):
        for section in SECTIONS:
            for row, found in side_by_side(rows_of(view, section), rows_of(there, section)):
                if found is None or row == found:
                    continue
                if row is None and not _has_come(view, section, found):
                    what = f"holds what is not in the source: {shown(section, found)}"
                elif row is not None and _stays(section, row, found):
                    what = f"knows what the source does not: {shown(section, found)} would not become what it is there"
                else:
                    continue
                raise InputError(
                    f"{target.url} {what}",
                    hint="copy into an empty store, or into one that an earlier copy of the same store began",
                )


def _has_come(view: StoreView, section: str, found: Row) -> bool:
    """Say whether the source, where it was awaited as in the target before, shows an edge by now."""
    if section != AWAITED or not isinstance(found, EdgeRow):
        return False
    return any(place(edge) == place(found) for edge in view.edges(found.kind, [found.source], "out"))


def _stays(section: str, row: Row, found: Row) -> bool:
    """Say whether a node's rule keeps what the target has: then writing the source's would make neither of both."""
    if not isinstance(row, NodeRow) or not isinstance(found, NodeRow):
        return False
    return merged(cast("NodeKind", section), found.properties, row.properties) != row.properties


def _write_missing(view: StoreView, target: GraphStore, task: Task, *, begun: bool) -> tuple[Checksums, int]:
    """Write what the target has not, or has otherwise, section by section; nodes come before edges.

    A target in which nothing was `begun` is not read beside the writing: an open view makes SQLite's log grow.
    """
    sums, written = Checksums(), 0
    for section in SECTIONS:
        with target.reading() if begun else nullcontext() as there:
            found = rows_of(there, section) if there is not None else iter(())
            missing = _missing(section, view, found, sums, task)
            for rows, number in batches(section, missing):
                target.write_rows(rows)
                written += number
    return sums, written


def _missing(section: str, view: StoreView, there: Iterator[Row], sums: Checksums, task: Task) -> Iterator[Row]:
    for row, found in side_by_side(rows_of(view, section), there):
        if row is not None:
            sums.add(section, line(section, row))
            task.advance()
            if row != found:
                yield row


def side_by_side(left: Iterator[Row], right: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Join two streams of one section by place; None stands where one of them has no such row."""
    mine, theirs = next(left, None), next(right, None)
    while mine is not None or theirs is not None:
        if theirs is None or (mine is not None and place(mine) < place(theirs)):
            yield mine, None
            mine = next(left, None)
        elif mine is None or place(theirs) < place(mine):
            yield None, theirs
            theirs = next(right, None)
        else:
            yield mine, theirs
            mine, theirs = next(left, None), next(right, None)
