"""The grid of a quantised tile, found again from its values: scales are not kept in a sketch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.values.tensor import Floats

    Indices = NDArray[numpy.intp]

Halves = Literal["even", "down", "up"]
"""Where a value in the middle of two levels goes: to the one at an even place, the one nearer to zero, or the other."""

TOLERANCE = 0.002
"""How far from a level a value may be, as a share of the distance to the next level."""

MIN_DISTINCT = 3
"""Different sizes of values that a block must have; one with fewer lies on too many grids."""

MIN_FITTING = 0.9
"""Share of the blocks of a tile that must lie on a grid before its block size is believed."""

_QUICK = 24
"""Values of each block that are tried first."""


@dataclass(frozen=True)
class Blocks:
    """Blocks of a tile, one a row: `at` are the positions of their values in the tile, row after row.

    A row that is shorter than a block is filled up with its first position.
    """

    at: Indices
    shape: tuple[int, int]

    def take(self, tile: Floats) -> Floats:
        """Return the values of each block."""
        found: Floats = tile.reshape(-1)[self.at]
        return found


def blocks_in_rows(rows: int, columns: int, size: int) -> Blocks:
    """Cut each row of a tile into blocks, from its first column on."""
    import numpy

    count = -(-columns // size)
    within = numpy.arange(count * size).reshape(count, size)
    within = numpy.where(within < columns, within, within[:, :1])
    at = numpy.arange(rows)[:, None, None] * columns + within[None]
    return Blocks(at.reshape(rows * count, size), (rows, columns))


def blocks_in_run(rows: int, columns: int, size: int, *, start: int, width: int) -> Blocks:
    """Find the blocks that lie whole in a tile, where blocks run on from row to row of a tensor of `width` columns.

    `start` is the position of the tile's first value in that run.
    """
    import numpy

    runs = [(0, start, rows * columns)] if columns == width else []
    runs = runs or [(row * columns, start + row * width, columns) for row in range(rows)]
    firsts = []
    for begin, position, length in runs:
        skipped = -position % size
        firsts += list(range(begin + skipped, begin + length - size + 1, size))
    at = numpy.array(firsts, dtype=numpy.intp)[:, None] + numpy.arange(size)
    return Blocks(at.reshape(-1, size), (rows, columns))


@dataclass(frozen=True)
class Levels:
    """Levels of a kind of code: `positive` in ascending order, and the same below zero, as multiples of a scale."""

    positive: Floats

    @classmethod
    def integers(cls, largest: int) -> Levels:
        """Make the levels of integers."""
        import numpy

        return cls(numpy.arange(1, largest + 1, dtype=numpy.float32))

    def nearest(self, values: Any, halves: Halves = "even") -> Any:
        """Return the nearest level of each value; in the middle of two, the one whose place in the table is even.

        With `halves` the one nearer to zero (`down`), or the other one (`up`).
        """
        import numpy

        table = numpy.concatenate([numpy.zeros(1, numpy.float32), self.positive])
        sizes = numpy.abs(values)
        above = numpy.searchsorted(table, sizes).clip(1, len(table) - 1)
        low, high = table[above - 1], table[above]
        middle = (low + high) / 2
        half = {"even": above % 2 == 0, "down": False, "up": True}[halves]
        up = (sizes > middle) | ((sizes == middle) & half)
        found = numpy.where(up | (sizes >= high), high, low)
        return numpy.where(numpy.isnan(sizes), numpy.float32(numpy.nan), numpy.copysign(found, values))

    def off(self, values: Any) -> Any:
        """Return how far from the nearest level each value is, as a share of the distance between levels there."""
        import numpy

        table = numpy.concatenate([numpy.zeros(1, numpy.float32), self.positive])
        sizes = numpy.abs(values)
        above = numpy.searchsorted(table, sizes).clip(1, len(table) - 1)
        low, high = table[above - 1], table[above]
        distance = numpy.minimum(numpy.abs(sizes - low), numpy.abs(high - sizes))
        return distance / (high - low)


def find_scales(blocks: Floats, levels: Levels) -> Floats:
    """Find for each block the largest scale with which all its values are levels; NaN where there is none.

    A grid that is coarser than the true one is right as well: where the nearest point of a finer grid lies on it, it is
    the nearest of the coarser one too. The largest value of a block is one of the levels, so that only as many scales
    are possible as there are levels.
    """
    import numpy

    sizes = numpy.abs(blocks)
    largest = sizes.max(axis=1)
    found = numpy.full(len(blocks), numpy.nan, numpy.float32)
    open_ = numpy.flatnonzero((largest > 0) & numpy.isfinite(largest) & _varied(sizes))
    order = numpy.argsort(-sizes[:, :], axis=1)[:, :_QUICK]
    quick = numpy.take_along_axis(blocks, order, axis=1)
    for level in levels.positive:
        if not len(open_):
            break
        scales = largest[open_] / level
        fits = (levels.off(quick[open_] / scales[:, None]) < TOLERANCE).all(axis=1)
        tried = open_[fits]
        fits[fits] = (levels.off(blocks[tried] / scales[fits][:, None]) < TOLERANCE).all(axis=1)
        found[open_[fits]] = scales[fits]
        open_ = open_[~fits]
    return _refined(blocks, found, levels)


def _varied(sizes: Floats) -> Any:
    """Return which blocks have enough different values."""
    import numpy

    ordered = numpy.sort(sizes, axis=1)
    steps = (numpy.diff(ordered, axis=1) > 1e-5 * ordered[:, -1:]).sum(axis=1)
    return steps + (ordered[:, 0] > 0) >= MIN_DISTINCT


def _refined(blocks: Floats, scales: Floats, levels: Levels) -> Floats:
    """Fit each scale to all values of its block by least squares."""
    import numpy

    with numpy.errstate(all="ignore"):
        codes = levels.nearest(blocks / scales[:, None]).astype(numpy.float64)
        refined = (blocks * codes).sum(axis=1) / (codes * codes).sum(axis=1)
    return numpy.asarray(refined, numpy.float32)


def first_that_fits(tile: Floats, candidates: Sequence[Blocks], levels: Levels) -> tuple[Blocks, Floats] | None:
    """Return the first way to cut a tile with which nearly all blocks lie on a grid, and their scales."""
    import numpy

    for blocks in candidates:
        values = blocks.take(tile)
        scales = find_scales(values, levels)
        telling = int(_varied(numpy.abs(values)).sum())
        if telling and numpy.isfinite(scales).sum() >= MIN_FITTING * telling:
            return blocks, scales
    return None
