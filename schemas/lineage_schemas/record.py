"""The base of every record: frozen, and rejects unknown fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Hold facts that do not change.

    Frozen, so that packages can share a record without a copy; unknown fields are rejected, so that a renamed field
    is an error at once and not a silent null. NaN and infinity are rejected, because JSON has neither.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)
