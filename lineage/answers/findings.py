"""Making findings from rules, and deciding which of them count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lineage.rules.table import BY_NAME
from lineage_schemas.answers.answer import SEVERITIES, Finding, Severity

if TYPE_CHECKING:
    from lineage_schemas.pointer import Pointer

DEFAULT_FAIL_ON: Severity = "error"
"""The lowest severity of a finding that counts."""


REPEATED = frozenset({"moved-tag", "version-removed", "name-reregistered", "rewritten-history"})
"""Findings that every check reports unless the range starts at a commit of the new state.

Nothing records when a tag, a name or the history of a branch changed.
"""


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


def counting(findings: Iterable[Finding], fail_on: Severity) -> list[Finding]:
    """Select the findings that make an answer's verdict `findings`: not ignored, and severe enough."""
    counts = SEVERITIES[SEVERITIES.index(fail_on) :]
    return [each for each in findings if each.ignored is None and each.severity in counts]
