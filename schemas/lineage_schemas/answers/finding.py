"""Findings: problems that the user should look at."""

from __future__ import annotations

from datetime import date
from typing import Literal

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

Severity = Literal["info", "warning", "error"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""In rising order."""

Stride = Literal[
    "spoofing", "tampering", "repudiation", "information_disclosure", "denial_of_service", "elevation_of_privilege",
]  # fmt: skip
"""Microsoft's classes of threats, by which security reviews sort findings."""


class Ignored(Record):
    """Report why a project's settings ignore a finding, and until when they do."""

    reason: str
    until: date | None = None


class Finding(Record):
    """Report one problem that the user should look at, under a stable rule.

    `id` is the rule's name, `rule` its code, `help` the page of the documentation that explains it, `fix` what to do.
    `stride` is the class of threat, null if security is not affected. An `ignored` finding does not count.
    `moved_from` is the severity that it had before a project's settings moved its rule, null if they did not.
    """

    id: str
    rule: str
    severity: Severity
    stride: Stride | None
    message: str
    pointer: Pointer
    help: str
    fix: str
    ignored: Ignored | None = None
    moved_from: Severity | None = None
