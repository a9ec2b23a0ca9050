"""Quantising a candidate's values again in the form of a child's tile: which codes return.

The share of codes that return is near one for the model that was quantised, and lower for its relatives. It proves the
direction too: the parent's values do not lie on the child's grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lineage.fingerprint.values.bitsandbytes import TABLES
from lineage.fingerprint.values.grids import (
    Blocks,
    Levels,
    blocks_in_rows,
    blocks_in_run,
    find_scales,
    first_that_fits,
)
from lineage.fingerprint.values.rounding import NARROW, rounded
from lineage.fingerprint.values.sketch import SampledTile
from lineage.fingerprint.values.tensor import decode_floats

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

GROUPS = (128, 64, 32, 16)
"""Columns that share a scale, where not a whole row does."""

RUNS = (4096, 2048, 1024, 512, 256, 128, 64, 32)
"""Values in a row that share a scale in four-bit formats of bitsandbytes."""


class Returned(NamedTuple):
    """How many codes of a tile return, of those that were `compared`.

    `equal` counts them for the candidate's values as they are, `best` for those rounded to `rounding` first (BF16, F16, or
    None for as they are): people load a model in another dtype and quantise it then.
    """

    equal: int
    compared: int
    best: int
    rounding: str | None


Limits = Callable[[Any], tuple[Any, Any]]
"""Give the lowest and the highest code, from those of a child's blocks."""


class Grid(Protocol):
    """The codes of a child's tile, with what is needed to make those of a candidate."""

    def codes(self, values: Floats) -> Any:
        """Return the code of each value, in the order of `child`."""
        ...

    @property
    def child(self) -> Any:
        """Return the codes of the child."""
        ...


def grid_of(child: SampledTile) -> Grid | None:
    """Find the grid of a child's tile; None where its values do not show one, or its method is not known here."""
    make = GRIDS.get(child.method or "")
    if make is None or 0 in child.values.shape:
        return None
    return make(child)


def returned(grid: Grid, candidate: Floats) -> Returned:
    """Quantise a candidate's values at the same place again and count the codes that return."""
    import numpy

    counts: dict[str | None, int] = {}
    for rounding in (None, *NARROW):
        values = candidate if rounding is None else rounded(candidate, rounding)
        if values is not None:
            counts[rounding] = int(numpy.count_nonzero(grid.codes(values) == grid.child))
    best = max(counts, key=lambda each: counts[each])
    return Returned(counts[None], int(grid.child.size), counts[best], best)


def requantise(child: SampledTile, candidate: Floats) -> Returned | None:
    """Count the codes of a child's tile that return from a candidate's values; None where that cannot be worked out."""
    grid = grid_of(child)
    return None if grid is None else returned(grid, candidate)


def cast_again(dtype: str, child: Floats, candidate: Floats) -> Returned | None:
    """Round a candidate's values to a dtype and count those that are the child's; None for a dtype not known here."""
    import numpy

    values = rounded(candidate, dtype)
    if values is None:
        return None
    equal = int(numpy.count_nonzero((values == child) | (numpy.isnan(values) & numpy.isnan(child))))
    return Returned(equal, int(child.size), equal, None)


@dataclass(frozen=True)
class LevelGrid:
    """Blocks of levels that are symmetric around zero, each with the scale that was found."""

    blocks: Blocks
    scales: Floats
    levels: Levels
    low: Any
    high: Any
    child: Any

    @classmethod
    def of(cls, tile: Floats, found: tuple[Blocks, Floats], levels: Levels, limits: Limits) -> LevelGrid:
        """Take the blocks that have a scale; `limits` gives the lowest and the highest code from those of the child."""
        import numpy

        blocks, scales = found
        known = numpy.isfinite(scales) & (scales != 0)
        blocks, scales = Blocks(blocks.at[known], blocks.shape), scales[known]
        child = levels.nearest(blocks.take(tile) / scales[:, None])
        return cls(blocks, scales, levels, *limits(child), child)

    def first_column(self) -> LevelGrid:
        """Return the part that is in the first column of the tile."""
        import numpy

        here = self.blocks.at[:, 0] % self.blocks.shape[1] == 0
        low, high = (each[here] if numpy.ndim(each) else each for each in (self.low, self.high))
        blocks = Blocks(self.blocks.at[here][:, :1], self.blocks.shape)
        return LevelGrid(blocks, self.scales[here], self.levels, low, high, self.child[here][:, :1])

    def codes(self, values: Floats) -> Any:
        """Return the level of each value."""
        import numpy

        with numpy.errstate(all="ignore"):
            found = self.levels.nearest(self.blocks.take(values) / self.scales[:, None])
        return numpy.clip(found, self.low, self.high)


@dataclass(frozen=True)
class AffineGrid:
    """Blocks of codes between their least and their largest value."""

    blocks: Blocks
    scales: Floats
    least: Floats
    largest: int
    child: Any

    def codes(self, values: Floats) -> Any:
        """Return the code of each value, above the least of its block."""
        import numpy

        found = numpy.round((self.blocks.take(values) - self.least) / self.scales[:, None])
        full = self.child.max(axis=1, keepdims=True) == self.largest
        return numpy.where(full, numpy.clip(found, 0, self.largest), found)


@dataclass(frozen=True)
class TableGrid:
    """Blocks of codes of a table, each divided by its largest value."""

    blocks: Blocks
    table: Floats
    child: Any

    def codes(self, values: Floats) -> Any:
        """Return the place in the ordered table of each value."""
        return _in_table(self.blocks.take(values), self.table)


def _in_table(blocks: Floats, table: Floats) -> Any:
    import numpy

    largest = numpy.abs(blocks).max(axis=1, keepdims=True)
    with numpy.errstate(all="ignore"):
        scaled = blocks * (numpy.float32(1) / largest)
    return numpy.searchsorted((table[:-1] + table[1:]) / 2, scaled)


def _rows_and_groups(child: SampledTile, sizes: tuple[int, ...] = GROUPS) -> list[Blocks]:
    """List the ways to cut a tile: whole rows, then groups of columns."""
    rows, columns = child.values.shape
    return [blocks_in_rows(rows, columns, size) for size in (columns, *(each for each in sizes if each < columns))]


def _between(lowest: float, highest: float) -> Limits:
    return lambda codes: (lowest, highest)


def _by_bits(codes: Any) -> tuple[Any, Any]:
    """Return the lowest and the highest code of integers, from the bits that hold the widest block.

    Where a zero point moves all codes of a block, it is known from its least and its greatest code as far as these show it.
    """
    least, greatest = codes.min(axis=1, keepdims=True), codes.max(axis=1, keepdims=True)
    if not len(codes):
        return -128, 127
    bits = next((bits for bits in (2, 3, 4, 8) if (greatest - least).max() < 1 << bits), 16)
    half = 1 << (bits - 1)
    if least.min() >= -half and greatest.max() < half:
        return -half, half - 1
    return greatest - (2 * half - 1), least + (2 * half - 1)


def _integers(largest: int, limits: Limits) -> Callable[[SampledTile], LevelGrid | None]:
    def make(child: SampledTile) -> LevelGrid | None:
        levels = Levels.integers(largest)
        found = first_that_fits(child.values, _rows_and_groups(child), levels)
        return None if found is None else LevelGrid.of(child.values, found, levels, limits)

    return make


def _gptq(child: SampledTile) -> Grid | None:
    """Find the grid of the first column of a matrix of GPTQ: the only one that is rounded as it is.

    GPTQ goes from column to column and adds the error of each to those that follow, in a way that depends on its
    calibration data. In act-order the first column is another one, and the groups that lie anywhere show no grid.
    """
    if child.tile.place.column:
        return None
    for largest in (15, 255):
        found = _integers(largest, _by_bits)(child)
        if found is not None:
            return found.first_column()
    return None


def _affine(largest: int) -> Callable[[SampledTile], Grid | None]:
    """Make the finder of grids whose zero is no level: a shift is added to each block."""

    def make(child: SampledTile) -> Grid | None:
        import numpy

        levels = Levels.integers(largest)
        for blocks in _rows_and_groups(child, (128, 96, 64, 32)):
            values = blocks.take(child.values)
            least = values.min(axis=1, keepdims=True)
            scales = find_scales(values - least, levels)
            known = numpy.isfinite(scales)
            if known.sum() >= 0.9 * len(scales):
                kept = Blocks(blocks.at[known], blocks.shape)
                codes = numpy.round((values - least)[known] / scales[known][:, None])
                return AffineGrid(kept, scales[known], least[known], largest, codes)
        return None

    return make


def _floats(dtype: str) -> Callable[[SampledTile], Grid | None]:
    def make(child: SampledTile) -> Grid | None:
        import numpy

        table = decode_floats(bytes(range(128)), dtype)
        levels = Levels(numpy.unique(table[numpy.isfinite(table) & (table > 0)]))
        largest = float(levels.positive[-1])
        found = first_that_fits(child.values, _rows_and_groups(child), levels)
        return None if found is None else LevelGrid.of(child.values, found, levels, _between(-largest, largest))

    return make


def _four_bit_floats(size: int) -> Callable[[SampledTile], Grid | None]:
    def make(child: SampledTile) -> Grid | None:
        import numpy

        levels = Levels(numpy.array([0.5, 1, 1.5, 2, 3, 4, 6], numpy.float32))
        blocks = blocks_in_rows(*child.values.shape, size)
        found = first_that_fits(child.values, [blocks], levels)
        return None if found is None else LevelGrid.of(child.values, found, levels, _between(-6, 6))

    return make


def _table(kind: str) -> Callable[[SampledTile], Grid | None]:
    def make(child: SampledTile) -> Grid | None:
        import numpy

        table = numpy.unique(numpy.array(TABLES[kind], numpy.float32))
        rows, columns = child.values.shape
        start = child.tile.place.row * child.shape[1] + child.tile.place.column
        for size in RUNS:
            blocks = blocks_in_run(rows, columns, size, start=start, width=child.shape[1])
            values = blocks.take(child.values)
            largest = numpy.abs(values).max(axis=1, keepdims=True) if len(values) else values
            telling = numpy.isfinite(largest[:, 0]) & (largest[:, 0] > 0) if len(values) else None
            if telling is None or not telling.any():
                continue
            kept = Blocks(blocks.at[telling], blocks.shape)
            values = kept.take(child.values)
            codes = _in_table(values, table)
            if numpy.allclose(table[codes] * largest[telling], values, rtol=1e-4, atol=0):
                return TableGrid(kept, table, codes)
        return None

    return make


GRIDS: Mapping[str, Callable[[SampledTile], Grid | None]] = {
    "bitsandbytes-int8": _integers(127, _between(-127, 127)),
    "torchao-int8": _integers(255, _by_bits),
    "quanto-int8": _integers(128, _between(-128, 127)),
    "quanto-int4": _affine(15),
    "quanto-int2": _affine(3),
    "gptq": _gptq,
    "bitsandbytes-nf4": _table("nf4"),
    "bitsandbytes-fp4": _table("fp4"),
    "torchao-float8": _floats("F8_E4M3"),
    "quanto-float8": _floats("F8_E4M3"),
    "fp8": _floats("F8_E4M3"),
    "mxfp4": _four_bit_floats(32),
    "nvfp4": _four_bit_floats(16),
}
"""How the grid of each method is found. A method that is not here cannot be made again from values."""
