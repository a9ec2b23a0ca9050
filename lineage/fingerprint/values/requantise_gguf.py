"""Whether a GGUF tensor was quantised from a candidate: which codes return.

Types that the `gguf` package can make are made again of the candidate's values. Of others (Q2_K to Q6_K, IQ4, NVFP4)
the grid of each block is recovered from the child's values: llama.cpp chooses the scales of a block by a search, then
rounds each value to the nearest point of the grid that these scales give, so that the true parent's values, rounded to
it, give the child's. Lattices (IQ1 to IQ3) round several values together: only a residual tells how near a candidate
is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage.fingerprint.values.sketch import SampledTile

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.values.tensor import Floats

    Numbers = NDArray[numpy.float64]

REMADE: Mapping[str, int] = {
    "Q4_0": 32, "Q4_1": 32, "Q5_0": 32, "Q5_1": 32, "Q8_0": 32, "MXFP4": 32, "TQ1_0": 256, "TQ2_0": 256,
}  # fmt: skip
"""Types that the package makes as llama.cpp does without an importance matrix, and values of a block."""

STEPS: Mapping[str, tuple[int, int]] = {
    "Q2_K": (16, 4), "Q3_K": (16, 8), "Q4_K": (32, 16), "Q5_K": (32, 32), "Q6_K": (16, 64),
    "Q4_0": (32, 16), "Q4_1": (32, 16), "Q5_0": (32, 32), "Q5_1": (32, 32), "Q8_0": (32, 256),
}  # fmt: skip
"""Types whose values lie on even steps: values that share a scale, and levels of the grid."""

_IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
_E2M1 = (-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6)
TABLES: Mapping[str, tuple[int, tuple[float, ...]]] = {
    "IQ4_NL": (32, _IQ4), "IQ4_XS": (32, _IQ4), "MXFP4": (32, _E2M1), "NVFP4": (16, _E2M1),
}  # fmt: skip
"""Types whose values are a scale times an entry of a table: values that share a scale, and the table."""

LATTICES = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"})
"""Types without codes of single values: candidates are compared by their residual."""

_TOLERANCE = 0.01
"""How far a value may lie beside a point of a grid, in steps: float32 rounds a hundred times finer."""


@dataclass(frozen=True, slots=True)
class GgufGrid:
    """The blocks of a child's tile that tell something, and how those of a candidate are made.

    `child` has the values of one block a row, which stand for its codes. `kept` marks these blocks among all of the
    tile, `levels` has the points of their grids in ascending order, None where a type is only made again. A block of
    one value tells nothing.
    """

    method: str
    child: Numbers
    kept: NDArray[numpy.bool_]
    levels: Numbers | None

    def codes(self, values: Floats) -> Any:
        """Return what a candidate's values become, in the form of `child`.

        An importance matrix leads the search to scales that the package does not find. The way that gives more of the
        child's values counts: made again, or rounded to the child's grid.
        """
        import numpy

        ways = []
        if self.method in REMADE:
            ways.append(_blocks(_made_again(self.method, values), self.child.shape[1])[self.kept])
        if self.levels is not None:
            ways.append(_rounded(_blocks(values, self.child.shape[1])[self.kept], self.levels))
        return max(ways, key=lambda found: int(numpy.count_nonzero(found == self.child)))


def gguf_grid(child: SampledTile) -> GgufGrid | None:
    """Find the grid of a tile of one of the types of `GRIDS`; None where its values show none.

    Tiles begin at column 0, as blocks do. What is left over at the end of a row is not compared.
    """
    import numpy

    method = child.method or ""
    size = _size(method)
    if not size or child.tile.place.column % size:
        return None
    blocks = _blocks(child.values, size)
    varied = numpy.isfinite(blocks).all(axis=1) & (blocks != blocks[:, :1]).any(axis=1)
    grid = _even_grid(method, blocks) if method in STEPS else _table_grid(method, blocks) if method in TABLES else None
    if grid is None:
        return GgufGrid(method, blocks[varied], varied, None) if varied.any() else None
    kept = varied & numpy.isfinite(grid[:, 0])
    return GgufGrid(method, blocks[kept], kept, _snapped(grid[kept], blocks[kept])) if kept.any() else None


GRIDS: Mapping[str, Callable[[SampledTile], GgufGrid | None]] = dict.fromkeys({*REMADE, *STEPS, *TABLES}, gguf_grid)
"""How the grid of each type is found."""


def residual(child: Floats, candidate: Floats) -> float | None:
    """Return the length of the difference divided by that of the child; None for zeros, other shapes, no numbers."""
    import numpy

    if child.shape != candidate.shape:
        return None
    wide = child.astype(numpy.float64)
    length, apart = float(numpy.linalg.norm(wide)), float(numpy.linalg.norm(wide - candidate))
    return apart / length if 0 < length < numpy.inf and apart < numpy.inf else None


def _size(method: str) -> int:
    """Return how many values of a type share a scale; 0 for other methods."""
    if method in STEPS:
        return STEPS[method][0]
    return TABLES[method][0] if method in TABLES else REMADE.get(method, 0)


def _blocks(values: Floats, size: int) -> Numbers:
    """Cut rows into blocks; the rest of a row is dropped. Blocks with values that are not finite become NaN."""
    import numpy

    whole = values.shape[1] - values.shape[1] % size
    blocks = values[:, :whole].astype(numpy.float64).reshape(-1, size)
    is_finite = numpy.isfinite(blocks).all(axis=1, keepdims=True)
    return numpy.where(is_finite, blocks, numpy.nan)


def _made_again(method: str, values: Floats) -> Floats:
    """Quantise whole blocks of values with the package and dequantise them."""
    import numpy
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    kind = GGMLQuantizationType[method]
    whole = values.shape[1] - values.shape[1] % REMADE[method]
    with numpy.errstate(all="ignore"):
        found: Floats = dequantize(quantize(numpy.ascontiguousarray(values[:, :whole], numpy.float32), kind), kind)
    return found


def _rounded(blocks: Numbers, levels: Numbers) -> Numbers:
    """Round each value of each block to the nearest level of the block."""
    import numpy

    found = numpy.empty_like(blocks)
    for at, (own, row) in enumerate(zip(levels, blocks, strict=True)):
        found[at] = own[numpy.searchsorted((own[1:] + own[:-1]) / 2, row)]
    return found


def _snapped(levels: Numbers, blocks: Numbers) -> Numbers:
    """Replace levels by the child's values that they stand for, which float32 has rounded in another way."""
    import numpy

    exact = levels.copy()
    rows = numpy.arange(len(levels))
    for value in blocks.T:
        exact[rows, abs(levels - value[:, None]).argmin(axis=1)] = value
    return exact


def _even_grid(method: str, blocks: Numbers) -> Numbers:
    """Find for each block the greatest step of which all gaps between its values are multiples; NaN where none is.

    The levels end at the block's least and greatest value and repeat the last one: a quantiser clips what lies beyond
    its last level, and which that is, is not known.
    """
    import numpy

    count = STEPS[method][1]
    ordered = numpy.sort(blocks, axis=1)
    low, width = ordered[:, :1], ordered[:, -1] - ordered[:, 0]
    step = numpy.full(len(blocks), numpy.nan)
    with numpy.errstate(all="ignore"):
        gaps = numpy.diff(ordered, axis=1)
        least = numpy.where(gaps > 0, gaps, numpy.inf).min(axis=1)
        for parts in range(1, count):
            tried = least / parts
            steps = (ordered - low) / tried[:, None]
            fits = (abs(steps - numpy.rint(steps)) < _TOLERANCE).all(axis=1) & (numpy.rint(width / tried) < count)
            step = numpy.where(numpy.isnan(step) & fits, tried, step)
        total = numpy.rint(width / step)
        ladder = numpy.minimum(numpy.arange(count), total[:, None])
        found: Numbers = low + ladder * (width / total)[:, None]
    return found


def _table_grid(method: str, blocks: Numbers) -> Numbers:
    """Find for each block the least scale with which its values are entries of the table; NaN where there is none."""
    import numpy

    entries = TABLES[method][1]
    book = numpy.array(entries)
    greatest = numpy.take_along_axis(blocks, abs(blocks).argmax(axis=1)[:, None], axis=1)[:, 0]
    scale = numpy.full(len(blocks), numpy.nan)
    allowed = _TOLERANCE * numpy.diff(book).min()
    with numpy.errstate(all="ignore"):
        for entry in sorted((each for each in entries if each), key=abs, reverse=True):
            tried = greatest / entry
            apart = abs(blocks[:, :, None] / tried[:, None, None] - book).min(axis=2)
            scale = numpy.where(numpy.isnan(scale) & (apart < allowed).all(axis=1), tried, scale)
    return numpy.sort(scale[:, None] * book, axis=1)
