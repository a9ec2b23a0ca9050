"""AWQ: four-bit codes in the order of its GEMM kernel, stored transposed.

Before it quantises, AWQ moves factors of columns into the normalisation before the layer. The values are read, and are
those of a model with other scales: they show relatives, and no code of the parent returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lineage.fingerprint.values.packed import Blocks, Cells, PackedCodes, ScaledTensor, Turned
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable, floats_of

SHIFTS = (0, 16, 4, 20, 8, 24, 12, 28)
"""Where in a word each of eight neighbouring rows of the layer is."""


def awq(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find matrices of AWQ: `qweight` of (in, out / 8) words, `qzeros` and `scales` of groups."""
    if stored.config.get("quant_method") != "awq":
        return
    for base, words in stored.ending(".qweight"):
        others = stored.parts(base, ".qzeros", ".scales")
        held = [each.span.name for each in (words, *others) if each is not None]
        found = _read(stored.config, words, *others)
        yield Unreadable(held, found) if isinstance(found, str) else Packed.of(f"{base}.weight", held, found)


def _read(config: Mapping[str, Any], words: Stored, zeros: Stored | None, scales: Stored | None) -> ScaledTensor | str:
    """Put a matrix together, or return why it cannot be read."""
    bits, group = config.get("bits", config.get("w_bit")), config.get("group_size", config.get("q_group_size"))
    version = str(config.get("version", "gemm")).lower()
    if bits != 4 or version != "gemm":
        return f"AWQ with {bits!r} bits for its kernel {version!r} is not known here"
    if zeros is None or scales is None or not floats_of(scales) or {words.span.dtype, zeros.span.dtype} != {"I32"}:
        return "AWQ codes without zeros and scales that fit them"
    if len(words.span.shape) != 2:
        return "AWQ codes that are not a matrix"
    columns, packed = words.span.shape
    size = columns if group == -1 else group
    if type(size) is not int or size < 1 or columns % size:
        return f"a group size of {group!r} does not fit {columns:,} columns"
    groups = columns // size
    if scales.span.shape != (groups, packed * 8) or zeros.span.shape != (groups, packed):
        return f"AWQ scales or zeros that do not fit {groups:,} groups of {packed * 8:,} rows"
    codes = Turned(PackedCodes(Cells.of(words), 4, SHIFTS))
    zero = Blocks(Turned(PackedCodes(Cells.of(zeros), 4, SHIFTS)), 1, size)
    return ScaledTensor("", (packed * 8, columns), "awq", codes, [Blocks(Turned(Cells.of(scales)), 1, size)], zero)
