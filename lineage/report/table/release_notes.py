"""Release notes in a terminal: one row for each push after which a user gets something different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report import notes
from lineage.report.phrases import counted, listed, period, short
from lineage.report.table.check import VERDICT_STYLES
from lineage.report.text import EMPTY, Line, Span, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.history import HistoryLine, HistoryRow, Release

NOTE_WIDTH = 58

RECONSTRUCTED = "Versions in parentheses were not announced: they are what the changes are worth."


def note_rows(history_line: HistoryLine) -> list[Line]:
    """Write the rows of a line, and how many other pushes there are."""
    rows = history_line.rows or ()
    lines: list[Line] = []
    if rows:
        header = ("when (UTC)", "commit", "version", "what changed", "said")
        table = [tuple(dim(word) for word in header)]
        lines += columns([*table, *(cells for row in rows for cells in _cells(row))], indent="  ")
    if any(row.version and not row.announced for row in rows):
        lines.append(line(dim(RECONSTRUCTED), indent="  "))
    others = len(history_line.pushes) - len(rows)
    if others > 0:
        words = f"{counted(others, 'other push', 'other pushes')} changed nothing for a user who updates"
        lines.append(line(dim(f"{words}; --pushes lists {'it' if others == 1 else 'them'}."), indent="  "))
    return lines


def _cells(row: HistoryRow) -> list[tuple[str | Span, ...]]:
    """Write a row: its first note beside the version, each further one on a line of its own."""
    tags = f"[{listed(row.tags, 3)}] " if row.tags else ""
    words = [cut(each, NOTE_WIDTH) for each in notes.changed(row)] or [f"{row.kind}"]
    version, verdict = notes.version(row), notes.verdict(row)
    first = (
        period(row.start, row.end),
        dim(short(row.revision)),
        strong(version) if row.announced else version,
        Span(cut(tags + words[0], NOTE_WIDTH), "warn" if row.kind == "unjudged" else ""),
        Span(verdict or "-", VERDICT_STYLES[verdict]),
    )
    return [first, *(("", "", "", each, "") for each in words[1:])]


def release_rows(releases: Sequence[Release]) -> list[Line]:
    """Write the declared releases, newest last, each with what changed since the one before and its parts."""
    if not releases:
        return [EMPTY, line("No release is declared: no tag, no version and no DOI in the card.")]
    lines = [EMPTY, line(strong(counted(len(releases), "declared release")))]
    for release in releases:
        when = f"{release.date:%Y-%m-%d}" if release.date else "no date"
        lines.append(line(strong(notes.names(release)), f" · {when} · {short(release.revision)}", indent="  "))
        lines.append(line(dim(f"declared by {listed(release.names, 3)}"), indent="    "))
        lines += [line(words, indent="    ") for words in notes.release_words(release)]
    return lines
