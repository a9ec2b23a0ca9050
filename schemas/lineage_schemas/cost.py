"""What a reading costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field

from lineage_schemas.record import Record


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
