"""What quantised layouts have in common: stored numbers as a grid, scales of blocks, codes inside words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.values.tensor import Floats

    Numbers = NDArray[Any]
    Words = NDArray[numpy.uint32]

from lineage.fingerprint.header import BITS
from lineage.fingerprint.values.stored import Stored
from lineage.fingerprint.values.tensor import WIDTHS, Fetch, FileRange, Place, decode_floats

_INTEGERS = {"I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8"}
INTEGERS = frozenset(_INTEGERS)
FLOATS = frozenset(WIDTHS)
EIGHT_BIT_FLOATS = frozenset(dtype for dtype, width in WIDTHS.items() if width == 1)


class Codes(Protocol):
    """Numbers of a matrix before they are multiplied with their scales, at the matrix's own places."""

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes that hold the codes of a place."""
        ...

    def read(self, place: Place, fetch: Fetch) -> Numbers:
        """Return the codes of a place, shape (rows, columns)."""
        ...


@dataclass(frozen=True, slots=True)
class Cells:
    """A stored tensor as `rows` by `columns` numbers, row by row."""

    stored: Stored
    rows: int
    columns: int

    @classmethod
    def of(cls, stored: Stored) -> Cells:
        """Take a stored tensor by its own shape: a vector is one column, a single number one cell."""
        shape = stored.span.shape
        return cls(stored, shape[0] if shape else 1, prod(shape[1:]))

    def ranges(self, place: Place) -> list[FileRange]:
        """List one range for each row, or one for all where whole rows are wanted."""
        width = BITS[self.stored.span.dtype] // 8
        begin = self.stored.span.begin
        if place.columns == self.columns:
            return [FileRange(self.stored.file, begin + place.row * self.columns * width, prod(place[1::2]) * width)]
        return [
            FileRange(self.stored.file, begin + (row * self.columns + place.column) * width, place.columns * width)
            for row in range(place.row, place.row + place.rows)
        ]

    def read(self, place: Place, fetch: Fetch) -> Numbers:
        """Return the numbers of a place: integers as they are stored, floats as float32."""
        raw = b"".join(fetch(each) for each in self.ranges(place))
        return decode(raw, self.stored.span.dtype).reshape(place.rows, place.columns)


def decode(raw: bytes, dtype: str) -> Numbers:
    """Decode little-endian numbers of a safetensors dtype."""
    import numpy

    if dtype == "F8_E8M0":
        exponents = numpy.frombuffer(raw, numpy.uint8).astype(numpy.int32)
        return numpy.where(exponents == 255, numpy.float32("nan"), numpy.ldexp(numpy.float32(1), exponents - 127))
    if dtype in _INTEGERS:
        return numpy.frombuffer(raw, _INTEGERS[dtype])
    return decode_floats(raw, dtype)


@dataclass(frozen=True, slots=True)
class Blocks:
    """One number for each block of `high` by `wide` elements of a matrix, such as a scale."""

    numbers: Codes
    high: int
    wide: int

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of the numbers of all blocks that a place touches."""
        return self.numbers.ranges(self._touched(place))

    def spread(self, place: Place, fetch: Fetch) -> Numbers:
        """Return for each element of a place the number of its block; shape (rows or 1, columns or 1)."""
        import numpy

        touched = self._touched(place)
        found = self.numbers.read(touched, fetch)
        if touched.rows > 1:
            found = found[numpy.arange(place.row, place.row + place.rows) // self.high - touched.row]
        if touched.columns > 1:
            found = found[:, numpy.arange(place.column, place.column + place.columns) // self.wide - touched.column]
        return found

    def _touched(self, place: Place) -> Place:
        row, rows = span_of(place.row, place.rows, self.high)
        column, columns = span_of(place.column, place.columns, self.wide)
        return Place(row, rows, column, columns)


def span_of(start: int, length: int, size: int) -> tuple[int, int]:
    """Return the first of the blocks that a run touches, and their count."""
    first = start // size
    return first, -(-(start + length) // size) - first if length else 0


@dataclass(frozen=True, slots=True)
class PackedCodes:
    """Codes of `bits` bits inside stored words, `shifts` says where in a word each of its codes is, in their order.

    `levels` is the table that gives a code its value; None where it is the number itself.
    """

    words: Cells
    bits: int
    shifts: Sequence[int]
    levels: Sequence[float] | None = None

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of the words that hold a place."""
        return self.words.ranges(self._touched(place))

    def read(self, place: Place, fetch: Fetch) -> Numbers:
        """Return the codes of a place, or their levels."""
        import numpy

        touched = self._touched(place)
        words = self.words.read(touched, fetch).astype(numpy.uint32)
        codes = (words[:, :, None] >> numpy.array(self.shifts, numpy.uint32)) & numpy.uint32((1 << self.bits) - 1)
        per = len(self.shifts)
        skipped = place.column - touched.column * per
        codes = codes.reshape(place.rows, touched.columns * per)[:, skipped : skipped + place.columns]
        if self.levels is not None:
            found: Numbers = numpy.array(self.levels, numpy.float32)[codes]
            return found
        return codes.astype(numpy.int32)

    def _touched(self, place: Place) -> Place:
        column, columns = span_of(place.column, place.columns, len(self.shifts))
        return Place(place.row, place.rows, column, columns)


@dataclass(frozen=True, slots=True)
class Turned:
    """Numbers of a matrix that is stored transposed."""

    stored: Codes

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of the stored place."""
        return self.stored.ranges(_turned(place))

    def read(self, place: Place, fetch: Fetch) -> Numbers:
        """Return the numbers of a place."""
        return self.stored.read(_turned(place), fetch).T


def _turned(place: Place) -> Place:
    return Place(place.column, place.columns, place.row, place.rows)


def even_shifts(bits: int, word: int) -> tuple[int, ...]:
    """List where codes are in a word of `word` bits that holds them from its lowest bit on."""
    return tuple(range(0, word - bits + 1, bits))


def unpack_stream(words: Words, bits: int, first: int, count: int) -> Numbers:
    """Take `count` codes of `bits` bits from each column of words, which form one stream of bits from the lowest on.

    `first` is the position of the first code in its column. A code may lie in two words, as those of 3 bits do.
    """
    import numpy

    at = first + numpy.arange(count) * bits
    low, shift = at // 32, (at % 32).astype(numpy.uint64)[:, None]
    wide = words.astype(numpy.uint64)
    after = numpy.minimum(low + 1, len(words) - 1)
    pair = wide[low] | (wide[after] << numpy.uint64(32))
    return ((pair >> shift) & numpy.uint64((1 << bits) - 1)).astype(numpy.int32)


@dataclass(frozen=True, slots=True)
class ScaledTensor:
    """A matrix whose values are (codes - zeros) * scales * factor.

    `scales` are multiplied one after the other in float32; `zeros` are numbers of blocks, or one for all.
    """

    name: str
    shape: tuple[int, int]
    method: str
    codes: Codes
    scales: Sequence[Blocks]
    zeros: Blocks | int = 0
    divisors: Sequence[Blocks] = ()
    factor: float = 1.0

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of the codes, the scales and the zeros of a place."""
        zeros = self.zeros.ranges(place) if isinstance(self.zeros, Blocks) else []
        scales = [each for blocks in (*self.scales, *self.divisors) for each in blocks.ranges(place)]
        return [*self.codes.ranges(place), *scales, *zeros]

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place."""
        import numpy

        found = self.codes.read(place, fetch)
        zeros = self.zeros.spread(place, fetch) if isinstance(self.zeros, Blocks) else self.zeros
        with numpy.errstate(all="ignore"):
            values: Numbers = found.astype(numpy.float32)
            if isinstance(self.zeros, Blocks) or self.zeros:
                values = values - numpy.asarray(zeros).astype(numpy.float32)
            for blocks in self.scales:
                values = values * blocks.spread(place, fetch).astype(numpy.float32)
            for blocks in self.divisors:
                values = values / blocks.spread(place, fetch).astype(numpy.float32)
            if self.factor != 1.0:
                values = values * numpy.float32(self.factor)
        return numpy.ascontiguousarray(values, numpy.float32)


def blocks_for(shape: tuple[int, int], stored: Stored | None) -> Blocks | None:
    """Fit the numbers of a stored tensor to a matrix: one for all, for a row or for a block.

    None if they do not fit. The number of blocks in each direction gives their size, which must be the same for all but
    the last.
    """
    if stored is None or stored.span.dtype not in FLOATS | INTEGERS | {"F8_E8M0"} or 0 in shape:
        return None
    cells = Cells.of(stored)
    high, wide = _block(shape[0], cells.rows), _block(shape[1], cells.columns)
    if len(stored.span.shape) > 2 or high is None or wide is None:
        return None
    return Blocks(cells, high, wide)


def _block(length: int, count: int) -> int | None:
    """Return the size of blocks of which `count` cover a length; None where no even size does it.

    A length that does not divide evenly has blocks of a power of two, with a shorter one at the end.
    """
    if count < 1 or count > length:
        return None
    if length % count == 0:
        return length // count
    size = 1 << (-(-length // count) - 1).bit_length()
    return size if -(-length // size) == count else None
