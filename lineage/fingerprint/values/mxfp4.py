"""MXFP4 as gpt-oss stores it: stacks of experts, blocks of 32 four-bit floats, and their scales as exponents."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.fingerprint.values.packed import Blocks, Cells, Exponents, ScaledTensor, four_bit_floats
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable

MAX_EXPERTS = 4_096


def mxfp4(stored: StoredTensors) -> Iterator[Packed | Unreadable]:
    """Find stacks of experts in `NAME_blocks` and `NAME_scales`."""
    for name, blocks in stored.ending("_blocks"):
        scales = stored.by_name.get(f"{name}_scales")
        if blocks.span.dtype != "U8" or scales is None:
            continue
        held = [blocks.span.name, scales.span.name]
        shape = blocks.span.shape
        if len(shape) != 4 or shape[3] != 16 or scales.span.shape != shape[:3] or scales.span.dtype != "U8":
            yield Unreadable(held, "MXFP4 scales that do not fit the blocks")
        elif 0 in shape or shape[0] > MAX_EXPERTS:
            yield Unreadable(held, f"MXFP4 with {shape[0]:,} experts")
        else:
            yield Packed.of(name, held, *(_expert(blocks, scales, at) for at in range(shape[0])))


def _expert(blocks: Stored, scales: Stored, expert: int) -> ScaledTensor:
    """Make the matrix of one expert."""
    _, rows, groups, _ = blocks.span.shape
    codes = four_bit_floats(_part(blocks, expert, rows * groups * 16), rows, groups * 32)
    exponents = Exponents(Cells(_part(scales, expert, rows * groups), rows, groups))
    return ScaledTensor("", (rows, groups * 32), "mxfp4", codes, [Blocks(exponents, 1, 32)])


def _part(stored: Stored, expert: int, length: int) -> Stored:
    """Return the bytes of one expert of a stack."""
    begin = stored.span.begin + expert * length
    return Stored(stored.file, stored.span._replace(begin=begin, end=begin + length))
