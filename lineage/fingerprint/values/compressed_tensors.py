"""compressed-tensors: integers packed into words of 32 bits, and four-bit floats of NVFP4 and MXFP4.

Its weights of 8 bits are in `lineage.fingerprint.values.scaled`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage.errors import FormatError
from lineage.fingerprint.values.packed import (
    Blocks,
    Cells,
    Exponents,
    PackedCodes,
    ScaledTensor,
    Turned,
    blocks_for,
    even_shifts,
    four_bit_floats,
)
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable, floats_of
from lineage.fingerprint.values.tensor import Fetch, FileRange, Place

if TYPE_CHECKING:
    from lineage.fingerprint.values.packed import Numbers
    from lineage.fingerprint.values.tensor import Floats

_PARTS = (".weight_scale", ".weight_zero_point", ".weight_g_idx", ".weight_shape", ".weight_global_scale")
_OF_ACTIVATIONS = (".input_global_scale", ".input_scale", ".input_zero_point", ".output_scale")


def compressed_tensors(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices whose codes are `weight_packed`."""
    schemes = weight_schemes(stored.config)
    for base, codes in stored.ending(".weight_packed"):
        parts = stored.parts(base, *_PARTS)
        activations = stored.parts(base, *_OF_ACTIVATIONS)
        held = [each.span.name for each in (codes, *parts, *activations) if each is not None]
        found = _read(schemes, codes, parts)
        yield Unreadable(held, found) if isinstance(found, str) else Packed.of(f"{base}.weight", held, found)


def weight_schemes(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List how weights are quantised by the config: one entry for each group of layers."""
    groups = config.get("config_groups")
    if config.get("quant_method") != "compressed-tensors" or not isinstance(groups, Mapping):
        return []
    found = [each.get("weights") for each in groups.values() if isinstance(each, Mapping)]
    return [each for each in found if isinstance(each, Mapping)]


def _read(
    schemes: list[Mapping[str, Any]], codes: Stored, parts: list[Stored | None]
) -> ScaledTensor | PackedTensor | str:
    """Put a matrix together, or return why it cannot be read."""
    scale, *_, global_scale = parts
    if len(codes.span.shape) != 2 or scale is None or len(scale.span.shape) != 2 or 0 in codes.span.shape:
        return "compressed-tensors codes without scales that fit them"
    if codes.span.dtype == "U8":
        return _four_bits(codes, scale, global_scale)
    if codes.span.dtype != "I32" or not floats_of(scale):
        return f"compressed-tensors codes of {codes.span.dtype} are not known here"
    fitting = [found for each in schemes if (found := _integers(each, codes, parts)) is not None]
    if not fitting or any(
        (each.shape, each.codes.bits) != (fitting[0].shape, fitting[0].codes.bits) for each in fitting
    ):
        return "packed codes of compressed-tensors that do not fit one scheme of the quantization_config"
    return fitting[0]


def _four_bits(codes: Stored, scale: Stored, global_scale: Stored | None) -> ScaledTensor | str:
    """Put a matrix of four-bit floats together: NVFP4 with a scale for all, MXFP4 with powers of two."""
    rows, columns = codes.span.shape[0], codes.span.shape[1] * 2
    floats = four_bit_floats(codes, rows, columns)
    if scale.span.dtype == "F8_E4M3" and floats_of(global_scale) and scale.span.shape == (rows, columns // 16):
        whole = blocks_for((rows, columns), global_scale)
        if columns % 16 == 0 and whole is not None:
            blocks = [Blocks(Cells.of(scale), 1, 16)]
            return ScaledTensor("", (rows, columns), "compressed-tensors-nvfp4", floats, blocks, divisors=[whole])
    if scale.span.dtype in ("U8", "F8_E8M0") and scale.span.shape == (rows, columns // 32) and columns % 32 == 0:
        blocks = [Blocks(Exponents(Cells.of(scale)), 1, 32)]
        return ScaledTensor("", (rows, columns), "compressed-tensors-mxfp4", floats, blocks)
    return "four-bit floats of compressed-tensors with scales that do not fit them"


def _integers(scheme: Mapping[str, Any], codes: Stored, parts: list[Stored | None]) -> PackedTensor | None:
    """Put a matrix of packed integers together; None where the scheme is another one."""
    scale, zero, order, shape, _ = parts
    bits, group = scheme.get("num_bits"), scheme.get("group_size")
    if bits not in (2, 4, 8) or type(bits) is not int or scheme.get("type", "int") != "int" or scale is None:
        return None
    per = 32 // bits
    rows, columns = codes.span.shape[0], codes.span.shape[1] * per
    if type(group) is int and group > 0 and columns - per < scale.span.shape[1] * group <= columns:
        columns = scale.span.shape[1] * group
    scales = blocks_for((rows, columns), scale, (None, group if type(group) is int and group > 0 else None))
    if scales is None or shape is None or shape.span.dtype != "I64" or shape.span.shape != (2,):
        return None
    if order is not None and (order.span.dtype != "I32" or order.span.shape != (columns,)):
        return None
    packed = PackedCodes(Cells.of(codes), bits, even_shifts(bits, 32))
    zeros: Blocks | int = 1 << (bits - 1)
    if scheme.get("symmetric", True) is not True:
        if zero is None or zero.span.dtype != "I32" or zero.span.shape != (-(-rows // per), scale.span.shape[1]):
            return None
        turned = Turned(PackedCodes(Turned(Cells.of(zero)), bits, even_shifts(bits, 32)))
        zeros = Blocks(turned, scales.high, scales.wide)
    return PackedTensor("", (rows, columns), f"compressed-tensors-int{bits}", packed, scales, zeros, shape, order)


@dataclass(frozen=True, slots=True)
class PackedTensor:
    """A matrix of packed integers. `stored_shape` is compared with the shape that was worked out from the header.

    With `order`, the columns of a group lie anywhere, and it says for each column which group it belongs to.
    """

    name: str
    shape: tuple[int, int]
    method: str
    codes: PackedCodes
    scales: Blocks
    zeros: Blocks | int
    stored_shape: Stored
    order: Stored | None

    def ranges(self, place: Place) -> list[FileRange]:
        """List the bytes of the codes, the scales and zeros of a place, and of the stored shape."""
        at = self._groups(place)
        zeros = self.zeros.ranges(at) if isinstance(self.zeros, Blocks) else []
        order = [] if self.order is None else [self._order(place, self.order)]
        return [*self.codes.ranges(place), *self.scales.ranges(at), *zeros, self.stored_shape.whole, *order]

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place. Raises FormatError where the stored shape is another one."""
        import numpy

        stored = numpy.frombuffer(fetch(self.stored_shape.whole), "<i8")
        if tuple(stored) != self.shape:
            raise FormatError(
                f"{self.stored_shape.file}: {self.stored_shape.span.name} is {stored.tolist()}, and the codes have the "
                f"shape {list(self.shape)}.",
                file=self.stored_shape.file,
            )
        with numpy.errstate(all="ignore"):
            zeros = self._spread(self.zeros, place, fetch) if isinstance(self.zeros, Blocks) else self.zeros
            values = (self.codes.read(place, fetch) - zeros).astype(numpy.float32)
            return numpy.ascontiguousarray(values * self._spread(self.scales, place, fetch), numpy.float32)

    def _spread(self, blocks: Blocks, place: Place, fetch: Fetch) -> Numbers:
        """Return the number of the block of each element of a place."""
        import numpy

        if self.order is None:
            return blocks.spread(place, fetch)
        columns = numpy.frombuffer(fetch(self._order(place, self.order)), "<i4").astype(numpy.int64) * blocks.wide
        if columns.size and (columns.min() < 0 or columns.max() >= self.shape[1]):
            raise FormatError(
                f"{self.order.file}: {self.order.span.name} names groups that have no scales.", file=self.order.file
            )
        return blocks.spread(self._groups(place), fetch)[:, columns]

    def _groups(self, place: Place) -> Place:
        """Return the place whose scales are read: all columns where the groups lie anywhere."""
        return place if self.order is None else Place(place.row, place.rows, 0, self.shape[1])

    def _order(self, place: Place, order: Stored) -> FileRange:
        return FileRange(order.file, order.span.begin + place.column * 4, place.columns * 4)
