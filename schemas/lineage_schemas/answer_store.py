"""The answers to `lineage store info` and `lineage store forget`."""

from __future__ import annotations

from lineage_schemas.answer import Answer


class StoreInfoAnswer(Answer):
    """Describe a store: where it is, its schema version, how much it holds."""

    url: str
    backend: str
    schema_version: int
    size_bytes: int | None
    nodes: dict[str, int]
    edges: dict[str, int]


class StoreForgetAnswer(Answer):
    """Tell what was erased; `kept_as_stub` are models that others still name as parent."""

    store: str
    forgotten: tuple[str, ...]
    kept_as_stub: tuple[str, ...]
    not_found: tuple[str, ...]
