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


def read_sample(source: ValueSource, plan: SamplePlan, read: ReadRanges) -> tuple[Sketch, dict[str, str]]:
    """Read the values of a plan's tiles, at most 16 MB at once; the second value is why tensors could not be read.

    A tensor whose stored scales or tables do not fit it has no tile in the sketch, and the others have theirs. Raises
    FormatError where a file ends before the values, and what `read` raises.
    """
    fetch = _fetched({file: (ranges, read(file, ranges)) for file, ranges in plan.joined.items()})
    tiles: list[SampledTile] = []
    unfit: dict[str, str] = {}
    for tile in plan.tiles:
        if tile.name in unfit:
            continue
        try:
            tiles.append(_sampled(source, tile, fetch))
        except FormatError as error:
            unfit[tile.name] = error.in_one_line
    kept = [each for each in tiles if each.tile.name not in unfit]
    unread = {name: reason for tensor, reason in unfit.items() for name in source.stored.get(tensor, (tensor,))}
    return Sketch(kept, count_kinds(plan.offers), source.adapter), unread


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
    """Make what finds a range inside the requests that were made. Raises FormatError where one is not whole."""
    for file, (ranges, blobs_of) in blobs.items():
        for (start, length), blob in zip(ranges, blobs_of, strict=True):
            if len(blob) != length:
                raise FormatError(f"{file} ends before byte {start + length:,}: it is cut short.", file=file)
    starts = {file: [start for start, _ in ranges] for file, (ranges, _) in blobs.items()}

    def fetch(wanted: FileRange) -> bytes:
        at = bisect_right(starts[wanted.file], wanted.start) - 1
        ranges, data = blobs[wanted.file]
        begin = wanted.start - ranges[at][0]
        return data[at][begin : begin + wanted.length]

    return fetch
