"""bitsandbytes: int8 with a scale for each row, and four-bit codes of a table with a scale for each block."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from lineage.errors import FormatError
from lineage.fingerprint.values.packed import Blocks, Cells, ScaledTensor, decode, span_of
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable
from lineage.fingerprint.values.tensor import Fetch, FileRange, Place
from lineage.fingerprint.values.widths import columns_of

if TYPE_CHECKING:
    from lineage.fingerprint.values.packed import Numbers
    from lineage.fingerprint.values.tensor import Floats

SCALE = 7.874015748031496e-3
"""1 / 127 as the library writes it."""

TABLES: dict[str, tuple[float, ...]] = {
    "nf4": (
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
        -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
        0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ),
    "fp4": (
        0.0, 0.0625 / 12, 8 / 12, 1.0, 4 / 12, 6 / 12, 2 / 12, 3 / 12,
        -0.0, -0.0625 / 12, -8 / 12, -1.0, -4 / 12, -6 / 12, -2 / 12, -3 / 12,
    ),
}  # fmt: skip
"""What each code stands for, before the scale of its block."""

BLOCKS = tuple(1 << power for power in range(5, 13))
NESTED = 256
"""Scales that share one scale of their own, where they are quantised too (double quantisation)."""

_PARTS = (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map")
_MAX_STATE = 4_096


def bitsandbytes_int8(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices of int8 codes with `SCB`, the largest value of each row."""
    for base, scales in stored.ending(".SCB"):
        weight, form = stored.parts(base, ".weight", ".weight_format")
        held = [each.span.name for each in (scales, weight, form) if each is not None]
        shape = weight.span.shape if weight is not None else ()
        if weight is None or weight.span.dtype != "I8" or len(shape) != 2:
            yield Unreadable(held, "scales of bitsandbytes int8 without a matrix of codes")
        elif scales.span.dtype != "F32" or scales.span.shape not in ((shape[0],), (shape[0], 1)) or 0 in shape:
            yield Unreadable(held, "bitsandbytes scales that do not fit the rows of the codes")
        else:
            blocks = Blocks(Cells(scales, shape[0], 1), 1, shape[1])
            yield Packed.of(
                f"{base}.weight",
                held,
                ScaledTensor("", (shape[0], shape[1]), "bitsandbytes-int8", Cells.of(weight), [blocks], factor=SCALE),
            )


def bitsandbytes_4bit(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices of nf4 and fp4 codes: their shape is in `quant_state`, which is read with their values."""
    for kind in TABLES:
        for weight_name, state in stored.ending(f".quant_state.bitsandbytes__{kind}"):
            codes, *others = stored.parts(weight_name, "", *_PARTS)
            held = [each.span.name for each in (state, codes, *others) if each is not None]
            found = _read(stored, kind, weight_name, state, codes)
            yield Unreadable(held, found) if isinstance(found, str) else Packed.of(weight_name, held, found)


def _read(stored: StoredTensors, kind: str, name: str, state: Stored, codes: Stored | None) -> FourBitTensor | str:
    """Put a matrix together, or return why it cannot be read."""
    absmax, _, nested, nested_table = stored.parts(name, *_PARTS)
    if codes is None or absmax is None:
        return f"bitsandbytes {kind} without codes or scales"
    count = (codes.span.end - codes.span.begin) * 2
    columns = columns_of(stored, name.removesuffix(".weight"), count)
    if not columns:
        return f"the shape of a matrix of bitsandbytes {kind} is not in the header, and its name does not show it"
    length = absmax.span.end - absmax.span.begin
    scales = length if absmax.span.dtype == "U8" else length // 4
    block = next((size for size in BLOCKS if -(-count // size) == scales), None)
    if block is None or state.span.dtype != "U8" or state.span.end - state.span.begin > _MAX_STATE:
        return f"{scales:,} scales of bitsandbytes {kind} do not fit {count:,} codes"
    if absmax.span.dtype == "F32" and nested is None:
        tables = None
    elif absmax.span.dtype == "U8" and _are_nested(scales, nested, nested_table):
        tables = (nested, nested_table)
    else:
        return f"scales of bitsandbytes {kind} in a form that is not known here"
    return FourBitTensor("", (count // columns, columns), f"bitsandbytes-{kind}", codes, absmax, state, block, tables)


def _are_nested(scales: int, nested: Stored | None, table: Stored | None) -> bool:
    """Return whether scales that are quantised themselves have their own scales and their table."""
    return (
        nested is not None
        and table is not None
        and nested.span.dtype == table.span.dtype == "F32"
        and nested.span.shape == (-(-scales // NESTED),)
        and table.span.shape == (256,)
    )


@dataclass(frozen=True, slots=True)
class FourBitTensor:
    """A matrix of four-bit codes in one run, row after row, the higher half of each byte first.

    `block` values have one of the `absmax`. `nested` are the scales and the table of scales that are quantised.
    """

    name: str
    shape: tuple[int, int]
    method: str
    codes: Stored
    absmax: Stored
    state: Stored
    block: int
    nested: tuple[Stored | None, Stored | None] | None

    def ranges(self, place: Place) -> list[FileRange]:
        """List the codes and scales of each row of a place, the state with the shape, and the tables."""
        runs = [run for start, length in self._runs(place) for run in self._ranges_of(start, length)]
        return [*runs, self.state.whole, *([self.nested[1].whole] if self.nested and self.nested[1] else [])]

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place. Raises FormatError where another shape is stored than was worked out."""
        import numpy

        offset = self._offset(fetch)
        rows = [self._run(start, length, offset, fetch) for start, length in self._runs(place)]
        if not rows:
            return numpy.zeros((place.rows, place.columns), numpy.float32)
        return numpy.concatenate(rows).reshape(place.rows, place.columns)

    def _runs(self, place: Place) -> list[tuple[int, int]]:
        """List the first value and the length of each run of values."""
        columns = self.shape[1]
        if place.columns == columns:
            return [(place.row * columns, place.rows * columns)]
        return [(row * columns + place.column, place.columns) for row in range(place.row, place.row + place.rows)]

    def _ranges_of(self, start: int, length: int) -> list[FileRange]:
        codes, scales, nested = self._parts_of(start, length)
        return [codes, scales, *([nested] if nested else [])]

    def _parts_of(self, start: int, length: int) -> tuple[FileRange, FileRange, FileRange | None]:
        """Return the bytes of the codes of a run, of their scales, and of the scales of these."""
        byte, count = span_of(start, length, 2)
        first, blocks = span_of(start, length, self.block)
        codes = FileRange(self.codes.file, self.codes.span.begin + byte, count)
        if self.nested is None or self.nested[0] is None:
            return codes, FileRange(self.absmax.file, self.absmax.span.begin + first * 4, blocks * 4), None
        scales = FileRange(self.absmax.file, self.absmax.span.begin + first, blocks)
        outer, outers = span_of(first, blocks, NESTED)
        nested = self.nested[0]
        return codes, scales, FileRange(nested.file, nested.span.begin + outer * 4, outers * 4)

    def _run(self, start: int, length: int, offset: float, fetch: Fetch) -> Numbers:
        """Return the values of one run."""
        import numpy

        codes, scales, nested = self._parts_of(start, length)
        packed = numpy.frombuffer(fetch(codes), numpy.uint8)
        halves = numpy.stack([packed >> 4, packed & 0xF], axis=1).ravel()[start % 2 :][:length]
        first = start // self.block
        absmax = decode(fetch(scales), self.absmax.span.dtype)
        with numpy.errstate(all="ignore"):
            if nested is not None and self.nested is not None and self.nested[1] is not None:
                table = decode(fetch(self.nested[1].whole), "F32")
                outer = decode(fetch(nested), "F32")
                of = (first + numpy.arange(absmax.size)) // NESTED - first // NESTED
                absmax = table[absmax] * outer[of] + numpy.float32(offset)
            of = (start + numpy.arange(length)) // self.block - first
            table = numpy.array(TABLES[self.method.removeprefix("bitsandbytes-")], numpy.float32)
            return table[halves] * absmax[of]

    def _offset(self, fetch: Fetch) -> float:
        """Check the state that is stored with the codes; return what is added to scales that are quantised."""
        state = _state(fetch(self.state.whole))
        shape = state.get("shape")
        offset = state.get("nested_offset", 0.0)
        wrong = None
        if shape != list(self.shape):
            wrong = f"a shape of {shape}, and its codes have {list(self.shape)} by the model's sizes"
        elif state.get("blocksize") != self.block or state.get("nested_blocksize", NESTED) != NESTED:
            wrong = f"blocks of {state.get('blocksize')} values, and its scales are for blocks of {self.block}"
        elif (self.nested is None) != ("nested_offset" not in state):
            wrong = "scales in another form than they are stored in"
        elif isinstance(offset, bool) or not isinstance(offset, int | float) or not isfinite(offset):
            wrong = f"an offset of {offset!r}"
        if wrong:
            raise FormatError(f"{self.state.file}: {self.state.span.name} declares {wrong}.", file=self.state.file)
        return float(offset)


def _state(raw: bytes) -> Mapping[str, Any]:
    """Parse the state; empty where it is not a JSON object."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
