"""`lineage rules`: what each rule finds, and what to do about it."""

from __future__ import annotations

import lineage
from lineage.rules.evidence import EVIDENCE_RULES
from lineage.rules.levels import LEVEL_RULES
from lineage.rules.measured import MEASURED_RULES
from lineage.rules.rule import FAMILIES, EvidenceRule, Rule
from lineage.rules.table import RULES, find_level_rule, find_rule
from lineage_schemas.answers.answer import Tool
from lineage_schemas.answers.rules import DescribedEvidence, DescribedLevel, DescribedRule, RulesAnswer

ALL_EVIDENCE = (*EVIDENCE_RULES, *MEASURED_RULES)
"""Every rule of evidence: what is declared, then what is measured."""


def rules(wanted: str | None = None) -> RulesAnswer:
    """Describe all rules, or the one with the given name or code.

    No store and no Hub is opened. Raises InputError if there is no such rule.
    """
    evidence = [rule for rule in ALL_EVIDENCE if wanted is None or rule.id == wanted.strip().lower()]
    level = find_level_rule(wanted) if wanted is not None else None
    levels = LEVEL_RULES if wanted is None else (level,) if level else ()
    found = RULES if wanted is None else () if evidence or level else (find_rule(wanted),)
    return RulesAnswer(
        schema_id="rules.v1",
        tool=Tool(version=lineage.__version__),
        hub=None,
        collected_at=None,
        rules=tuple(_rule(rule) for rule in found),
        evidence=tuple(_evidence(rule) for rule in evidence),
        levels=tuple(DescribedLevel(**rule._asdict(), help=rule.help) for rule in levels),
    )


def _rule(rule: Rule) -> DescribedRule:
    fields = rule._asdict() | {"id": rule.name, "rule": rule.id, "family": FAMILIES[rule.family], "help": rule.help}
    return DescribedRule(**{name: fields[name] for name in DescribedRule.model_fields})


def _evidence(rule: EvidenceRule) -> DescribedEvidence:
    return DescribedEvidence(**rule._asdict())
