"""The commits of a history by what they change: one row per commit, then counts by category, phase and time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lineage.report.phrases import period, short
from lineage.report.text import EMPTY, Line, Span, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.history import ClassifiedCommit, CommitsOfLine

TITLE_WIDTH = 30

MONTHS = 12
"""Months that are shown one by one; a longer history is counted by year."""


def commit_lines(commits: CommitsOfLine) -> list[Line]:
    """Write what each commit changes, and the counts."""
    header = tuple(dim(word) for word in ("when (UTC)", "commit", "category", "weights", "title"))
    counts = [(category, f"{number:,}") for category, number in commits.categories.items()]
    phases = ", ".join(f"{phase} {number:,}" for phase, number in commits.phases.items())
    return [
        EMPTY,
        *columns([header, *map(_row, commits.classified)], indent="  "),
        EMPTY,
        line(strong("Commits by category:")),
        *columns(counts, indent="  "),
        line(f"By phase of CRISP-DM: {phases or 'none known'}."),
        EMPTY,
        *_over_time(commits),
    ]


def _row(commit: ClassifiedCommit) -> tuple[str | Span, ...]:
    weights = "-" if commit.weights == "none" else commit.weights
    return (
        period(commit.date, commit.date),
        dim(short(commit.revision)),
        commit.category,
        weights,
        cut(commit.title, TITLE_WIDTH),
    )


def _over_time(commits: CommitsOfLine) -> list[Line]:
    """Write the counts by month, or by year where there are more months than rows."""
    by_year = len(commits.over_time) > MONTHS
    totals: dict[str, Counter[str]] = {}
    for each in commits.over_time:
        when = "no date" if each.month is None else each.month[:4] if by_year else each.month
        totals.setdefault(when, Counter()).update(each.categories)
    rows = [(when, _counts(counts)) for when, counts in totals.items()]
    return [line(strong(f"Commits by {'year' if by_year else 'month'}:")), *columns(rows, indent="  ")]


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{category} {number:,}" for category, number in counts.most_common())
