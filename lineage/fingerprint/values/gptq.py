"""GPTQ: codes packed along the columns of a linear layer, stored transposed, with scales and zeros of groups.

auto-round writes the same tensors without `g_idx` in its own format, where it packs as GPTQ does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage.errors import FormatError
from lineage.fingerprint.values.packed import Cells, span_of, unpack_stream
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable, floats_of
from lineage.fingerprint.values.tensor import Fetch, FileRange, Place

if TYPE_CHECKING:
    from lineage.fingerprint.values.packed import Numbers, Words
    from lineage.fingerprint.values.tensor import Floats

BITS = (2, 3, 4, 8)


def gptq(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices of GPTQ: `qweight`, `qzeros`, `scales` and `g_idx`, with the bits and group size of the config."""
    config, method = stored.config, stored.config.get("quant_method")
    if method == "auto-round" and config.get("packing_format") == "auto_round:auto_gptq":
        config = {**config, "desc_act": False}
    elif method not in ("gptq", None):
        return
    for base, words in stored.ending(".qweight"):
        others = stored.parts(base, ".qzeros", ".scales", ".g_idx")
        held = [each.span.name for each in (words, *others) if each is not None]
        if method is None:
            yield Unreadable(held, "packed codes of a model whose quantization_config is not known")
            continue
        found = _read(config, words, *others)
        yield Unreadable(held, found) if isinstance(found, str) else Packed.of(f"{base}.weight", held, found)


def _read(
    config: Mapping[str, Any], words: Stored, zeros: Stored | None, scales: Stored | None, order: Stored | None
) -> GptqTensor | str:
    """Put a matrix together, or return why it cannot be read."""
    bits, group = config.get("bits"), config.get("group_size")
    version = config.get("checkpoint_format") or ("marlin" if config.get("is_marlin_format") is True else "gptq")
    if bits not in BITS or type(bits) is not int:
        return f"GPTQ with {bits!r} bits is not known here"
    if version not in ("gptq", "gptq_v2"):
        return f"the checkpoint format {version!r} of GPTQ is not known here"
    if zeros is None or scales is None or not floats_of(scales) or not all(map(_are_words, (words, zeros))):
        return "GPTQ codes without zeros and scales that fit them"
    packed, rows = words.span.shape
    columns = packed * 32 // bits
    size = columns if group == -1 else group
    in_order = config.get("desc_act") is False
    if type(size) is not int or size < 1:
        return f"a group size of {group!r} is not known here"
    size = min(size, max(columns, 1))  # a config may name any number
    unfit = _unfit(bits, size, (rows, columns), zeros, scales) or _unfit_order(order, columns, in_order=in_order)
    if unfit:
        return unfit
    cells = (Cells.of(words), Cells.of(zeros), Cells.of(scales))
    offset, method = 1 if version == "gptq" else 0, str(config["quant_method"])
    return GptqTensor("", (rows, columns), cells, order, bits, size, in_order, offset, method)


def _are_words(stored: Stored) -> bool:
    return stored.span.dtype == "I32" and len(stored.span.shape) == 2


def _unfit(bits: int, size: int, shape: tuple[int, int], zeros: Stored, scales: Stored) -> str | None:
    """Return what does not fit a matrix; None if all does."""
    rows, columns = shape
    if columns * bits % 32 or rows * bits % 32 or columns * rows == 0:
        return "GPTQ codes that do not fill whole words"
    groups = -(-columns // size)
    if scales.span.shape != (groups, rows) or zeros.span.shape != (groups, rows * bits // 32):
        return f"GPTQ scales or zeros that do not fit {groups:,} groups of {rows:,} rows"
    return None


def _unfit_order(order: Stored | None, columns: int, *, in_order: bool) -> str | None:
    if order is None:
        return None if in_order else "GPTQ in act-order without g_idx"
    if order.span.dtype != "I32" or order.span.shape != (columns,):
        return "GPTQ's g_idx has another length than a row"
    return None


@dataclass(frozen=True, slots=True)
class GptqTensor:
    """A matrix of GPTQ. `cells` are the words of codes, the words of zeros and the scales.

    `group` is the number of columns of a group. Unless `in_order`, the columns of a group lie anywhere, as `order` says
    (act-order), and the scales of all groups are read. `zero_offset` is 1 where zeros are stored minus one.
    """

    name: str
    shape: tuple[int, int]
    cells: Sequence[Cells]
    order: Stored | None
    bits: int
    group: int
    in_order: bool
    zero_offset: int
    method: str

    def ranges(self, place: Place) -> list[FileRange]:
        """List the words, zeros and scales of a place, and where its columns' groups are stored."""
        words, zeros, scales = self.cells
        order = [] if self.order is None else [self._order(place, self.order)]
        return [
            *words.ranges(self._words(place)),
            *zeros.ranges(self._zeros(place)),
            *scales.ranges(self._scales(place)),
            *order,
        ]

    def values(self, place: Place, fetch: Fetch) -> Floats:
        """Return the values of a place. Raises FormatError where g_idx names a group that does not exist."""
        import numpy

        words, zeros, scales = self.cells
        at = self._words(place)
        codes = unpack_stream(
            words.read(at, fetch).view(numpy.uint32), self.bits, place.column * self.bits - at.row * 32, place.columns
        ).T
        groups = self._groups(place, fetch)
        at = self._zeros(place)
        first = place.row * self.bits - at.column * 32
        zero = self._zero_codes(zeros.read(at, fetch).view(numpy.uint32), first, place.rows)
        scale = scales.read(self._scales(place), fetch).T
        with numpy.errstate(all="ignore"):
            found = (codes - zero[:, groups]).astype(numpy.float32) * scale[:, groups]
        return numpy.ascontiguousarray(found, numpy.float32)

    def _zero_codes(self, words: Words, first: int, count: int) -> Numbers:
        """Unpack zeros; in version 1 each word has one less in each code, and a borrow goes to the next code."""
        import numpy

        mask = (1 << self.bits) - 1
        if self.bits == 3 or not self.zero_offset:
            return (unpack_stream(words.T, self.bits, first, count) + self.zero_offset) & mask
        return unpack_stream((words + numpy.uint32(0xFFFFFFFF // mask)).T, self.bits, first, count)

    def _groups(self, place: Place, fetch: Fetch) -> Numbers:
        """Return for each column which of the groups that are read it belongs to."""
        import numpy

        first, count = self._group_span(place)
        expected = numpy.arange(place.column, place.column + place.columns) // self.group
        if self.order is None:
            return expected - first
        found = numpy.frombuffer(fetch(self._order(place, self.order)), "<i4")
        if self.in_order and not numpy.array_equal(found, expected):
            raise FormatError(
                f"{self.order.file}: the columns of {self.order.span.name} are not in order, and the model's "
                "quantization_config says that they are (desc_act).",
                file=self.order.file,
            )
        if found.size and (found.min() < 0 or found.max() >= count + first):
            raise FormatError(
                f"{self.order.file}: {self.order.span.name} names groups that have no scales.", file=self.order.file
            )
        return found - first

    def _order(self, place: Place, order: Stored) -> FileRange:
        return FileRange(order.file, order.span.begin + place.column * 4, place.columns * 4)

    def _words(self, place: Place) -> Place:
        first = place.column * self.bits // 32
        end = -(-(place.column + place.columns) * self.bits // 32)
        return Place(first, end - first, place.row, place.rows)

    def _zeros(self, place: Place) -> Place:
        first = place.row * self.bits // 32
        end = -(-(place.row + place.rows) * self.bits // 32)
        return Place(*self._group_span(place), first, end - first)

    def _scales(self, place: Place) -> Place:
        return Place(*self._group_span(place), place.row, place.rows)

    def _group_span(self, place: Place) -> tuple[int, int]:
        """Return the first group whose scales are read, and their count."""
        return span_of(place.column, place.columns, self.group) if self.in_order else (0, self.cells[2].rows)
