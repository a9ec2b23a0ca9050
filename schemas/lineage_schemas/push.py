"""Pushes: commits that belong together."""

from __future__ import annotations

from datetime import datetime

from lineage_schemas.record import Record


class Push(Record):
    """Hold commits of one branch's first-parent line, each less than one hour after the one before.

    A commit dated more than five minutes before the one before it begins another push, as does one without a date.
    `revisions` are oldest first; `base` is the commit before the first, None at the root of the line.
    """

    model: str
    branch: str
    base: str | None
    revisions: tuple[str, ...]
    start: datetime
    end: datetime
