"""Rules of evidence by what they read: declarations or weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import ABOUT_WEIGHTS

if TYPE_CHECKING:
    from lineage_schemas.answers.rules import DescribedEvidence, RulesAnswer


def evidence_by_kind(answer: RulesAnswer) -> list[tuple[str, list[DescribedEvidence]]]:
    """Group the rules of evidence under their headings; a heading without rules is left out."""
    declared = [rule for rule in answer.evidence if not rule.id.startswith(ABOUT_WEIGHTS)]
    measured = [rule for rule in answer.evidence if rule.id.startswith(ABOUT_WEIGHTS)]
    found = [("Evidence about parents", declared), ("Evidence from weights", measured)]
    return [(heading, rules) for heading, rules in found if rules]
