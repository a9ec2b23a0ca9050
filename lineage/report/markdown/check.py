"""A check as Markdown, for a job summary or a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.checked import needs_details, row_words
from lineage.report.flagged import summary
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
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
    """Write a table with one row a model, details of the models that need a look, and the summary in the last line."""
    return _several(answers, [each for each in answers.answers if needs_details(each)])


def check_several_in_detail(answers: CheckAnswers) -> str:
    """Write a table with one row a model, the details of each model, and the summary in the last line."""
    return _several(answers, answers.answers)


def _several(answers: CheckAnswers, in_detail: Sequence[CheckAnswer]) -> str:
    rows = [
        (code(each.model), f"{MARKS[each.verdict]} {each.verdict}", prose(row_words(each))) for each in answers.answers
    ]
    footer = parts.footer(answers, *(each.model for each in answers.answers))
    return document(
        table(("model", "verdict", "reason"), rows),
        *(block for each in in_detail for block in _blocks(each)),
        parts.settings(answers.settings),
        [f"**{summary(answers.answers)}** {footer[0]}"],
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
