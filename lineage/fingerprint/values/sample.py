"""Reading a sample: the requests of a plan, then the values of its tiles."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lineage.errors import FormatError
from lineage.fingerprint.values.plan import SamplePlan, merged
from lineage.fingerprint.values.sketch import ReadRanges, SampledTile, Sketch
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.tensor import Fetch, FileRange, Place, ValueTensor
from lineage.fingerprint.values.tiles import Tile

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats


def read_sample(source: ValueSource, plan: SamplePlan, read: ReadRanges) -> Sketch:
    """Read the values of a plan's tiles, at most 16 MB at once.

    Raises FormatError where a file ends before them or their scales do not fit, and what `read` raises.
    """
    fetch = _fetched({file: (ranges, read(file, ranges)) for file, ranges in plan.joined.items()})
    tiles = [_sampled(source, tile, fetch) for tile in plan.tiles]
    return Sketch(tiles, count_kinds(plan.offers), source.adapter)


def read_place(tensor: ValueTensor, place: Place, read: ReadRanges) -> Floats:
    """Read the values of one place of one tensor, in one call for each file; the caller bounds its size.

    Raises FormatError where a file ends before them or their scales do not fit, and what `read` raises.
    """
    wanted: dict[str, list[tuple[int, int]]] = {}
    for each in merged(tensor.ranges(place)):
        wanted.setdefault(each.file, []).append((each.start, each.length))
    return tensor.values(place, _fetched({file: (ranges, read(file, ranges)) for file, ranges in wanted.items()}))


def count_kinds(tiles: Iterable[Tile]) -> dict[str, int]:
    """Count tiles by kind."""
    return dict(Counter(tile.kind for tile in tiles))


def _sampled(source: ValueSource, tile: Tile, fetch: Fetch) -> SampledTile:
    tensor = source.tensors[tile.name]
    return SampledTile(tile, tensor.shape, tensor.method, tensor.values(tile.place, fetch))


def _fetched(blobs: Mapping[str, tuple[Sequence[tuple[int, int]], Sequence[bytes]]]) -> Fetch:
    """Make what finds a range inside the requests that were made."""
    starts = {file: [start for start, _ in ranges] for file, (ranges, _) in blobs.items()}

    def fetch(wanted: FileRange) -> bytes:
        at = bisect_right(starts[wanted.file], wanted.start) - 1
        ranges, data = blobs[wanted.file]
        begin = wanted.start - ranges[at][0]
        found = data[at][begin : begin + wanted.length]
        if len(found) != wanted.length:
            end = wanted.start + wanted.length
            raise FormatError(f"{wanted.file} ends before byte {end:,}: it is cut short.", file=wanted.file)
        return found

    return fetch
