"""SARIF 2.1.0, the format in which code scanning services take findings.

Each finding is a result: its `id` is the `ruleId`, error, warning and info are the levels error, warning and note. The
physical location is the line of the file that named the model, if a file did; the logical location is the model with
its commit and file. An ignored finding is a suppressed result. What could not be checked is a notification of the run,
which did not execute successfully then: SARIF without results alone would look like a clean run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lineage.report.flagged import Flagged, FlaggedFinding, FlaggedUnchecked, of_audit, of_check
from lineage.report.phrases import at, shortened
from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer
    from lineage_schemas.answers.check import CheckAnswer, CheckAnswers
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.answers.incomplete import NamedAt
    from lineage_schemas.reference import Place

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

LEVELS = {"error": "error", "warning": "warning", "info": "note"}

UNCHECKED = "unchecked"
"""The id of notifications about what could not be checked."""


def check(answer: CheckAnswer | CheckAnswers) -> str:
    """Write a check as SARIF."""
    return sarif(of_check(answer))


def audit(answer: AuditAnswer) -> str:
    """Write an audit as SARIF."""
    return sarif(of_audit(answer))


def sarif(flagged: Flagged) -> str:
    """Write what a run found as a SARIF log with one run; ASCII only, so that no character of it is invisible."""
    rules = list({found.finding.id: found.finding for found in flagged.findings}.values())
    order = {rule.id: number for number, rule in enumerate(rules)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(flagged, rules)},
                "invocations": [_invocation(flagged)],
                "results": [_result(each, order[each.finding.id]) for each in flagged.findings],
            }
        ],
    }
    return json.dumps(log, indent=2).replace("\x7f", "\\u007f") + "\n"


def _driver(flagged: Flagged, rules: Iterable[Finding]) -> dict[str, Any]:
    """Describe the program, its rules that found something, and its one kind of notification."""
    return {
        "name": visible(flagged.tool.name),
        "version": visible(flagged.tool.version),
        "rules": [_rule(each) for each in rules],
        "notifications": [{"id": UNCHECKED, "shortDescription": {"text": "Something could not be checked"}}],
    }


def _rule(each: Finding) -> dict[str, Any]:
    tags = ["security", each.stride] if each.stride else []
    return {
        "id": visible(each.id),
        "shortDescription": {"text": visible(each.id).replace("-", " ").capitalize()},
        "help": {"text": _message(each.fix)},
        "properties": {"code": visible(each.rule), "help": visible(each.help), "tags": tags},
    }


def _invocation(flagged: Flagged) -> dict[str, Any]:
    return {
        "executionSuccessful": not flagged.unchecked and flagged.failure is None,
        "toolExecutionNotifications": [
            *map(_notification, flagged.unchecked),
            *({"level": "error", "message": {"text": _message(each)}} for each in (flagged.failure,) if each),
            *({"level": "note", "message": {"text": _message(each)}} for each in flagged.notes),
        ],
    }


def _notification(each: FlaggedUnchecked) -> dict[str, Any]:
    return {
        "descriptor": {"id": UNCHECKED},
        "level": "error",
        "message": {"text": _message(each.words)},
        "locations": [_location(each.named_at, each.model)],
    }


def _result(each: FlaggedFinding, index: int) -> dict[str, Any]:
    found = each.finding
    pointer = found.pointer
    inside = ":".join(part for part in (pointer.file, pointer.field or pointer.tensor) if part)
    where, full = at(pointer.model, pointer.revision), pointer.model
    full += f"@{pointer.revision}" if pointer.revision else ""
    result: dict[str, Any] = {
        "ruleId": visible(found.id),
        "ruleIndex": index,
        "level": LEVELS[found.severity],
        "message": {"text": _message(f"{where}: {shortened(found.message)}")},
        "locations": [_location(each.named_at, full, inside)],
        "partialFingerprints": {"finding/v1": _fingerprint(found)},
        "properties": found.pointer.model_dump(mode="json", exclude_none=True) | {"code": found.rule},
    }
    if each.others:
        result["relatedLocations"] = [_location(place, full, inside) for place in each.others]
    if found.ignored is not None:
        until = f" (until {found.ignored.until})" if found.ignored.until else ""
        result["suppressions"] = [{"kind": "external", "justification": _message(found.ignored.reason + until)}]
    return result


def _fingerprint(found: Finding) -> str:
    """Identify a finding over runs by what it is about, not by its message or by the line that named the model.

    A finding about a product is identified by the product's files, as in a baseline: the commit of a branch moves.
    """
    pointer = found.pointer
    places: Sequence[Place] = getattr(found, "places", ())
    about = sorted({place.file for place in places}) if places else [pointer.revision]
    parts: Sequence[str | None] = (found.id, pointer.model, *about, pointer.file, pointer.field)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _location(named_at: NamedAt | None, name: str, inside: str = "") -> dict[str, Any]:
    """Write the line that named a model, if there is one, and the model with what is meant in it."""
    full = f"{name}:{inside}" if inside else name
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": visible(full), "kind": "resource"}]}
    if named_at is not None:
        start = {"startLine": named_at.line} | ({"startColumn": named_at.column} if named_at.column else {})
        region = {"region": start} if named_at.line else {}
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(named_at.file)}} | region
    return location


def _uri(file: str) -> str:
    """Write a path as a URI: relative ones stay relative, which services read from the root of the repository."""
    path = Path(file)
    written = quote(os.fsencode(path.as_posix()))
    return f"file://{written}" if path.is_absolute() else written


def _message(text: str) -> str:
    """Write foreign text as a message: nothing invisible, and nothing that SARIF reads as a link."""
    return visible(text).replace("](", "] (")
