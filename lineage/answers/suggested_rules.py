"""The rules of a suggestion as the answer lists them: those that fired, and those that were not judged."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.rules.levels import LEVEL_BY_NAME
from lineage.versioning.suggest.fired import Suggestion
from lineage_schemas.answers.suggest import FiredRule, UnjudgedRule


def fired_rules(found: Suggestion) -> Iterator[FiredRule]:
    """Yield each rule that fired, with its level and where a project moved it from."""
    for each in found.fired:
        rule, level = LEVEL_BY_NAME[each.rule], found.level_of(each)
        yield FiredRule(
            id=rule.id, name=rule.name, level=level, source=rule.source, field=each.field, pointer=each.pointer,
            before=each.before, after=each.after, note=each.note, moved=rule.level if level != rule.level else None,
        )  # fmt: skip


def unjudged_rules(found: Suggestion) -> Iterator[UnjudgedRule]:
    """Yield what could not be judged, with the highest level that it could have."""
    for each in found.unjudged:
        rule = LEVEL_BY_NAME[each.rule].id if each.rule else None
        yield UnjudgedRule(facet=each.facet, pointer=each.pointer, reason=each.reason, could_be=each.most, rule=rule)
