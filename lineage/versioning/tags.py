"""Tags that moved: which commit a tag meant when it was first recorded, and what follows for signals and ranges.

A tag announces a version at its first recorded commit only. A Hub keeps no dates of its refs, so a first reading knows
of no earlier moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from lineage.versioning.words import version_of
from lineage_schemas.history import History
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.ref import FormerTarget, Ref

TAGS, BRANCHES = "refs/tags/", "refs/heads/"


class FirstTarget(NamedTuple):
    """Hold the commit at which a tag was first recorded, and the date of that reading; null if it had no date."""

    commit: str
    read: datetime | None = None


FirstTargets = Mapping[str, FirstTarget]
"""By full name of the tag."""


def first_target(tag: Ref) -> FirstTarget:
    """Find the first recorded target of a tag.

    Of readings at one moment, or without dates, a former target counts as the earlier one, then the smaller commit id.
    """
    former = [FirstTarget(each.target, each.first_read) for each in sorted(tag.former, key=lambda each: each.target)]
    return min((*former, FirstTarget(tag.target, tag.since)), key=lambda each: _moment(each.read))


def other_targets(tag: Ref) -> list[FormerTarget]:
    """List the commits other than the present one that a tag pointed at, in order of their first reading.

    Empty for a tag that never moved, as far as is known.
    """
    former = (each for each in tag.former if each.target != tag.target)
    return sorted(former, key=lambda each: (_moment(each.first_read), each.target))


def _moment(read: datetime | None) -> datetime:
    """Return a date to compare; a reading without one is older than all others: only the first stores wrote such."""
    return read or datetime.min.replace(tzinfo=UTC)


def first_targets(refs: Iterable[Ref]) -> dict[str, FirstTarget]:
    """Map the recorded tags, and the branches whose names are versions, to their first targets."""
    return {ref.name: first_target(ref) for ref in refs if ref.kind == "tag" or is_release_branch(ref)}


def is_release_branch(ref: Ref | HistoryRef) -> bool:
    """Return whether a ref is a branch whose name is a version: it is used as a tag is."""
    return ref.kind == "branch" and version_of(ref.name.removeprefix(BRANCHES)) is not None


def with_first_targets(history: History, first: FirstTargets) -> History:
    """Return a history in which each tag points at its first recorded target instead of its present one.

    So does each branch whose name is a version. That commit may be missing from the history: then the tag announces
    nothing, and is on no line.
    """
    refs = tuple(_at_first(ref, first) for ref in history.refs)
    return history if refs == history.refs else history.model_copy(update={"refs": refs})


def _at_first(ref: HistoryRef, first: FirstTargets) -> HistoryRef:
    recorded = first.get(ref.name)
    return ref if recorded is None else ref.model_copy(update={"target": recorded.commit})
