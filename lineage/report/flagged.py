"""What a run found and could not check, with the places that named the models: for formats that CI reads.

`sarif` and `github` render this and know no answer: each command whose answer holds findings says here how to get them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from lineage.report.phrases import NOTHING_FOUND, counted

if TYPE_CHECKING:
    from lineage_schemas.answers.answer import Tool
    from lineage_schemas.answers.audit import AuditAnswer, AuditFinding
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.answers.incomplete import NamedAt
    from lineage_schemas.reference import Place
    from lineage_schemas.unchecked import Unchecked


LEFT_OUT = {
    "excluded": "by --exclude",
    "ignored": "by .gitignore",
    "installed": "installed or environments",
    "too_large": "too large",
    "too_many": "beyond the number of files",
    "too_deep": "too deep",
    "binary": "binary",
    "link": "behind links",
    "unreadable": "unreadable",
    "in_part": "not valid and read in part",
    "own": "answers and baselines of lineage",
}
"""Why files and folders were not searched."""

SHOWN_LEFT_OUT = 2
"""Files and folders that a line names for each reason."""


class FlaggedFinding(NamedTuple):
    """Hold a finding, the place that named its model if a file did, and further places that name it."""

    finding: Finding
    named_at: NamedAt | None = None
    others: Sequence[NamedAt] = ()


class FlaggedUnchecked(NamedTuple):
    """Hold what could not be checked of a model, and the place that named the model if a file did."""

    model: str
    unchecked: Unchecked
    named_at: NamedAt | None = None

    @property
    def words(self) -> str:
        """Write what is unchecked of which model, why, and the command that decides it."""
        item = self.unchecked
        what = "" if item.what == self.model else f"{item.what}: "
        decide = f"; to decide: {item.decide_with}" if item.decide_with else ""
        return f"{self.model}: {what}{item.reason.removeprefix(f'{self.model}: ')}{decide}"


class Flagged(NamedTuple):
    """Hold everything of a run that a reader of CI should look at, in the order of the models.

    `failure` says why a run without findings did not do what it should; None if it did.
    """

    tool: Tool
    findings: Sequence[FlaggedFinding]
    unchecked: Sequence[FlaggedUnchecked]
    summary: str
    notes: Sequence[str] = ()
    failure: str | None = None


def of_check(answer: CheckAnswer | CheckAnswers) -> Flagged:
    """Return what a check of one model or of several found."""
    answers = answers_of(answer)
    return Flagged(
        tool=answer.tool,
        findings=[FlaggedFinding(found, each.named_at) for each in answers for found in each.findings],
        unchecked=[FlaggedUnchecked(each.model, item, each.named_at) for each in answers for item in each.unchecked],
        summary=summary(answers),
    )


def of_audit(answer: AuditAnswer) -> Flagged:
    """Return what an audit found, each with the first place of the product that it is about, and the others."""
    return Flagged(
        tool=answer.tool,
        findings=[_placed(answer, each) for each in answer.findings],
        unchecked=[
            FlaggedUnchecked(each.what, each, next(iter(_named_at(answer, each.places)), None))
            for each in answer.unchecked
        ],
        summary=audit_summary(answer),
        notes=[words] if (words := left_out_words(answer)) else [],
        failure=_nothing_words(answer),
    )


def _placed(answer: AuditAnswer, each: AuditFinding) -> FlaggedFinding:
    places = _named_at(answer, each.places)
    return FlaggedFinding(each, places[0] if places else None, places[1:])


def _named_at(answer: AuditAnswer, places: Sequence[Place]) -> list[NamedAt]:
    """Write places of the product as paths from the current folder, which CI reads from the root of the repository."""
    from lineage_schemas.answers.incomplete import NamedAt

    folder = PurePosixPath(answer.path)
    return [NamedAt(file=str(folder / each.file), line=each.line, column=each.column) for each in places]


def audit_summary(answer: AuditAnswer) -> str:
    """Summarise an audit in one line: `3 models, 2 ancestors: 1 error, 4 warnings; 1 unchecked`."""
    counts = answer.summary
    what = f"{counted(counts.used, 'model')} and {counted(counts.ancestors, 'ancestor')} in {answer.product}"
    found = [counted(number, severity) if severity != "info" else f"{number:,} info"
             for severity, number in counts.findings.items() if number]  # fmt: skip
    ignored = f", {counts.ignored:,} ignored" if counts.ignored else ""
    return f"{what}: {', '.join(found) or 'no finding'}{ignored}; {counts.unchecked:,} not checked"


def left_out_words(answer: AuditAnswer) -> str:
    """Write how much of the tree was not searched, by reason: `not searched: 2 by --exclude (docs/, old/)`."""
    parts = []
    for reason, number in answer.summary.left_out.items():
        names = [each.path for each in answer.left_out if each.reason == reason]
        more = number - SHOWN_LEFT_OUT
        shown = ", ".join(names[:SHOWN_LEFT_OUT]) + (f", … {more:,} more" if more > 0 else "")
        parts.append(
            f"{number:,} {LEFT_OUT[reason]}" + (f" ({shown})" if reason not in ("ignored", "installed") else "")
        )
    return f"not searched: {'; '.join(parts)}" if parts else ""


def answers_of(answer: CheckAnswer | CheckAnswers) -> tuple[CheckAnswer, ...]:
    """Return the answers about single models."""
    several: tuple[CheckAnswer, ...] | None = getattr(answer, "answers", None)
    return (answer,) if several is None else several  # type: ignore[return-value]  # one without `answers` is a CheckAnswer


def summary(answers: Sequence[CheckAnswer]) -> str:
    """Summarise a check in one line: `20 models: 1 with findings, 2 unchecked, 17 clean`."""
    totals = Counter(each.verdict for each in answers)
    parts = [
        f"{totals['findings']:,} with findings",
        f"{totals['unchecked']:,} unchecked",
        f"{totals['clean']:,} clean",
    ]
    return f"{counted(len(answers), 'model')}: {', '.join(parts)}"


def _nothing_words(answer: AuditAnswer) -> str | None:
    """Say why an audit without a reference fails, and what to do; None for every other answer."""
    if answer.verdict != "nothing_to_audit" or answer.allow_empty:
        return None
    searched = " in what was searched" if answer.summary.left_out else ""
    return f"{answer.product}: {NOTHING_FOUND}{searched}; name the folder of the sources, or pass --allow-empty"
