"""Workflow commands of GitHub Actions: an annotation for each finding and for each thing that could not be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.audit_sections import repeated_by_findings
from lineage.report.findings import ignored
from lineage.report.flagged import Flagged, FlaggedFinding, FlaggedUnchecked, of_audit, of_check
from lineage.report.phrases import location, shortened
from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
    from lineage_schemas.answers.incomplete import NamedAt

COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}

SHOWN_PLACES = 3
"""Further places that an annotation lists."""


def check(answer: CheckAnswer | CheckAnswers) -> str:
    """Write a check as annotations."""
    return github(of_check(answer))


def audit(answer: AuditAnswer) -> str:
    """Write an audit as annotations; what a finding says already is not written again."""
    repeated = repeated_by_findings(answer)
    left = tuple(each for each in answer.unchecked if each not in repeated)
    return github(of_audit(answer.model_copy(update={"unchecked": left})))


def github(flagged: Flagged) -> str:
    """Write what a run found as workflow commands, and one line with the summary, which the log shows.

    What could not be checked is an error, as the exit code says; an ignored finding is a notice.
    """
    notes = [_command("notice", None, "note", each) for each in flagged.notes]
    failed = [_command("error", None, "nothing to audit", flagged.failure)] if flagged.failure else []
    lines = [
        *failed,
        *map(_finding, flagged.findings),
        *map(_unchecked, flagged.unchecked),
        *notes,
        visible(flagged.summary),
    ]
    return "".join(f"{each}\n" for each in lines)


def _finding(each: FlaggedFinding) -> str:
    found = each.finding
    command = "notice" if found.ignored else COMMANDS[found.severity]
    note = f" · {ignored(found)}" if found.ignored else ""
    also = ", ".join(f"{place.file}:{place.line}" for place in each.others[:SHOWN_PLACES])
    more = f" · also at {also}{' …' if len(each.others) > SHOWN_PLACES else ''}" if also else ""
    message = f"{location(found.pointer)}: {shortened(found.message)}{note}{more}"
    return _command(command, each.named_at, f"{found.id} ({found.rule})", message)


def _unchecked(each: FlaggedUnchecked) -> str:
    return _command("error", each.named_at, "unchecked", each.words)


def _command(command: str, named_at: NamedAt | None, title: str, message: str) -> str:
    """Write one workflow command; foreign text cannot begin another one or another property."""
    place = {"file": named_at.file, "line": str(named_at.line or 1)} if named_at else {}
    if named_at and named_at.column:
        place["col"] = str(named_at.column)
    properties = ",".join(f"{name}={_property(text)}" for name, text in {**place, "title": title}.items())
    return f"::{command} {properties}::{_escaped(message)}"


def _escaped(text: str) -> str:
    """Escape what the runner decodes in messages, after everything invisible was made visible."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
