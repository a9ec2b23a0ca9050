"""The base of every record: frozen, and deaf to fields that it does not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Hold facts that do not change.

    Frozen so that a record can be shared between rooms without a copy; unknown fields are refused so that a
    renamed field is an error on the first day and not a silent null for ever.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
