"""What a stored sample covers, as the text that the record of weights has, and whether it may cover more today.

`sketch.v1 strips=1/1 squares=0/0 vectors=4/4 unread=64 readers=1`: the last two are there only where matrices or codes
have no values, so that such a sample does not look like a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from lineage.fingerprint.values.tensor import FileHeader
from lineage.fingerprint.values.tiles import BUFFERS

if TYPE_CHECKING:
    from lineage.fingerprint.values.sketch import Sketch

READERS = 1
"""Raised whenever values can be read that could not be before: weights with unread tensors are then sampled again."""

_NUMBERS = frozenset({"BOOL", "I64", "U64", "C64", "C128"})
"""Dtypes of what is counted or masked: never codes of weights."""

_PARTIAL = re.compile(r" unread=(?P<unread>\d{1,9}) readers=(?P<readers>\d{1,9})$")


def coverage_text(sketch: Sketch, unread: int) -> str:
    """Write what a sample covers, with how many stored matrices or codes have no values in it."""
    return f"{sketch.coverage} unread={unread} readers={READERS}" if unread else sketch.coverage


def may_cover_more(coverage: str | None) -> bool:
    """Return whether a sample left tensors unread, and other readers than today's read it."""
    found = _PARTIAL.search(coverage or "")
    return found is not None and int(found["readers"]) < READERS


def unread_by(coverage: str | None) -> int:
    """Return how many matrices or tensors of codes have no values in a sample, as its text says."""
    found = _PARTIAL.search(coverage or "")
    return int(found["unread"]) if found else 0


def count_unread(headers: Iterable[FileHeader], unread: Collection[str]) -> int:
    """Count the unread tensors that are matrices or codes; vectors, masks and numbers of positions are not counted."""
    spans = [span for header in headers for span in header.tensors] if unread else []
    return sum(
        span.name in unread and len(span.shape) > 1 and span.dtype not in _NUMBERS and not span.name.endswith(BUFFERS)
        for span in spans
    )
