"""The digests that name the content of a weight group."""

from __future__ import annotations

from lineage_schemas.record import Record


class Digests(Record):
    """Identify the content of a weight group by digests.

    Each digest's prefix is its format with every parameter that changes its value (docs/reference/digests.md).
    `files` is known from metadata, `layout` from headers, `weights` and `content` from all bytes; null if the
    group was not read that deep or lineage cannot read the tensors of its format.
    """

    files: str | None = None
    weights: str | None = None
    content: str | None = None
    layout: str | None = None
