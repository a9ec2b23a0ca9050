"""Weights: what one weight group holds, as digests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field

from lineage_schemas.bounded import Count
from lineage_schemas.level import Level
from lineage_schemas.record import Record
from lineage_schemas.weight_group import WeightGroup


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


class Weights(Record):
    """Keep the content of a weight group in the graph, keyed by its files digest.

    Filled in as deeper levels are read: a null never overwrites a known value. `dtypes` counts tensors by dtype.
    `arch` is the architecture signature. `sketch` is the format of the stored sample of values (attachment `sketch`)
    with what it covers, null if there is none; having one does not depend on `level`. `calls` are the names that the
    group's pickles would call beyond those of plain checkpoints; null if that was not read.
    """

    key: str
    level: Level = "metadata"
    weights: str | None = None
    content: str | None = None
    layout: str | None = None
    format: str | None = None
    tensor_count: Count | None = None
    parameter_count: Count | None = None
    byte_size: Count | None = None
    dtypes: dict[str, Count] | None = None
    arch: str | None = None
    sketch: str | None = None
    calls: tuple[str, ...] | None = None


class GroupWeights(Record):
    """Join a revision to the weights of one of its groups: what `HAS_WEIGHTS` edges are made of."""

    revision: str
    group: WeightGroup
    weights: str


class Cost(Record):
    """Hold what was read: requests that the Hub answered, bytes of weight files, and whether they were local.

    `failed` are requests without a useful answer, in the JSON only if there are any: no connection, no response in
    time, or an answer that asks to try again (429, 5xx). Each try is counted; `requests` does not include them.
    `ranges` are the parts of weight files that were requested for a sample, headers apart, in the JSON only if there
    are any: of large files they come from the Hub's storage, which no rate limit counts.
    """

    requests: int = 0
    bytes_read: int = 0
    local: bool = True
    failed: int = Field(default=0, exclude_if=lambda failed: not failed)
    ranges: int = Field(default=0, exclude_if=lambda ranges: not ranges)

    @classmethod
    def total(cls, costs: Iterable[Self], *, local: bool) -> Self:
        """Add up costs; `local` says whether all of it was read on this machine."""
        every = list(costs)
        return cls(
            requests=sum(cost.requests for cost in every),
            bytes_read=sum(cost.bytes_read for cost in every),
            failed=sum(cost.failed for cost in every),
            ranges=sum(cost.ranges for cost in every),
            local=local,
        )
