"""Quantising a candidate's values again in the form of a child's tile: which codes return.

The share of codes that return is near one for the model that was quantised, and lower for its relatives. It proves the
direction too: the parent's values do not lie on the child's grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.fingerprint.values.bitsandbytes import TABLES
from lineage.fingerprint.values.grids import (
    Blocks,
    Levels,
    blocks_in_rows,
    blocks_in_run,
    find_scales,
    first_that_fits,
)
from lineage.fingerprint.values.recoded import (
    ALL_HALVES,
    AffineGrid,
    Grid,
    LevelGrid,
    Limits,
    Remade,
    TableGrid,
    Way,
    in_table,
    rounded_to,
)
from lineage.fingerprint.values.requantise_gguf import GRIDS as GGUF_GRIDS
from lineage.fingerprint.values.requantise_gguf import gguf_grid
from lineage.fingerprint.values.rounding import rounded
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

    `equal` counts them for the candidate's values as they are, `best` for those rounded to `rounding` first (BF16, F16,
    or None for as they are): people load a model in another dtype and quantise it then. Some libraries compute in that
    dtype, some in float32; both are tried.
    """

    equal: int
    compared: int
    best: int
    rounding: str | None


def grid_of(child: SampledTile) -> Grid | None:
    """Find the grid of a child's tile; None where its values do not show one, or its method is not known here."""
    import numpy

    make = GRIDS.get(child.method or "")
    if make is None or 0 in child.values.shape or not numpy.isfinite(child.values).all():
        return None
    with numpy.errstate(all="ignore"):
        return make(child)


def returned(grid: Grid, candidate: Floats) -> Returned:
    """Quantise a candidate's values at the same place again and count the codes that return."""
    import numpy

    counts = {}
    with numpy.errstate(all="ignore"):
        for way in grid.ways:
            codes = grid.codes(rounded_to(candidate, way.rounding), way)
            counts[way] = int(numpy.count_nonzero(codes == grid.child))
    best = max(counts, key=lambda each: counts[each])
    return Returned(counts[Way()], int(grid.child.size), counts[best], best.rounding)


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


def _gguf(child: SampledTile) -> Grid | None:
    found = gguf_grid(child)
    return None if found is None else Remade(found)


def _rows_and_groups(child: SampledTile, sizes: tuple[int, ...] = GROUPS) -> list[Blocks]:
    """List the ways to cut a tile: whole rows, then groups of columns."""
    rows, columns = child.values.shape
    return [blocks_in_rows(rows, columns, size) for size in (columns, *(each for each in sizes if each < columns))]


def _between(lowest: float, highest: float) -> Limits:
    return lambda codes: (lowest, highest)


def _by_bits(codes: Any) -> tuple[Any, Any]:
    """Return the lowest and the highest code of integers, from the bits that hold the widest block.

    Where a zero point moves all codes of a block, its least and its greatest code show the limits.
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
    """Make the finder of grids whose zero is not a level: a shift is added to each block."""

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
                whole = codes.max(axis=1) == largest
                kept = Blocks(kept.at[whole], kept.shape)
                return AffineGrid(kept, scales[known][whole], least[known][whole], largest, codes[whole])
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
        blocks = blocks_in_rows(child.values.shape[0], child.values.shape[1], size)
        found = first_that_fits(child.values, [blocks], levels)
        return None if found is None else LevelGrid.of(child.values, found, levels, _between(-6, 6), ALL_HALVES)

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
            codes = in_table(values, table)
            if numpy.allclose(table[codes] * largest[telling], values, rtol=1e-4, atol=0):
                return TableGrid(kept, table, codes)
        return None

    return make


GRIDS: Mapping[str, Callable[[SampledTile], Grid | None]] = {
    **dict.fromkeys(GGUF_GRIDS, _gguf),
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
    "mxfp8": _floats("F8_E4M3"),
    "mxfp4": _four_bit_floats(32),
    "nvfp4": _four_bit_floats(16),
    "compressed-tensors-int8": _integers(255, _by_bits),
    "compressed-tensors-int4": _integers(15, _by_bits),
    "compressed-tensors-int2": _integers(3, _by_bits),
    "compressed-tensors-fp8": _floats("F8_E4M3"),
    "compressed-tensors-mxfp4": _four_bit_floats(32),
    "compressed-tensors-nvfp4": _four_bit_floats(16),
}
"""How the grid of each method is found. A method that is not here cannot be made again from values."""
