"""The answer to `rules`: the list of rules by family, or one rule explained."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from lineage.report.evidence import evidence_by_kind
from lineage.report.findings import SEVERITY_STYLES
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.rules import DescribedEvidence, DescribedLevel, DescribedRule, RulesAnswer


WIDTH = 84
"""Columns of the texts of an explanation."""

SHOWN_TITLE = 54
"""Characters of the title of a rule of levels in the list."""

LEVEL_STYLES: dict[str, Style] = {"major": "bad", "minor": "warn", "patch": "good"}

SHOWN_READS = 64
"""Characters of what a rule of evidence reads that the list shows; its explanation has all of it."""


def rules(answer: RulesAnswer) -> Document:
    """Write one line a rule, by family; a rule that was requested alone is explained."""
    if len(answer.rules) + len(answer.evidence) + len(answer.levels) == 1:
        if answer.levels:
            return _level_explained(answer.levels[0])
        return _explained(answer.rules[0]) if answer.rules else _evidence_explained(answer.evidence[0])
    lines: list[Line] = []
    for family, members in groupby(answer.rules, key=lambda rule: rule.family):
        rows = [
            (strong(rule.rule), Span(rule.severity, SEVERITY_STYLES[rule.severity]), rule.id, dim(rule.title))
            for rule in members
        ]
        lines += [line(strong(f"{family}:")), *columns(rows, indent="  "), EMPTY]
    if answer.levels:
        levels = [
            (strong(rule.id), Span(rule.level, LEVEL_STYLES[rule.level]), rule.name, dim(cut(rule.title, SHOWN_TITLE)))
            for rule in answer.levels
        ]
        lines += [line(strong("Levels of versions (lineage suggest):")), *columns(levels, indent="  "), EMPTY]
    for heading, found in evidence_by_kind(answer):
        lines.append(line(strong(f"{heading} (docs/evidence.md):")))
        reading = [(rule.id, dim(cut(_plain(rule.reads), SHOWN_READS))) for rule in found]
        lines += [*columns(reading, indent="  "), EMPTY]
    return [*lines, line(dim("`lineage rules NAME` explains one of them."))]


def _explained(rule: DescribedRule) -> Document:
    severity = rule.severity + (f", {rule.severity_note}" if rule.severity_note else "")
    facts = [("severity", severity), ("STRIDE", (rule.stride or "does not affect security").replace("_", " "))]
    texts = [
        ("found", rule.meaning), ("example", rule.example), ("not found", rule.unless), ("what to do", rule.fix),
        ("source", rule.source), ("page", rule.help), ("since", f"version {rule.since}"),
    ]  # fmt: skip
    return [line(strong(f"{rule.rule} {rule.id}"), f": {rule.title}"), EMPTY, *_facts([*facts, *texts])]


def _level_explained(rule: DescribedLevel) -> Document:
    texts = [
        ("level", rule.level), ("reason", rule.reason), ("example", rule.example), ("not meant", rule.unless),
        ("source", rule.source), ("page", rule.help), ("since", f"version {rule.since}"),
    ]  # fmt: skip
    moved = line(dim(f'In lineage.toml, [rules] moves it: {rule.id} = "minor"'))
    return [line(strong(f"{rule.id} {rule.name}"), f": {rule.title}"), EMPTY, *_facts(texts), EMPTY, moved]


def _evidence_explained(rule: DescribedEvidence) -> Document:
    texts = [("reads", rule.reads), ("finds", rule.finds), ("example", rule.example), ("page", "docs/evidence.md")]
    return [line(strong(rule.id)), EMPTY, *_facts([(name, _plain(text)) for name, text in texts])]


def _facts(facts: list[tuple[str, str]]) -> list[Line]:
    rows: list[tuple[str | Span, str]] = []
    for name, text in facts:
        first, *others = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        rows += [(dim(name), first), *(("", other) for other in others)]
    return columns(rows, indent="  ")


def _plain(markdown: str) -> str:
    """Remove the marks of code from a text of the rules."""
    return markdown.replace("`", "").replace("\\|", "|")
