"""What a run found and could not check, with the places that named the models: for formats that CI reads.

`sarif` and `github` render this and know no answer: each command whose answer holds findings says here how to get them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lineage.report.phrases import counted

if TYPE_CHECKING:
    from lineage_schemas.answers.answer import Finding, NamedAt, Tool
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
    from lineage_schemas.change import Unchecked


class FlaggedFinding(NamedTuple):
    """Hold a finding, and the place that named its model if a file did."""

    finding: Finding
    named_at: NamedAt | None = None


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
    """Hold everything of a run that a reader of CI should look at, in the order of the models."""

    tool: Tool
    findings: Sequence[FlaggedFinding]
    unchecked: Sequence[FlaggedUnchecked]
    summary: str


def of_check(answer: CheckAnswer | CheckAnswers) -> Flagged:
    """Return what a check of one model or of several found."""
    answers = answers_of(answer)
    return Flagged(
        tool=answer.tool,
        findings=[FlaggedFinding(found, each.named_at) for each in answers for found in each.findings],
        unchecked=[FlaggedUnchecked(each.model, item, each.named_at) for each in answers for item in each.unchecked],
        summary=summary(answers),
    )


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
