"""Where a statement can be checked: the model, revision, file and field or tensor that it is based on."""

from __future__ import annotations

from lineage_schemas.record import Record


class Pointer(Record):
    """Point to where the user can check a statement.

    `field` is a path inside a structured file (`base_model`, `models[1].model`), `tensor` a tensor's name.
    """

    model: str
    revision: str | None = None
    file: str | None = None
    field: str | None = None
    tensor: str | None = None
