"""Quanto: int8 and float8 codes with a scale for each row, int4 and int2 codes with one and a shift for each group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.fingerprint.values.packed import EIGHT_BIT_FLOATS, Cells, ScaledTensor, blocks_for
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable, floats_of
from lineage.fingerprint.values.tensor import Fetch, FileRange, Place
from lineage.fingerprint.values.widths import columns_of

if TYPE_CHECKING:
    from lineage.fingerprint.values.packed import Numbers
    from lineage.fingerprint.values.tensor import Floats

_GROUPS = (128, 96, 64, 32)
"""Group sizes of the library. Rows that none of them divides are one group each."""

_OF_ACTIVATIONS = (".input_scale", ".output_scale")


def quanto(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices whose codes are `weight._data` or, packed, `weight._data._data`."""
    for name, codes in stored.ending("._data"):
        if name.endswith("._data"):
            name = name.removesuffix("._data")
        elif f"{name}._data._data" in stored.by_name:
            continue
        base = name.rpartition(".")[0]
        scale, shift = stored.parts(name, "._scale", "._shift")
        of_activations = stored.parts(base, *_OF_ACTIVATIONS)
        held = [each.span.name for each in (codes, scale, shift, *of_activations) if each is not None]
        if scale is None or not floats_of(scale):
            yield Unreadable(held, "Quanto's codes without their scales")
            continue
        packed = codes.span.name.endswith("._data._data")
        found = _groups(stored, base, codes, scale, shift) if packed else _rows(codes, scale)
        yield Unreadable(held, found) if isinstance(found, str) else Packed.of(name, held, found)


def _rows(codes: Stored, scale: Stored) -> ScaledTensor | str:
    """Put a matrix of whole bytes together, or return why it cannot be read."""
    shape, dtype = codes.span.shape, codes.span.dtype
    if len(shape) != 2 or dtype not in (*EIGHT_BIT_FLOATS, "I8"):
        return f"Quanto's codes of {dtype} in {len(shape)} dimensions are not known here"
    blocks = blocks_for((shape[0], shape[1]), scale)
    if blocks is None:
        return "Quanto's scales do not fit the codes"
    method = "quanto-int8" if dtype == "I8" else "quanto-float8"
    return ScaledTensor("", (shape[0], shape[1]), method, Cells.of(codes), [blocks])


def _groups(
    stored: StoredTensors, base: str, codes: Stored, scale: Stored, shift: Stored | None
) -> GroupedTensor | str:
    """Put a matrix of packed groups together, or return why it cannot be read."""
    if shift is None or codes.span.dtype != "U8" or len(codes.span.shape) != 2 or shift.span.shape != scale.span.shape:
        return "Quanto's packed codes without scales and shifts that fit them"
    packed, size = codes.span.shape
    groups = scale.span.shape[0] if scale.span.shape else 0
    bits = next((bits for bits in (4, 2) if -(-groups * bits // 8) == packed and groups), None)
    if bits is None or scale.span.shape != (groups, 1) or not (floats_of(shift) or shift.span.dtype in ("I8", "U8")):
        return f"{groups:,} scales of Quanto do not fit {packed:,} rows of packed codes"
    columns = columns_of(stored, base, groups * size) if size in _GROUPS else size
    if not columns or columns % size:
        return f"the shape of a matrix of Quanto's int{bits} is not in the header, and its name does not show it"
    shape = (groups * size // columns, columns)
    return GroupedTensor("", shape, f"quanto-int{bits}", Cells.of(codes), Cells.of(scale), Cells.of(shift), bits)


@dataclass(frozen=True, slots=True)
class GroupedTensor:
    """A matrix whose groups of neighbouring values are the rows of `codes`, with a scale and a shift for each.

    The groups lie one above the other in the bits of the packed rows: of the groups of four bits the first half is in
    the lower halves of the bytes, the second half in the upper ones.
    """

    name: str
    shape: tuple[int, int]
    method: str
    codes: Cells
    scale: Cells
    shift: Cells
    bits: int

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of all groups that a place touches, with their scales and shifts."""
        found = []
        for first, count in self._runs(place):
            for group in range(first, first + count):
                found += self.codes.ranges(Place(group % self.codes.rows, 1, 0, self.codes.columns))
            found += self.scale.ranges(Place(first, count, 0, 1))
            found += self.shift.ranges(Place(first, count, 0, 1))
        return found

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place."""
        import numpy

        size = self.codes.columns
        rows = []
        for row, (first, count) in zip(range(place.row, place.row + place.rows), self._runs(place), strict=True):
            start = row * self.shape[1] + place.column - first * size
            rows.append(self._run(first, count, fetch)[start : start + place.columns])
        return numpy.array(rows, numpy.float32).reshape(place.rows, place.columns)

    def _runs(self, place: Place) -> list[tuple[int, int]]:
        """Return the first group and the number of groups that hold each row of a place."""
        size, groups = self.codes.columns, self.shape[1] // self.codes.columns
        first, end = place.column // size, -(-(place.column + place.columns) // size)
        return [(row * groups + first, end - first) for row in range(place.row, place.row + place.rows)]

    def _run(self, first: int, count: int, fetch: Fetch) -> Numbers:
        """Return the values of some groups, one after the other."""
        import numpy

        held = self.codes.rows
        codes = numpy.stack([
            self.codes.read(Place(group % held, 1, 0, self.codes.columns), fetch)[0] >> (group // held * self.bits)
            for group in range(first, first + count)
        ]) & ((1 << self.bits) - 1)  # fmt: skip
        scale = self.scale.read(Place(first, count, 0, 1), fetch)
        shift = self.shift.read(Place(first, count, 0, 1), fetch)
        with numpy.errstate(all="ignore"):
            if shift.dtype.kind == "f":
                return (codes.astype(numpy.float32) * scale - shift).ravel()
            return ((codes.astype(numpy.float32) - shift.astype(numpy.float32)) * scale).ravel()
