"""The commits of a line by what they change, for `lineage history --commits`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING

from lineage.fingerprint.weight_files import is_weight_file
from lineage.versioning.commit_taxonomy import CATEGORIES
from lineage.versioning.commits import State, classify
from lineage_schemas.answers.history import ClassifiedCommit, CommitsOfLine, PeriodCounts
from lineage_schemas.commit_class import CommitCategory, Phase

if TYPE_CHECKING:
    from lineage.versioning.line import Line
    from lineage_schemas.history import Commit


def classified_commits(line: Line) -> CommitsOfLine:
    """Classify each commit of a line against its predecessor, and count them by category, phase and month."""
    found = tuple(_classified(line))
    months = sorted(found, key=lambda commit: (_month(commit) is None, _month(commit) or ""))
    return CommitsOfLine(
        classified=found,
        categories=_categories(found),
        phases=_phases(found),
        over_time=tuple(_period(month, tuple(commits)) for month, commits in groupby(months, key=_month)),
    )


def _classified(line: Line) -> Iterator[ClassifiedCommit]:
    """Follow the files of weights along the line: they tell the first upload from a further format."""
    weights: set[str] | None = None if line.cut else set()
    for commit in line.commits:
        adds = any(change.status == "A" and is_weight_file(change.path) for change in commit.changes or ())
        before = State(None if weights is None or not adds else frozenset(weights))
        found = classify(commit.title, commit.message, commit.changes, before)
        yield ClassifiedCommit(**found.model_dump(), revision=commit.id, date=commit.date, title=commit.title)
        weights = _after(weights, commit)


def _after(weights: set[str] | None, commit: Commit) -> set[str] | None:
    """Return the files of weights after a commit; None from a commit on whose files are not known."""
    if weights is None or commit.changes is None:
        return None
    for change in commit.changes:
        if change.status == "D":
            weights.discard(change.path)
        elif is_weight_file(change.path):
            weights.add(change.path)
    return weights


def _month(commit: ClassifiedCommit) -> str | None:
    try:
        return commit.date.astimezone(UTC).strftime("%Y-%m") if commit.date else None
    except OverflowError:  # an hour of the year 9999 that is in the next year in UTC
        return None


def _period(month: str | None, commits: tuple[ClassifiedCommit, ...]) -> PeriodCounts:
    return PeriodCounts(month=month, commits=len(commits), categories=_categories(commits), phases=_phases(commits))


def _categories(commits: Iterable[ClassifiedCommit]) -> dict[CommitCategory, int]:
    """Count categories, the most frequent first, ties in the order of the table."""
    counts = Counter(commit.category for commit in commits)
    order = list(CATEGORIES)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], order.index(item[0]))))


def _phases(commits: Iterable[ClassifiedCommit]) -> dict[Phase, int]:
    """Count phases in the order of CRISP-DM."""
    counts = Counter(commit.phase for commit in commits if commit.phase)
    order = dict.fromkeys(category.phase for category in CATEGORIES.values() if category.phase)
    return {phase: counts[phase] for phase in order if counts[phase]}
