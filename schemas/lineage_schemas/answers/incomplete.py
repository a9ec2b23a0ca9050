"""Models that an answer could not follow or read whole, and where they are named."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.record import Record

IncompleteReason = Literal["gated", "missing", "offline", "unreachable", "rate_limited", "limit", "partial", "error"]
"""Offline: the Hub was not asked. Unreachable: it did not respond. Rate-limited: its rate limit was exceeded, and
`detail` says for how long. Limit: the question's own limit was reached. Partial: the model was read, but not all of its
files are at hand."""


class NamedAt(Record):
    """Name the file, and the line in it, that named a model: a list of targets, a project file or a source.

    `file` is as the user wrote it. `column` is in the JSON only if it is known.
    """

    file: str
    line: int | None = None
    column: int | None = Field(default=None, exclude_if=lambda column: column is None)


class Incomplete(Record):
    """Report which model could not be followed, or not be read whole, and why.

    `decides` is false, and in the JSON only then, if what is missing does not decide the question.
    """

    model: str
    reason: IncompleteReason
    detail: str | None = None
    decides: bool = Field(default=True, exclude_if=lambda decides: decides)
