"""The answer to `lineage rules`: what each rule finds, and what to do about it."""

from __future__ import annotations

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.finding import Severity, Stride
from lineage_schemas.record import Record
from lineage_schemas.version_level import VersionLevel


class DescribedRule(Record):
    """Describe one kind of finding.

    `id` is the name that findings have as their `id`, `rule` the code. `severity_note` says when a finding has another
    severity. `meaning` says what is found, `unless` what looks alike and is not found, `fix` what to do, `source` where
    the rule comes from, and `since` the first version with this rule.
    """

    id: str
    rule: str
    family: str
    title: str
    severity: Severity
    severity_note: str | None
    stride: Stride | None
    source: str
    meaning: str
    example: str
    unless: str
    fix: str
    help: str
    since: str


class DescribedEvidence(Record):
    """Describe one kind of evidence for or against a parent; texts are Markdown."""

    id: str
    reads: str
    finds: str
    example: str


class DescribedLevel(Record):
    """Describe one rule of the level that a change deserves.

    `id` is the code, `name` the name; a project file may move `level`. `reason` says why, `source` where that comes
    from, `unless` what looks alike and is not meant.
    """

    id: str
    name: str
    title: str
    level: VersionLevel
    reason: str
    source: str
    example: str
    unless: str
    help: str
    since: str


class RulesAnswer(Answer):
    """List rules of findings, of levels and of evidence; for one that was requested, only that one."""

    rules: tuple[DescribedRule, ...]
    evidence: tuple[DescribedEvidence, ...]
    levels: tuple[DescribedLevel, ...] = ()
