"""What all answers share."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

Severity = Literal["info", "warning", "error"]

IncompleteReason = Literal["gated", "missing", "offline", "unreachable", "rate_limited", "limit", "error"]
"""Offline: the Hub was not asked. Unreachable: it did not answer. Rate-limited: it answers no more requests for now,
and `detail` says how long. Limit: a cap of the question's own."""


class Tool(Record):
    """Name the program that answered."""

    name: str = "model-lineage"
    version: str


class Answer(Record):
    """Carry what every answer says beside itself.

    `schema` names the JSON Schema that the answer keeps to. Model ids in an answer are bare `org/name`s on
    the answer's `hub`; only a model of another Hub carries its prefix. `collected_at` dates the newest reading
    that the answer rests on; null where nothing was read from a Hub.
    """

    schema_id: str = Field(alias="schema")
    tool: Tool
    hub: str | None
    collected_at: datetime | None


class Finding(Record):
    """Report one thing that a person should look at, under a stable rule id."""

    id: str
    severity: Severity
    message: str
    pointer: Pointer


class Incomplete(Record):
    """Say which model could not be followed, and why."""

    model: str
    reason: IncompleteReason
    detail: str | None = None
