"""All rules in one table, and how a text finds one of them."""

from __future__ import annotations

from difflib import get_close_matches

from lineage.errors import InputError
from lineage.rules.descent import DESCENT_RULES
from lineage.rules.rule import Rule
from lineage.rules.weights import WEIGHT_RULES

RULES: tuple[Rule, ...] = (*WEIGHT_RULES, *DESCENT_RULES)
"""Every rule, by family and then by code."""

BY_NAME = {rule.name: rule for rule in RULES}

NAMES = frozenset({*BY_NAME, *(rule.id for rule in RULES)})
"""What may stand for a rule in settings and arguments: its name or its code."""


def find_rule(text: str) -> Rule:
    """Find a rule by its name or its code, in any case.

    Raises InputError that names the nearest rule if there is none.
    """
    wanted = text.strip().lower()
    for rule in RULES:
        if wanted in (rule.name, rule.id.lower()):
            return rule
    near = get_close_matches(wanted, [*BY_NAME, *(rule.id.lower() for rule in RULES)], n=1)
    meant = next((rule.name for rule in RULES if near and near[0] in (rule.name, rule.id.lower())), None)
    hint = f"did you mean {meant}? " if meant else ""
    raise InputError(f"{text!r} is not a rule", hint=f"{hint}`lineage rules` lists all rules")
