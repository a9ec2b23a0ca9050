"""What all answers share."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

Severity = Literal["info", "warning", "error"]

IncompleteReason = Literal["gated", "missing", "offline", "unreachable", "rate_limited", "limit", "error"]
"""Offline: the Hub was not asked. Unreachable: it did not respond. Rate-limited: its rate limit was exceeded, and
`detail` says for how long. Limit: the question's own limit was reached."""


class Tool(Record):
    """Name the program that answered."""

    name: str = "model-lineage"
    version: str


class Answer(Record):
    """Hold the fields that every answer has.

    `schema` is the id of the JSON Schema of the answer. Model ids in an answer are bare `org/name`s on the answer's
    `hub`; only a model of another Hub has that Hub's prefix. `collected_at` is the time of the newest reading that
    the answer is based on; null if nothing was read from a Hub.
    """

    schema_id: str = Field(alias="schema")
    tool: Tool
    hub: str | None
    collected_at: datetime | None


class Finding(Record):
    """Report one problem that the user should look at, under a stable rule id."""

    id: str
    severity: Severity
    message: str
    pointer: Pointer


class Incomplete(Record):
    """Report which model could not be followed, and why."""

    model: str
    reason: IncompleteReason
    detail: str | None = None
