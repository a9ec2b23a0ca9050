"""Whether a GGUF tensor was quantised from a candidate: the share of its codes that return.

Types that the `gguf` package can make are made again of the candidate's values and compared. Of the others (Q2_K to
Q6_K, IQ4) the grid of each block is recovered from the child's values: llama.cpp chooses the scales of a block by a
search, then rounds each value to the nearest point of the grid that these scales give, so that the true parent's
values, rounded to it, give the child's. Lattices (IQ1 to IQ3) round several values together and are compared by their
residual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.values.tensor import Floats

    Numbers = NDArray[numpy.float64]

REMADE = frozenset({"F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"})
"""Types that are made again; the package quantises as llama.cpp does without an importance matrix."""

_STEPS: dict[str, tuple[int, int]] = {
    "Q2_K": (16, 4), "Q3_K": (16, 8), "Q4_K": (32, 16), "Q5_K": (32, 32), "Q6_K": (16, 64),
    "Q4_0": (32, 16), "Q4_1": (32, 16), "Q5_0": (32, 32), "Q5_1": (32, 32), "Q8_0": (32, 256),
}  # fmt: skip
"""Types whose values lie on even steps: values that share a scale, and levels of the grid."""

_IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
_E2M1 = (-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6)
_BOOKS: dict[str, tuple[int, tuple[float, ...]]] = {
    "IQ4_NL": (32, _IQ4), "IQ4_XS": (32, _IQ4), "MXFP4": (32, _E2M1), "NVFP4": (16, _E2M1),
}  # fmt: skip
"""Types whose values are a scale times an entry of a table: values that share a scale, and the table."""

LATTICES = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"})
"""Types that are compared by their residual alone."""

_TOLERANCE = 0.01
"""How far a value may lie beside a point of a grid, in steps: float32 rounds a hundred times finer."""


def returning_codes(method: str, child: Floats, candidate: Floats) -> float | None:
    """Return the share of codes of a child's tile that a candidate's values give; None where that cannot be told.

    `child` are dequantised values of type `method` from column 0 on, `candidate` those at the same place. A search for
    scales with an importance matrix gives other scales than the package: the greater share of both ways counts.
    """
    shares = [remade_share(method, child, candidate), grid_share(method, child, candidate)]
    known = [share for share in shares if share is not None]
    return max(known) if known else None


def remade_share(method: str, child: Floats, candidate: Floats) -> float | None:
    """Quantise a candidate's values again; None for types that the package cannot make, or where no block is whole."""
    import numpy
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    if method not in REMADE or child.shape != candidate.shape:
        return None
    kind = GGMLQuantizationType[method]
    whole = child.shape[1] - child.shape[1] % GGML_QUANT_SIZES[kind][0]
    if not whole or not child.shape[0]:
        return None
    stored = child[:, :whole]
    varies = (stored != stored[:, :1]).any(axis=1)
    if not varies.any():
        return None
    with numpy.errstate(all="ignore"):
        again = dequantize(quantize(numpy.ascontiguousarray(candidate[:, :whole]), kind), kind)
    return float((again == stored)[varies].mean())


def grid_share(method: str, child: Floats, candidate: Floats) -> float | None:
    """Round a candidate's values to the grid of the child's; None for types without one, or where no grid shows."""
    if child.shape != candidate.shape:
        return None
    grid = _even_grid(method, child) or _table_grid(method, child)
    if grid is None or not grid.is_known.any():
        return None
    again = grid.rounded(_blocks(candidate, grid.size))
    hits = abs(again - _blocks(child, grid.size)) <= grid.near[:, None]
    return float(hits[grid.is_known].mean())


def residual(child: Floats, candidate: Floats) -> float | None:
    """Return the length of the difference divided by that of the child; None for a child of zeros or other shapes."""
    import numpy

    if child.shape != candidate.shape:
        return None
    wide = child.astype(numpy.float64)
    length = float(numpy.linalg.norm(wide))
    return float(numpy.linalg.norm(wide - candidate)) / length if 0 < length < numpy.inf else None


@dataclass(frozen=True, slots=True)
class _Grid:
    """Hold the grids of blocks of `size` values.

    `levels` has a row of ascending values for each block, `near` is a quarter of its least step. Where `is_known` is
    False no grid was found, or the block holds one value only.
    """

    size: int
    levels: Numbers
    near: Numbers
    is_known: NDArray[numpy.bool_]

    def rounded(self, values: Numbers) -> Numbers:
        """Round each value of each block to the nearest level."""
        import numpy

        found = numpy.empty_like(values)
        for at, (levels, row) in enumerate(zip(self.levels, values, strict=True)):
            after = numpy.searchsorted((levels[1:] + levels[:-1]) / 2, row)
            found[at] = levels[after]
        return found


def _blocks(values: Floats, size: int) -> Numbers:
    """Cut rows into blocks of `size` values; what is left over at the end of a row is dropped.

    Blocks with values that are not finite become NaN as a whole.
    """
    import numpy

    whole = values.shape[1] - values.shape[1] % size
    blocks = values[:, :whole].astype(numpy.float64).reshape(-1, size)
    is_finite = numpy.isfinite(blocks).all(axis=1, keepdims=True)
    return numpy.where(is_finite, blocks, numpy.nan)


def _even_grid(method: str, child: Floats) -> _Grid | None:
    """Find the greatest step of which all gaps between a block's values are multiples.

    Levels beyond the block's least and greatest value are left out: a quantiser clips what lies beyond its last level,
    and the last level is not known.
    """
    import numpy

    if method not in _STEPS:
        return None
    size, count = _STEPS[method]
    blocks = numpy.sort(_blocks(child, size), axis=1)
    low, width = blocks[:, :1], blocks[:, -1] - blocks[:, 0]
    with numpy.errstate(all="ignore"):
        gaps = numpy.diff(blocks, axis=1)
        least = numpy.where(gaps > 0, gaps, numpy.inf).min(axis=1)
        step = numpy.full(len(blocks), numpy.nan)
        for parts in range(1, count):
            tried = least / parts
            steps = (blocks - low) / tried[:, None]
            fits = (abs(steps - numpy.rint(steps)) < _TOLERANCE).all(axis=1) & (numpy.rint(width / tried) < count)
            step = numpy.where(numpy.isnan(step) & fits, tried, step)
        is_known = numpy.isfinite(step) & (width > 0)
        total = numpy.where(is_known, numpy.rint(width / step), 1.0)
        step = numpy.where(is_known, width / total, 1.0)
    ladder = numpy.minimum(numpy.arange(count), total[:, None])
    return _Grid(size, numpy.nan_to_num(low + ladder * step[:, None]), step / 4, is_known)


def _table_grid(method: str, child: Floats) -> _Grid | None:
    """Find the scale with which a block's values are entries of a table: its greatest value is one of them."""
    import numpy

    if method not in _BOOKS:
        return None
    size, entries = _BOOKS[method]
    blocks = _blocks(child, size)
    book = numpy.array(entries)
    greatest = numpy.take_along_axis(blocks, abs(blocks).argmax(axis=1)[:, None], axis=1)[:, 0]
    scale = numpy.full(len(blocks), numpy.nan)
    allowed = _TOLERANCE * numpy.diff(numpy.sort(book)).min()
    with numpy.errstate(all="ignore"):
        for entry in sorted((each for each in entries if each), key=abs, reverse=True):
            tried = greatest / entry
            apart = abs(blocks[:, :, None] / tried[:, None, None] - book).min(axis=2)
            scale = numpy.where(numpy.isnan(scale) & (apart < allowed).all(axis=1), tried, scale)
        is_known = numpy.isfinite(scale) & (greatest != 0)
    scale = numpy.where(is_known, scale, 1.0)
    levels = numpy.sort(scale[:, None] * book, axis=1)
    near = numpy.diff(levels, axis=1).min(axis=1) / 4
    return _Grid(size, levels, near, is_known)
