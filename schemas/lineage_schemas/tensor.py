"""Tensors: the named arrays inside weight files."""

from __future__ import annotations

from lineage_schemas.record import Record


class Tensor(Record):
    """Describe one tensor; `digest` is the hex BLAKE3-256 of its bytes, None below level full.

    `dtype` is the name in the file (`BF16`, `Q4_0`), `shape` in elements, outermost first.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    digest: str | None = None
