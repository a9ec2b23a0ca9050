"""What every format gives: tensors as matrices of float values that can be read piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.pytorch.reader import Checkpoint

    Floats = NDArray[numpy.float32]

from lineage.fingerprint.header import TensorSpan

WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1}
"""Bytes of one element of the dtypes that hold comparable values without a scale."""


class Place(NamedTuple):
    """A rectangle of a matrix in logical coordinates: `rows` rows from `row`, `columns` columns from `column`."""

    row: int
    rows: int
    column: int
    columns: int


class FileRange(NamedTuple):
    """Bytes of one file: `length` bytes from `start`."""

    file: str
    start: int
    length: int


Fetch = Callable[[FileRange], bytes]
"""Give the bytes of a range that was asked for before."""


class FileHeader(NamedTuple):
    """What the header of one weight file says: its tensors, and what it declares (`values`).

    `values` are the metadata of safetensors or the key-value pairs of GGUF. `checkpoint` is what a PyTorch checkpoint
    or an archive of arrays holds: its tensors may be views, and their exact places are in local headers.
    """

    file: str
    tensors: Sequence[TensorSpan]
    values: dict[str, Any]
    checkpoint: Checkpoint | None = None

    @property
    def strides(self) -> dict[str, tuple[int, ...]]:
        """Return the strides of the tensors that are views, in elements, by name."""
        stored = self.checkpoint.tensors if self.checkpoint else ()
        return {each.name: each.stride for each in stored if not each.is_contiguous}


class ValueTensor(Protocol):
    """One tensor as a matrix of float32 values, `shape` = (rows, columns) as a linear layer has them: (out, in).

    Vectors are one row. Kernels of convolutions have the output channels as rows and all else as columns. `name` is the
    normalised name, `method` the quantisation that the values went through, None for plain floats.
    """

    @property
    def name(self) -> str:
        """Return the normalised name."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        ...

    @property
    def method(self) -> str | None:
        """Return how the values were quantised."""
        ...

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes that the values of a place need, scales included, in any order and without joining them."""
        ...

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place, shape (rows, columns).

        Raises FormatError where stored scales or tables do not fit the tensor.
        """
        ...


class PlainTensor(NamedTuple):
    """A tensor of plain floats. `strides` are the elements between two rows, and between two columns.

    `row_of` maps a logical row to the stored one; None where they are the same. `begin` is the byte of the element in
    the first row and column.
    """

    name: str
    shape: tuple[int, int]
    file: str
    dtype: str
    begin: int
    strides: tuple[int, int]
    row_of: Callable[[int], int] | None = None
    method: str | None = None

    def ranges(self, place: Place) -> list[FileRange]:
        """List one range for each run of elements that lie side by side in the file."""
        width = WIDTHS[self.dtype]
        runs, length = self._runs(place)
        return [FileRange(self.file, self.begin + at * width, length * width) for at in runs]

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place; F64 is rounded to float32."""
        import numpy

        width = WIDTHS[self.dtype]
        runs, length = self._runs(place)
        raw = b"".join(fetch(FileRange(self.file, self.begin + at * width, length * width)) for at in runs)
        found = decode_floats(raw, self.dtype)
        if self._by_columns(place):
            return numpy.ascontiguousarray(found.reshape(place.columns, place.rows).T)
        return found.reshape(place.rows, place.columns)

    def _by_columns(self, place: Place) -> bool:
        """Return whether the elements of a column lie side by side: the matrix is stored transposed."""
        return self.row_of is None and self.strides[0] == 1 and self.strides[1] != 1 and place.rows > 1

    def _runs(self, place: Place) -> tuple[list[int], int]:
        """List where runs of elements begin, in elements from `begin`, and the length of each."""
        down, across = self.strides
        row, rows, column, columns = place
        if not rows or not columns:
            return [], 0
        if self._by_columns(place):
            return [row + at * across for at in range(column, column + columns)], rows
        stored = range(row, row + rows) if self.row_of is None else [self.row_of(at) for at in range(row, row + rows)]
        if across != 1 and columns > 1:
            return [at * down + col * across for at in stored for col in range(column, column + columns)], 1
        if self.row_of is None and columns == self.shape[1] and down == columns:
            return [row * down], rows * columns
        return [at * down + column * across for at in stored], columns


def decode_floats(raw: bytes, dtype: str) -> Floats:
    """Decode little-endian floats of a safetensors dtype to float32; F64 is rounded."""
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore"):
        if dtype == "BF16":
            return (numpy.frombuffer(raw, "<u2").astype(numpy.uint32) << 16).view(numpy.float32)
        if WIDTHS[dtype] == 1:
            return _eight_bits(dtype)[numpy.frombuffer(raw, numpy.uint8)]
        return numpy.frombuffer(raw, f"<f{WIDTHS[dtype]}").astype(numpy.float32)


_EIGHT_BITS: dict[str, tuple[int, int, bool]] = {
    "F8_E4M3": (4, 7, False), "F8_E5M2": (5, 15, True), "F8_E4M3FNUZ": (4, 8, False), "F8_E5M2FNUZ": (5, 16, False),
}  # fmt: skip
"""Exponent bits, bias, and whether the largest exponent is infinity or NaN, of each kind of 8-bit float."""


def _eight_bits(dtype: str) -> Floats:
    """Make the table of the 256 values of an 8-bit float (Open Compute Project OFP8; FNUZ: one zero, one NaN)."""
    import numpy

    exponent_bits, bias, has_infinity = _EIGHT_BITS[dtype]
    mantissa_bits = 7 - exponent_bits
    table = numpy.empty(256, numpy.float32)
    for code in range(256):
        exponent, mantissa = (code & 0x7F) >> mantissa_bits, code & ((1 << mantissa_bits) - 1)
        fraction = mantissa / (1 << mantissa_bits)
        size = (1 + fraction) * 2.0 ** (exponent - bias) if exponent else fraction * 2.0 ** (1 - bias)
        if has_infinity and exponent == (1 << exponent_bits) - 1:
            size = float("inf") if mantissa == 0 else float("nan")
        elif dtype == "F8_E4M3" and code & 0x7F == 0x7F:
            size = float("nan")
        table[code] = -size if code & 0x80 else size
    if dtype.endswith("FNUZ"):
        table[0x80] = numpy.nan
    return table
