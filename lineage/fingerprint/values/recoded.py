"""Codes of a quantised tile, and what makes those of a candidate: the ways that programs go from values to codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lineage.fingerprint.values.grids import Blocks, Halves, Levels
from lineage.fingerprint.values.rounding import NARROW, rounded

if TYPE_CHECKING:
    from lineage.fingerprint.values.requantise_gguf import GgufGrid
    from lineage.fingerprint.values.tensor import Floats


def rounded_to(values: Any, dtype: str | None) -> Any:
    """Round values to a dtype to which models are rounded."""
    return values if dtype is None else rounded(values, dtype)


class Way(NamedTuple):
    """How a program may have come from values to codes: values rounded first, and what it computes rounded to a dtype.

    `inverts` says that it multiplies with one over the scale, `shifts` that it adds the zero point before it rounds,
    `wide` that the scale stays in float32 where the quotient is rounded. `halves` says where a value goes that is in
    the middle of two levels.
    """

    rounding: str | None = None
    narrow: str | None = None
    inverts: bool = False
    shifts: bool = False
    wide: bool = False
    halves: Halves = "even"

    def divide(self, values: Floats, scales: Floats) -> Any:
        """Divide blocks by their scales."""
        scales = rounded_to(scales, None if self.wide else self.narrow)[:, None]
        if not self.inverts:
            return rounded_to(values / scales, self.narrow)
        return rounded_to(values * rounded_to(1 / scales, self.narrow), self.narrow)


_COMPUTING = (
    (False, False, False, False),
    (True, False, False, False),
    (True, True, False, False),
    (True, False, True, False),
    (True, False, False, True),
)

WAYS = (
    Way(),
    *(
        Way(dtype, dtype if narrow else None, inverts, shifts, wide)
        for dtype in NARROW
        for narrow, inverts, shifts, wide in _COMPUTING
    ),
)
"""All ways. bitsandbytes computes in float32; Quanto, torchao and compressed-tensors compute in the model's dtype.

ModelOpt divides by a scale in float32, as PyTorch does with a number, and rounds the quotient to the model's dtype.
"""


ALL_HALVES = (*WAYS, *(Way(dtype, halves=halves) for dtype in (None, *NARROW) for halves in ("down", "up")))
"""Ways of four-bit floats too. A value of BF16 is often in the middle of two of their few levels: compressed-tensors
rounds it to the even one, ModelOpt's MXFP4 down and that of gpt-oss up."""

IN_FLOAT32 = tuple(way for way in WAYS if way.narrow is None)
"""Ways of programs that compute in float32."""


class Layout(NamedTuple):
    """Tell apart layouts of one method: bits of a code, and whether a zero point moves codes; None where unknown."""

    bits: int | None = None
    zeros: bool | None = None


ANY_LAYOUT = Layout()


Limits = Callable[[Any], tuple[Any, Any]]
"""Give the lowest and the highest code, from those of a child's blocks."""


class Grid(Protocol):
    """The codes of a child's tile, with what is needed to make those of a candidate."""

    def codes(self, values: Floats, way: Way) -> Any:
        """Return the code of each value, in the order of `child`."""
        ...

    @property
    def ways(self) -> Sequence[Way]:
        """List the ways that the programs of this format go, values as they are first."""
        ...

    @property
    def child(self) -> Any:
        """Return the codes of the child."""
        ...

    @property
    def layout(self) -> Layout:
        """Return which layout of its method the codes show."""
        ...


@dataclass(frozen=True)
class LevelGrid:
    """Blocks of levels that are symmetric around zero, each with the scale that was found."""

    blocks: Blocks
    scales: Floats
    levels: Levels
    low: Any
    high: Any
    child: Any
    ways: Sequence[Way] = WAYS

    @classmethod
    def of(
        cls,
        tile: Floats,
        found: tuple[Blocks, Floats],
        levels: Levels,
        limits: Limits,
        ways: Sequence[Way] = WAYS,
    ) -> LevelGrid:
        """Take the blocks that have a scale; `limits` gives the lowest and the highest code from those of the child.

        Where a zero point moves the codes, only blocks that use both ends of the range show where it begins.
        """
        import numpy

        blocks, scales = found
        known = numpy.isfinite(scales) & (scales != 0)
        blocks, scales = Blocks(blocks.at[known], blocks.shape), scales[known]
        child = levels.nearest(blocks.take(tile) / scales[:, None])
        low, high = limits(child)
        if numpy.ndim(low):
            whole = (low == child.min(axis=1, keepdims=True))[:, 0]
            blocks, scales = Blocks(blocks.at[whole], blocks.shape), scales[whole]
            low, high, child = low[whole], high[whole], child[whole]
        return cls(blocks, scales, levels, low, high, child, ways)

    @property
    def layout(self) -> Layout:
        """Return the bits that hold all codes, and whether the range of blocks is not that around zero."""
        import numpy

        if not numpy.size(self.low):
            return ANY_LAYOUT
        return Layout(int(numpy.ceil(numpy.log2(numpy.max(self.high - self.low) + 1))), bool(numpy.ndim(self.low)))

    def first_column(self) -> LevelGrid:
        """Return the part that is in the first column of the tile."""
        import numpy

        here = self.blocks.at[:, 0] % self.blocks.shape[1] == 0
        low, high = (each[here] if numpy.ndim(each) else each for each in (self.low, self.high))
        blocks = Blocks(self.blocks.at[here][:, :1], self.blocks.shape)
        return LevelGrid(blocks, self.scales[here], self.levels, low, high, self.child[here][:, :1])

    def codes(self, values: Floats, way: Way) -> Any:
        """Return the level of each value."""
        import numpy

        with numpy.errstate(all="ignore"):
            quotients = way.divide(self.blocks.take(values), self.scales)
            if way.shifts and numpy.ndim(self.low):
                # A half goes to the code that is even with its zero point: 2.5 is code 2, and 2.5 + 1 is code 4.
                zeros = -(self.high - self.low + 1) / 2 - self.low
                found = numpy.round(rounded_to(quotients + zeros, way.narrow)) - zeros
            else:
                found = self.levels.nearest(quotients, way.halves)
        return numpy.clip(found, self.low, self.high)


@dataclass(frozen=True)
class AffineGrid:
    """Blocks of codes between their least and their largest value.

    Only blocks in which both ends of the range are used: the others do not show where their codes begin.
    """

    blocks: Blocks
    scales: Floats
    least: Floats
    largest: int
    child: Any
    ways: Sequence[Way] = WAYS
    layout: Layout = ANY_LAYOUT

    def codes(self, values: Floats, way: Way) -> Any:
        """Return the code of each value, above the least of its block."""
        import numpy

        moved = rounded_to(self.blocks.take(values) - self.least, way.narrow)
        return numpy.clip(numpy.round(way.divide(moved, self.scales)), 0, self.largest)


@dataclass(frozen=True)
class TableGrid:
    """Blocks of codes of a table, each divided by its largest value."""

    blocks: Blocks
    table: Floats
    child: Any
    ways: Sequence[Way] = IN_FLOAT32
    layout: Layout = ANY_LAYOUT

    def codes(self, values: Floats, way: Way) -> Any:
        """Return the place in the ordered table of each value; the library computes in float32."""
        return in_table(self.blocks.take(values), self.table)


@dataclass(frozen=True)
class Remade:
    """The grid of a type of GGUF, which its own module finds."""

    grid: GgufGrid
    ways: Sequence[Way] = IN_FLOAT32
    layout: Layout = ANY_LAYOUT

    @property
    def child(self) -> Any:
        """Return the values of the child's blocks, which stand for its codes."""
        return self.grid.child

    def codes(self, values: Floats, way: Way) -> Any:
        """Return what the values become."""
        return self.grid.codes(values)


def in_table(blocks: Floats, table: Floats) -> Any:
    """Return the place of each value in an ordered table, after its block is divided by its largest value."""
    import numpy

    largest = numpy.abs(blocks).max(axis=1, keepdims=True)
    with numpy.errstate(all="ignore"):
        scaled = blocks * (numpy.float32(1) / largest)
    return numpy.searchsorted((table[:-1] + table[1:]) / 2, scaled)
