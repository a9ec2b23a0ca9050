"""Findings as lines of text: the same form in every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.phrases import counted, location, shortened
from lineage.report.text import Line, Span, Style, dim, line

if TYPE_CHECKING:
    from lineage_schemas.answers.answer import UsedSettings
    from lineage_schemas.answers.finding import Finding

SEVERITY_STYLES: dict[str, Style] = {"info": "", "warning": "warn", "error": "bad"}


def ignored(each: Finding) -> str:
    """Write that the settings ignore a finding, why and until when; empty if they do not."""
    if each.ignored is None:
        return ""
    until = f" until {each.ignored.until}" if each.ignored.until else ""
    return f"ignored{until}: {each.ignored.reason}"


def moved(each: Finding) -> str:
    """Write that the settings moved a finding's severity; empty if they did not."""
    return f"{each.moved_from} without the settings" if each.moved_from else ""


def settings_words(settings: UsedSettings) -> str:
    """Summarise in one line what an answer took from the project file."""
    parts = [f"settings: {settings.file}"]
    if settings.models:
        parts.append(f"{counted(len(settings.models), 'model')} from it")
    if settings.rules:
        parts.append(", ".join(f"{rule.id} is {rule.value}" for rule in settings.rules))
    if settings.ignored:
        parts.append(f"{counted(len(settings.ignored), 'ignore')} used")
    if settings.parents:
        parts.append(f"{counted(len(settings.parents), 'parent')} declared there")
    return " · ".join(parts)


def expired_words(settings: UsedSettings) -> list[str]:
    """Describe the ignores whose findings count again."""
    return [
        f"{settings.file}:{each.line}: the ignore of {each.id} for {each.model} ended on {each.until}: {each.reason}"
        for each in settings.expired
    ]


def settings_lines(settings: UsedSettings | None) -> list[Line]:
    """Write what an answer took from the project file; nothing if there was none."""
    if settings is None:
        return []
    return [line(dim(settings_words(settings))), *(line(Span(words, "warn")) for words in expired_words(settings))]


def finding_lines(findings: Sequence[Finding]) -> list[Line]:
    """Write one line a finding, errors first: severity, rule, message, place, and what the settings changed of it."""
    return [
        line(
            Span(each.severity, SEVERITY_STYLES[each.severity]),
            f" {each.id} ({each.rule}) · {shortened(each.message)}",
            dim("".join(f" · {words}" for words in (location(each.pointer), moved(each), ignored(each)) if words)),
            indent="  ",
        )
        for each in by_severity(findings)
    ]


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Put errors before warnings and notes; findings of one severity keep their order."""
    return sorted(findings, key=lambda each: ("error", "warning", "info").index(each.severity))
