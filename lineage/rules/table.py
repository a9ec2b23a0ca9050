"""All rules in one table, and how a text finds one of them."""

from __future__ import annotations

from difflib import get_close_matches

from lineage.errors import InputError
from lineage.rules.audit import AUDIT_RULES
from lineage.rules.descent import DESCENT_RULES
from lineage.rules.levels import LEVEL_BY_NAME, LEVEL_RULES
from lineage.rules.rule import LevelRule, Rule
from lineage.rules.weights import WEIGHT_RULES
from lineage.settings.vocabulary import MovableRule
from lineage_schemas.answers.finding import SEVERITIES

RULES: tuple[Rule, ...] = (*WEIGHT_RULES, *AUDIT_RULES, *DESCENT_RULES)
"""Every rule, by family and then by code."""

BY_NAME = {rule.name: rule for rule in RULES}

LEVELS = ("major", "minor", "patch")
"""What a project file may move a rule of the family SV to: it decides on the level of a version."""

MOVABLE: dict[str, Rule | LevelRule] = {**BY_NAME, **LEVEL_BY_NAME}
"""What a project file may move: rules of findings and rules of levels, by name."""

NAMES = frozenset({*MOVABLE, *(rule.id for rule in MOVABLE.values())})
"""What may stand for a rule in settings and arguments: its name or its code."""


def find_rule(text: str) -> Rule:
    """Find a rule by its name or its code, in any case.

    Raises InputError that names the nearest rule if there is none.
    """
    wanted = text.strip().lower()
    for rule in RULES:
        if wanted in (rule.name, rule.id.lower()):
            return rule
    if level := find_level_rule(wanted):
        raise InputError(
            f"{level.name} ({level.id}) is a rule of levels, which finds nothing",
            hint=f"`lineage rules {level.id}` explains it",
        )
    near = get_close_matches(wanted, [text.lower() for text in NAMES], n=1)
    meant = next((rule.name for rule in MOVABLE.values() if near and near[0] in (rule.name, rule.id.lower())), None)
    hint = f"did you mean {meant}? " if meant else ""
    raise InputError(f"{text!r} is not a rule", hint=f"{hint}`lineage rules` lists all rules")


def find_level_rule(text: str) -> LevelRule | None:
    """Find a rule of a level by its name or its code, in any case; None for any other text."""
    wanted = text.strip().lower()
    return next((rule for rule in LEVEL_RULES if wanted in (rule.name, rule.id.lower())), None)


def movable_rules() -> dict[str, MovableRule]:
    """List what a project file may say about each rule, by its name and by its code in lower case."""
    rules = {rule: MovableRule(rule.name, SEVERITIES) for rule in RULES} | {
        rule: MovableRule(rule.name, LEVELS) for rule in LEVEL_RULES
    }
    return {text: movable for rule, movable in rules.items() for text in (rule.name, rule.id.lower())}
