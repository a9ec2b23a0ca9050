"""Copies of a tensor that are stored or left out: whether the model is still the same one."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lineage.fingerprint.tensor_table import TensorRow

VOCABULARY = re.compile(
    r"(embed_tokens|wte|word_embeddings|embed_in|embed_out|embeddings?|token_embd|tok_embeddings|lm_head|output|shared"
    r"|decoder)\.(weight|bias)$|final_logits_bias$|^(token_embd|output)\.weight$"
)
"""Tensors with a row for each token."""

_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output|decoder)\.(weight|bias)$")
"""The last layer of a language model, which a config may tie to the embedding."""

_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?|blk)\.(?P<number>\d+)(?=\.)")
"""The number of a layer in its stack: `model.layers.31.`, `transformer.h.0.`, `blk.7.`."""

_ONE = {"F64": "000000000000f03f", "F32": "0000803f", "F16": "003c", "BF16": "803f"}
_WIDTHS = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1,
    "U8": 1, "BOOL": 1,
}  # fmt: skip
_BLOCK = 1 << 20


def note_of_copies(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> str | None:
    """Describe a difference in nothing but copies of tensors that may be tied; None where more differs.

    Every tensor of either side is on the other side too. Tied are a head and its embedding, or a decoder and its
    encoder, so copies count only if they are matrices, or vectors that are copied along with a matrix of the same
    module. A constant (zeros, ones) is equal to others by chance. Neither may one layer of a stack be a copy of
    another one: a loader would set the missing tensor to new values.
    """
    if {_held(row) for row in before} != {_held(row) for row in after} or _depths(before) != _depths(after):
        return None
    surplus = [*_surplus(before, after), *_surplus(after, before)]
    matrices = {row.name.partition(".")[0] for row in surplus if len(row.shape) > 1}
    for row in surplus:
        if len(row.shape) < 2 and not VOCABULARY.search(row.name) and row.name.partition(".")[0] not in matrices:
            return None
    if any(_repeats_a_layer(row, side) for side in (before, after) for row in surplus if row in side):
        return None
    names = {row.name for row in (*before, *after)}
    if any(_is_constant(*held) for held in {_held(row) for row in surplus if not _is_head_bias(row.name, names)}):
        return None
    if len(before) == len(after):
        return "copies under other names"
    return "copies left out" if len(before) > len(after) else "copies added"


def lost_heads(before: Sequence[TensorRow], after: Sequence[TensorRow]) -> list[str]:
    """List the heads that are stored before and not after: only a config that ties them gives the model one."""
    kept = {row.name for row in after}
    heads = {_HEAD.search(row.name) for row in after} - {None}
    return [] if heads else [row.name for row in before if row.name not in kept and _HEAD.search(row.name)]


def _held(row: TensorRow) -> tuple[str, tuple[int, ...], str | None]:
    return row.dtype, row.shape, row.digest


def _surplus(more: Sequence[TensorRow], fewer: Sequence[TensorRow]) -> Iterator[TensorRow]:
    """Give the tensors whose content one side has more often, but not those that keep their name."""
    counts = Counter(map(_held, more))
    counts.subtract(map(_held, fewer))
    kept = {row.name for row in fewer}
    return (row for row in more if counts[_held(row)] > 0 and row.name not in kept)


def _is_head_bias(name: str, names: set[str]) -> bool:
    """Return whether a bias is that of a head under its second name, as `cls.predictions.decoder.bias` is."""
    return name.endswith(".decoder.bias") and name.removesuffix("decoder.bias") + "bias" in names


def _repeats_a_layer(row: TensorRow, side: Sequence[TensorRow]) -> bool:
    """Return whether a tensor is equal only to the same tensor of other layers."""
    alike = [_LAYER.sub(".#", each.name) for each in side if _held(each) == _held(row)]
    return len(set(alike)) < 2


def _depths(rows: Sequence[TensorRow]) -> set[int]:
    """Give how many layers the stacks have; a decoder that is tied to its encoder as a whole has the same depth."""
    stacks: dict[str, set[str]] = {}
    for row in rows:
        for found in _LAYER.finditer(row.name):
            stacks.setdefault(row.name[: found.start("number")], set()).add(found["number"])
    return {len(numbers) for numbers in stacks.values()}


def _is_constant(dtype: str, shape: tuple[int, ...], digest: str | None) -> bool:
    """Return whether all values of a tensor are zero or one; of an unknown dtype, whether its shape is empty."""
    from blake3 import blake3

    width, size = _WIDTHS.get(dtype), math.prod(shape)
    if not size or width is None:
        return not size
    ones = bytes.fromhex(_ONE[dtype]) if dtype in _ONE else (1).to_bytes(width, "little")
    for value in (bytes(width), ones):
        state, block = blake3(), value * (_BLOCK // width)
        for _ in range(size * width // _BLOCK):
            state.update(block)
        state.update(block[: size * width % _BLOCK])
        if state.hexdigest() == digest:
            return True
    return False
