"""The answer to `check`: the verdict first, then the changes that count, then the numbers and what is unchecked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.checked import needs_details, row_words, verdict_sentence
from lineage.report.findings import finding_lines, settings_lines
from lineage.report.flagged import summary
from lineage.report.phrases import (
    BYTES_NOT_COMPARED,
    SHOWN_SIGNALS,
    announcement,
    counted,
    counts_words,
    dated,
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
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers, WeightChange

MARKS: dict[str, tuple[str, Style]] = {
    "clean": ("✓", "good"),
    "findings": ("✗", "bad"),
    "unchecked": ("?", "warn"),
}

VERDICT_STYLES: dict[str | None, Style] = {
    "silent": "bad",
    "documented": "",
    "versioned": "good",
    "unchecked": "warn",
    None: "dim",
}

SILENT_CHANGE = "silent-weight-change"
"""The rule whose findings repeat the line of a silent change."""


def check(answer: CheckAnswer) -> Document:
    """Write the check of one model."""
    return [*_body(answer), EMPTY, *settings_lines(answer.settings), line(dim(dated(answer, answer.model)))]


def check_several(answers: CheckAnswers) -> Document:
    """Write one row a model, details of the models that need a look, and the summary in the last line."""
    return _several(answers, [each for each in answers.answers if needs_details(each)])


def check_several_in_detail(answers: CheckAnswers) -> Document:
    """Write one row a model, the details of each model, and the summary in the last line."""
    return _several(answers, answers.answers)


def _several(answers: CheckAnswers, in_detail: Sequence[CheckAnswer]) -> Document:
    rows = [(Span(*MARKS[each.verdict]), each.model, each.verdict, row_words(each)) for each in answers.answers]
    lines = columns(rows)
    for each in in_detail:
        lines += [EMPTY, *_body(each)]
    last = dim(f" · {dated(answers, *(each.model for each in answers.answers))}")
    return [*lines, EMPTY, *settings_lines(answers.settings), line(strong(summary(answers.answers)), last)]


def _body(answer: CheckAnswer) -> list[Line]:
    if answer.branch is None:
        return [_verdict_line(answer), *_findings(answer), *unchecked_lines(answer.unchecked)]
    counting = [change for change in answer.weight_changes if change.counts]
    lines = [_verdict_line(answer), _range_line(answer)]
    if counting:
        lines += [EMPTY, *change_lines(counting)]
    lines += _numbers(answer)
    return [*lines, *_findings(answer), *note_lines(answer.notes), *unchecked_lines(answer.unchecked)]


def _verdict_line(answer: CheckAnswer) -> Line:
    """Write the verdict as a sentence that needs no knowledge of our terms."""
    mark, style = MARKS[answer.verdict]
    return line(Span(mark, style), " ", strong(answer.model), ": ", Span(verdict_sentence(answer), style))


def _counted(answer: CheckAnswer) -> str:
    """Write the counts, as those that are known if not everything could be checked."""
    return counts_words(answer.counts, undecided(answer.weight_changes), unsure=answer.verdict == "unchecked")


def _range_line(answer: CheckAnswer) -> Line:
    """Write the branch and the range of commits that the verdict covers."""
    branch = (answer.branch or "no branch").removeprefix("refs/heads/")
    end = f" to {short(answer.head)}" if answer.head else ""
    if answer.since is None:
        begin = "from the first commit"
    else:
        begin = f"since {answer.since}"
        if answer.since_revision and not answer.since_revision.startswith(answer.since):
            begin += f" ({short(answer.since_revision)})"
    return line(dim(f"{branch}, {begin}{end}"), indent="  ")


def change_lines(changes: list[WeightChange]) -> list[Line]:
    """Write each change as one aligned line, and under it its announcements and notes."""
    rows = [
        (
            Span(verdict_words(change) or "-", VERDICT_STYLES[verdict_words(change)]),
            period(change.start, change.end),
            strong(change.kind),
            touched(change),
            dim(span_of(change.revisions)),
        )
        for change in changes
    ]
    lines: list[Line] = []
    for row, change in zip(columns(rows, indent="  "), changes, strict=True):
        lines += [row, *_details(change)]
    return lines


def _details(change: WeightChange) -> list[Line]:
    lines = []
    for group in change.groups:
        kind = f" · {group.kind}" if group.kind != change.kind else ""
        files = f" · {counted(len(group.files), 'file')}" if len(change.groups) > 1 else ""
        note = f" · {group.note}" if group.note else ""
        lines.append(line(dim(f"{group.group}{kind}{files}{note}"), indent="      "))
    if change.counts and any(group.kind == "replaced" for group in change.groups):
        lines.append(line(dim(BYTES_NOT_COMPARED), indent="      "))
    distinct = {signal.value.strip(): signal for signal in reversed(change.signals)}  # a message may equal its title
    shown = list(reversed(distinct.values()))
    lines += [line(announcement(signal), indent="      ") for signal in shown[:SHOWN_SIGNALS]]
    if len(shown) > SHOWN_SIGNALS:
        lines.append(line(dim(f"… {len(shown) - SHOWN_SIGNALS:,} more"), indent="      "))
    if change.verdict == "silent":
        lines.append(line(no_announcement(), indent="      "))
    if change.replacements and change.kind == "first_upload":
        lines.append(line(dim(within_first_push(len(change.replacements))), indent="      "))
    elif change.replacements:
        most = max(each.times for each in change.replacements)
        files = counted(len(change.replacements), "file")
        lines.append(line(dim(f"{files} replaced more than once in this push, up to {most} times"), indent="      "))
    return lines


def _numbers(answer: CheckAnswer) -> list[Line]:
    """Write the counts, then the changes that do not count.

    The study's way to count is left to `history` and to the JSON answer.
    """
    lines = [EMPTY, line(_counted(answer))]
    others = Counter(change.kind for change in answer.weight_changes if not change.counts)
    if others:
        kinds = listed([f"{number} {kind}" for kind, number in others.items()], 12)
        lines.append(line(dim(f"Weight changes that do not count: {kinds}.")))
    if (replaced := replaced_at_first(answer.weight_changes)) and answer.verdict != "clean":
        lines.append(line(dim(f"{within_first_push(replaced)}.")))
    return lines


def _findings(answer: CheckAnswer) -> list[Line]:
    """Write the findings, except silent changes that count, which have their own lines above."""
    known = {short(revision) for change in answer.weight_changes for revision in change.revisions}
    shown = [
        each
        for each in answer.findings
        if each.ignored
        or each.moved_from
        or answer.verdict != "findings"
        or not (each.id == SILENT_CHANGE and short(each.pointer.revision) in known)
    ]
    return [EMPTY, line(strong("Findings:")), *finding_lines(shown)] if shown else []
