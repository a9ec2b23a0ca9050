"""A history as Markdown: one row per push."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.markdown import parts
from lineage.report.markdown.changelog import changelog
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import counted, counts_words, period, short, tag_places, undecided, verdict_words
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.answers.history import (
        CommitsOfLine,
        HistoryAnswer,
        HistoryLine,
        ListedPush,
        PeriodCounts,
    )

HEADER = ("when (UTC)", "end", "commits", "files", "weights", "verdict", "tags", "first title")


def history(answer: HistoryAnswer) -> str:
    """Write a changelog for publishers to paste, or the pushes of each branch if they were asked for."""
    if any(each.rows is not None for each in answer.lines):
        return changelog(answer)
    blocks = [block for each in answer.lines for block in _blocks(each)]
    return document(
        [f"## History of {code(answer.model)}"],
        *blocks,
        _moved_tags(answer),
        parts.findings(answer.findings),
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
        parts.footer(answer, answer.model),
    )


def _moved_tags(answer: HistoryAnswer) -> list[str]:
    """List the tags that moved or were removed."""
    if not answer.moved_tags:
        return []
    items = [f"- {code(each.name)}: {prose(tag_places(each))}" for each in answer.moved_tags]
    return ["**Tags that moved or were removed**", "", *items]


def _blocks(each: HistoryLine) -> list[list[str]]:
    name = code(each.branch.removeprefix("refs/heads/")) + (" (default)" if each.default else "")
    return [
        [f"### {name}: {counted(each.commits, 'commit')} in {counted(len(each.pushes), 'push', 'pushes')}"],
        table(HEADER, [_row(push) for push in each.pushes]) if each.pushes else [],
        [counts_words(each.counts, undecided(push.change for push in each.pushes if push.change))],
        parts.paper(each.paper_definition),
        *(_commits(each.classified_commits) if each.classified_commits else []),
    ]


def _commits(commits: CommitsOfLine) -> list[list[str]]:
    """List what each commit changes, and the counts by category and month."""
    rows = [
        (
            period(commit.date, commit.date), code(short(commit.revision)), commit.category, commit.phase or "",
            commit.weights.replace("_", " "), code(cut(commit.title, 60)),
        )
        for commit in commits.classified
    ]  # fmt: skip
    months = [(each.month or "no date", f"{each.commits:,}", _counts(each)) for each in commits.over_time]
    return [
        table(("when (UTC)", "commit", "category", "phase", "weights", "title"), rows) if rows else [],
        table(("month", "commits", "by category"), months) if months else [],
    ]


def _counts(each: PeriodCounts) -> str:
    return ", ".join(f"{category} {number:,}" for category, number in each.categories.items())


def _row(push: ListedPush) -> tuple[str, ...]:
    title = next((title for title in push.titles if title.strip()), "")
    return (
        period(push.start, push.end),
        code(short(push.revisions[-1])),
        f"{len(push.revisions):,}",
        f"{push.files_changed:,}",
        push.change.kind if push.change else "",
        (verdict_words(push.change) or "") if push.change else "",
        ", ".join(code(tag) for tag in push.tags),
        code(cut(title, 60)),
    )
