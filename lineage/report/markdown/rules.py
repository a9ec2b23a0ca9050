"""Rules as Markdown: the list, the page of one rule, and the table of evidence."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from lineage.report.evidence import evidence_by_kind
from lineage.report.markdown.write import document, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_schemas.answers.rules import DescribedEvidence, DescribedLevel, DescribedRule, RulesAnswer

LEVELS_INTRODUCTION = (
    "`lineage suggest` gives a change the highest level of the rules that fire. In `lineage.toml`, `[rules]` moves a "
    'rule by its code or name: `SV018 = "patch"`.'
)


def rules(answer: RulesAnswer) -> str:
    """Write a table of the rules for each family and one of the evidence; a single rule gets its page.

    The texts are our own Markdown, so nothing is escaped.
    """
    if len(answer.levels) == 1:
        return document(_levels(answer.levels))
    if len(answer.rules) + len(answer.evidence) == 1:
        return _page(answer.rules[0]) if answer.rules else document(evidence_table(answer.evidence))
    blocks = []
    for family, members in groupby(answer.rules, key=lambda rule: rule.family):
        rows = [(f"[{rule.rule}]({rule.rule}.md)", f"`{rule.id}`", rule.severity, rule.title) for rule in members]
        blocks += [[f"## {family}"], table(("rule", "id in answers", "severity", "finds"), rows)]
    if answer.levels:
        blocks += [["## Levels of versions"], [LEVELS_INTRODUCTION], _levels(answer.levels)]
    for heading, found in evidence_by_kind(answer):
        blocks += [[f"## {heading}"], evidence_table(found)]
    return document(["# Rules"], *blocks)


def _levels(rules: Sequence[DescribedLevel]) -> list[str]:
    """Write the table of the rules of levels."""
    rows = [
        (rule.id, f"`{rule.name}`", rule.level, f"{rule.title}. {rule.reason}", rule.example, rule.unless, rule.source)
        for rule in rules
    ]
    return table(("rule", "name", "level", "fires", "example", "not for", "source"), rows)


def evidence_table(rules: Sequence[DescribedEvidence]) -> list[str]:
    """Write the table of docs/evidence.md."""
    return table(
        ("rule", "reads", "finds", "example"),
        [(f"`{each.id}`", each.reads, each.finds, each.example) for each in rules],
    )


def _page(rule: DescribedRule) -> str:
    severity = rule.severity + (f"; {rule.severity_note}" if rule.severity_note else "")
    stride = rule.stride.replace("_", " ") if rule.stride else "none: it does not affect security"
    facts = [("id in answers", f"`{rule.id}`"), ("family", rule.family), ("severity", severity), ("STRIDE", stride)]
    facts += [("source", rule.source), ("since", f"version {rule.since}")]
    return document(
        [f"# {rule.rule}: {rule.id}"],
        [f"{rule.title}."],
        table(("", ""), facts),
        ["## What it finds"],
        [rule.meaning],
        [f"Example: {rule.example}"],
        ["## What it does not find"],
        [rule.unless],
        ["## What to do"],
        [rule.fix],
        [
            f'In `lineage.toml`, `[rules]` changes the severity (`{rule.id} = "warning"`), and `[[ignore]]` ignores '
            "the finding for a model, with a reason."
        ],
    )
