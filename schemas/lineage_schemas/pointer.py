"""Where a statement can be checked: the model, revision, file and field or tensor that it rests on."""

from __future__ import annotations

from lineage_schemas.record import Record


class Pointer(Record):
    """Name the place that a person would open to see for themselves.

    `field` is a path inside a structured file (`base_model`, `models[1].model`), `tensor` a tensor's name.
    """

    model: str
    revision: str | None = None
    file: str | None = None
    field: str | None = None
    tensor: str | None = None
