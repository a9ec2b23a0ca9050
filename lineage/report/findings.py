"""Findings as lines of text: the same form in every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.phrases import location
from lineage.report.text import Line, Span, Style, dim, line

if TYPE_CHECKING:
    from lineage_schemas.answers.answer import Finding

SEVERITY_STYLES: dict[str, Style] = {"info": "", "warning": "warn", "error": "bad"}


def ignored(each: Finding) -> str:
    """Write that the settings ignore a finding, why and until when; empty if they do not."""
    if each.ignored is None:
        return ""
    until = f" until {each.ignored.until}" if each.ignored.until else ""
    return f"ignored{until}: {each.ignored.reason}"


def finding_lines(findings: Sequence[Finding]) -> list[Line]:
    """Write one line a finding: its severity, rule, message and place, and why it is ignored if it is."""
    return [
        line(
            Span(each.severity, SEVERITY_STYLES[each.severity]),
            f" {each.id} ({each.rule}) · {each.message}",
            dim(f" · {location(each.pointer)}" + (f" · {ignored(each)}" if each.ignored else "")),
            indent="  ",
        )
        for each in findings
    ]
