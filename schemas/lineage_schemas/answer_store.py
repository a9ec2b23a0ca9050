"""The answers to `lineage store info` and `lineage store forget`."""

from __future__ import annotations

from lineage_schemas.answer import Answer


class StoreInfoAnswer(Answer):
    """Describe a store: where it is, its schema version, how much it holds.

    `note` says so where there is no store yet at that place: then `size_bytes` is null and every count 0.
    """

    url: str
    backend: str
    schema_version: int
    size_bytes: int | None
    nodes: dict[str, int]
    edges: dict[str, int]
    note: str | None = None


class StoreForgetAnswer(Answer):
    """Tell what was erased.

    `kept_as_stub` are models of `forgotten` that stay as a name, because others name them as parent. `not_found` are
    targets of which the store holds nothing.
    """

    store: str
    forgotten: tuple[str, ...]
    kept_as_stub: tuple[str, ...]
    not_found: tuple[str, ...]
