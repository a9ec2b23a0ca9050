"""The answer to `history`: every push of a branch, oldest first, and what it did to the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report import notes
from lineage.report.findings import finding_lines, settings_lines
from lineage.report.phrases import (
    counted,
    counts_words,
    dated,
    listed,
    paper_words,
    period,
    short,
    tag_places,
    undecided,
    verdict_words,
)
from lineage.report.table.check import VERDICT_STYLES
from lineage.report.table.commits import commit_lines
from lineage.report.table.release_notes import note_rows, release_rows
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.history import HistoryAnswer, HistoryLine, ListedPush

TITLE_WIDTH = 22


def history(answer: HistoryAnswer) -> Document:
    """Write the pushes of each branch."""
    sources = {
        "git-partial": "git",
        "git-full": "git",
        "api": "the Hub's API",
        "folder": "a folder",
        "cache": "the cache",
    }
    source = sources.get(answer.source, answer.source)
    branches = counted(len(answer.lines), "branch", "branches")
    lines = [line(strong(answer.model), dim(f": {branches}, read from {source}"))]
    for each in answer.lines:
        lines += [EMPTY, *_line(each)]
    if answer.other_versions:
        lines += [EMPTY, line(strong("Versions in other repositories:"))]
        lines += columns([notes.other_version(each) for each in answer.other_versions], indent="  ")
    if answer.moved_tags:
        lines += [EMPTY, line(strong("Tags that moved or were removed:"))]
        lines += columns([(each.name, tag_places(each)) for each in answer.moved_tags], indent="  ")
    if answer.findings:
        lines += [EMPTY, line(strong("Findings:")), *finding_lines(answer.findings)]
    lines += [*note_lines(answer.notes), *unchecked_lines(answer.unchecked), EMPTY]
    return [*lines, *settings_lines(answer.settings), line(dim(dated(answer, answer.model)))]


def _line(history_line: HistoryLine) -> list[Line]:
    branch = history_line.branch.removeprefix("refs/heads/") + (" (default)" if history_line.default else "")
    commits = counted(history_line.commits, "commit")
    pushes = counted(len(history_line.pushes), "push", "pushes")
    lines = [line(strong(branch), f" · {commits} in {pushes} to {short(history_line.head)}")]
    if history_line.rows is not None:
        lines += note_rows(history_line)
    elif history_line.pushes:
        header = ("when (UTC)", "end", "commits", "files", "weights", "verdict", "title")
        rows = [tuple(dim(word) for word in header), *(_row(push) for push in history_line.pushes)]
        lines += columns(rows, indent="  ")
    unknown = undecided(push.change for push in history_line.pushes if push.change)
    lines += [line(counts_words(history_line.counts, unknown))]
    lines += [line(dim(f"{words}."), indent="  ") for words in paper_words(history_line.paper_definition)]
    lines += release_rows(history_line.releases) if history_line.releases is not None else []
    return lines + (commit_lines(history_line.classified_commits) if history_line.classified_commits else [])


def _row(push: ListedPush) -> tuple[str | Span, ...]:
    change = push.change
    tags = f"[{listed(push.tags, 3)}] " if push.tags else ""
    title = next((title for title in push.titles if title.strip()), "")
    kind: str | Span = dim("-")
    if change:
        kind = strong(change.kind) if change.counts else Span(change.kind)
    verdict = verdict_words(change) if change else None
    return (
        period(push.start, push.end),
        dim(short(push.revisions[-1])),
        f"{len(push.revisions):,}",
        f"{push.files_changed:,}",
        kind,
        Span(verdict or "-", VERDICT_STYLES[verdict]),
        cut(tags + title, TITLE_WIDTH),
    )
