"""A check as Markdown, for a job summary or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, table
from lineage.report.phrases import (
    SHOWN_SIGNALS,
    counts_words,
    listed,
    no_announcement,
    period,
    replaced_at_first,
    short,
    span_of,
    touched,
    undecided,
    verdict_words,
    within_first_push,
)

if TYPE_CHECKING:
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers, WeightChange

MARKS = {"clean": "✅", "findings": "❌", "unchecked": "❔"}


def check(answer: CheckAnswer) -> str:
    """Write the check of one model."""
    return document(*_blocks(answer), parts.settings(answer.settings), parts.footer(answer, answer.model))


def check_several(answers: CheckAnswers) -> str:
    """Write a summary table, then each model's check."""
    rows = [
        (
            code(each.model),
            f"{MARKS[each.verdict]} {each.verdict}",
            counts_words(each.counts, undecided(each.weight_changes), unsure=each.verdict == "unchecked"),
        )
        for each in answers.answers
    ]
    blocks = [block for each in answers.answers for block in _blocks(each)]
    return document(
        table(("model", "verdict", "changes"), rows),
        *blocks,
        parts.settings(answers.settings),
        parts.footer(answers, *(each.model for each in answers.answers)),
    )


def _blocks(answer: CheckAnswer) -> list[list[str]]:
    counting = [change for change in answer.weight_changes if change.counts]
    since = f" since {code(answer.since)}" if answer.since else ""
    branch = (answer.branch or "").removeprefix("refs/heads/")
    words = counts_words(answer.counts, undecided(answer.weight_changes), unsure=answer.verdict == "unchecked")
    if replaced := replaced_at_first(answer.weight_changes):
        words += f" {within_first_push(replaced)}."
    return [
        [f"## {MARKS[answer.verdict]} {code(answer.model)}: {answer.verdict}"],
        [f"{words} Branch {code(branch)}{since}, head {code(short(answer.head))}."],
        change_table(counting),
        parts.paper(answer.paper_definition),
        parts.findings(answer.findings),
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
    ]


def change_table(changes: list[WeightChange]) -> list[str]:
    """Write changes as a table; nothing if there are none."""
    if not changes:
        return []
    rows = [
        (
            period(change.start, change.end),
            change.kind,
            f"**{change.verdict}**" if change.verdict == "silent" else verdict_words(change) or "",
            f"{touched(change)}: {', '.join(code(group.group) for group in change.groups)}",
            listed([parts.signal(each) for each in change.signals], SHOWN_SIGNALS) or no_announcement(),
            code(span_of(change.revisions)),
        )
        for change in changes
    ]
    return table(("when (UTC)", "kind", "verdict", "files", "announced by", "commits"), rows)
