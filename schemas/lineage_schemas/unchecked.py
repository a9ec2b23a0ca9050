"""What an answer could not check."""

from __future__ import annotations

from lineage_schemas.record import Record


class Unchecked(Record):
    """Describe what could not be checked, why, and the command that would decide it (null if none can)."""

    what: str
    reason: str
    decide_with: str | None = None
