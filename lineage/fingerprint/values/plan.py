"""What a sample costs, worked out from headers alone, and which tiles fit the bounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.tensor import FileRange
from lineage.fingerprint.values.tiles import Tile, tiles_of

MAX_SAMPLE_BYTES = 16_000_000
MAX_SAMPLE_REQUESTS = 200
MAX_GAP = 64_000
"""Bytes between two ranges up to which one request may fetch both."""

Joined = Mapping[str, Sequence[tuple[int, int]]]
"""By file, (start, length) of each request, in order."""


class SamplePlan(NamedTuple):
    """The tiles that are read, of those that the model `offers`, and the requests that fetch them."""

    tiles: Sequence[Tile]
    offers: Sequence[Tile]
    joined: Joined

    @property
    def bytes(self) -> int:
        """Count the bytes that all requests fetch."""
        return sum(length for ranges in self.joined.values() for _, length in ranges)

    @property
    def requests(self) -> int:
        """Count the requests."""
        return sum(len(ranges) for ranges in self.joined.values())


def plan_sample(source: ValueSource) -> SamplePlan:
    """Take the longest prefix of the tiles that costs at most 16 MB and 200 range requests.

    The prefix grows tile by tile and ends before the first with which the bounds cannot be kept. It depends on the
    layout of the files alone, so that a model gives the same sample on this machine and over the network.
    """
    offers = tiles_of({name: tensor.shape for name, tensor in source.tensors.items()})
    wanted = [merged(source.tensors[tile.name].ranges(tile.place)) for tile in offers]
    whole = join(each for ranges in wanted for each in ranges)
    if whole is not None:
        return SamplePlan(offers, offers, whole)
    held: list[FileRange] = []
    joined: Joined = {}
    for count, ranges in enumerate(wanted):
        held = merged([*held, *ranges])
        grown = join(held)
        if grown is None:
            return SamplePlan(offers[:count], offers, joined)
        joined = grown
    return SamplePlan(offers, offers, joined)


def merged(ranges: Iterable[FileRange]) -> list[FileRange]:
    """Order ranges and make one of those that touch or overlap."""
    found: list[FileRange] = []
    for each in sorted(ranges):
        last = found[-1] if found else None
        if each.length <= 0:
            continue
        if last is not None and last.file == each.file and each.start <= last.start + last.length:
            end = max(last.start + last.length, each.start + each.length)
            found[-1] = FileRange(last.file, last.start, end - last.start)
        else:
            found.append(each)
    return found


def join(ranges: Iterable[FileRange]) -> Joined | None:
    """Put ranges into requests: the smallest gaps are fetched too while the bytes stay within their bound.

    None where the bounds cannot be kept.
    """
    apart = merged(ranges)
    total = sum(each.length for each in apart)
    gaps = [
        (after.start - before.start - before.length, at)
        for at, (before, after) in enumerate(pairwise(apart))
        if before.file == after.file
    ]
    bridged: set[int] = set()
    for gap, at in sorted(gaps):
        if gap >= MAX_GAP or total + gap > MAX_SAMPLE_BYTES:
            break
        total += gap
        bridged.add(at)
    if total > MAX_SAMPLE_BYTES or len(apart) - len(bridged) > MAX_SAMPLE_REQUESTS:
        return None
    joined: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, each in enumerate(apart):
        if at - 1 in bridged:
            start, _ = joined[each.file][-1]
            joined[each.file][-1] = (start, each.start + each.length - start)
        else:
            joined[each.file].append((each.start, each.length))
    return dict(joined)
