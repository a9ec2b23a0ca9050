"""Making findings from rules, and deciding which of them count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from lineage.rules.table import BY_NAME, find_rule
from lineage_schemas.answers.finding import SEVERITIES, Finding, Severity

if TYPE_CHECKING:
    from lineage_schemas.pointer import Pointer

DEFAULT_FAIL_ON = "error"
"""Which findings count unless a user says otherwise, as `FailOn.of` reads it."""


REPEATED = frozenset({"moved-tag", "version-removed", "name-reregistered", "rewritten-history"})
"""Findings that every check reports unless the range starts at a commit of the new state.

Nothing records when a tag, a name or the history of a branch changed.
"""


class FailOn(NamedTuple):
    """Hold which findings count: those of a severity or a higher one, and those of named rules whatever theirs is."""

    severity: Severity = "error"
    rules: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str) -> FailOn:
        """Read a severity, names or codes of rules, or several of them with commas between.

        Of several severities the mildest counts; rules without a severity are added to errors. Raises InputError for
        any other word, and for an empty text.
        """
        words = [word.strip() for word in text.split(",")]
        severities = [severity for severity in SEVERITIES if severity in (word.lower() for word in words)]
        rules = frozenset(find_rule(word).name for word in words if word.lower() not in SEVERITIES)
        return cls(severities[0] if severities else "error", rules)


def finding(name: str, message: str, pointer: Pointer, *, severity: Severity | None = None) -> Finding:
    """Make a finding of the rule with this name; `severity` replaces the rule's where the case is a milder one."""
    rule = BY_NAME[name]
    return Finding(
        id=rule.name,
        rule=rule.id,
        severity=severity or rule.severity,
        stride=rule.stride,
        message=message,
        pointer=pointer,
        help=rule.help,
        fix=rule.fix,
    )


def counting(findings: Iterable[Finding], fail_on: FailOn) -> list[Finding]:
    """Select the findings that make an answer's verdict `findings`: not ignored, and severe or named."""
    counts = SEVERITIES[SEVERITIES.index(fail_on.severity) :]
    return [each for each in findings if each.ignored is None and (each.severity in counts or each.id in fail_on.rules)]
