"""Anchors: the side of a model's first matrix that a disguise cannot reorder, read on demand.

A disguise puts the hidden dimensions of a model into another order or rotates them. The tokens keep their rows in the
embedding, because the tokenizer numbers them, and pixels and samples keep their columns in the first convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.fingerprint.values.sample import read_place
from lineage.fingerprint.values.sketch import ReadRanges
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import VOCABULARY_ROW, is_matrix

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

ANCHOR_ROWS = 256
"""Tokens that are read: 2 MB of a hidden size of 4,096 in BF16. With 64 the margin between relatives and models that
learned from the same data is 0.1, with 256 it is 0.3."""

MAX_ANCHOR_VALUES = 8_388_608
"""Values of an anchor that are read at most; a wider embedding gives fewer rows."""

EMBEDDINGS = ("token_embd.weight", "shared.weight", "embed_tokens.weight", "wte.weight", "word_embeddings.weight")
FIRST_LAYERS = ("patch_embd", "patch_embed", "conv1.weight", "conv1d", "conv_stem", "conv_layers.0.", "conv_in.weight")
"""Parts of names of the matrices that read pixels or samples: their columns keep their places."""


@dataclass(frozen=True)
class Anchor:
    """Rows of numbers that a model has for the same inputs: tokens from number `first`, or pixels of a patch.

    `of` is "tokens", "inputs", or "none" for a model that was looked at and has no such matrix.
    """

    name: str
    of: str
    first: int
    rows: Floats


def anchor_place(shapes: Mapping[str, tuple[int, int]]) -> tuple[str, str, Place] | None:
    """Choose the matrix and its place that an anchor is read from, and of what it is; None where there is none.

    Tokens 512 to 767 of the embedding, else the first 256 columns of the first convolution with all its rows.
    """
    named = [name for ending in EMBEDDINGS for name in sorted(shapes) if f".{name}".endswith(f".{ending}")]
    for name in named:
        rows, columns = shapes[name]
        if is_matrix((rows, columns)):
            first = VOCABULARY_ROW if rows >= VOCABULARY_ROW + ANCHOR_ROWS else 0
            count = min(ANCHOR_ROWS, rows - first, max(1, MAX_ANCHOR_VALUES // columns))
            return name, "tokens", Place(first, count, 0, columns)
    for part in FIRST_LAYERS:
        for name in sorted(shapes):
            rows, columns = shapes[name]
            if part in name and is_matrix((rows, columns)) and not name.endswith("bias"):
                count = min(ANCHOR_ROWS, columns, max(1, MAX_ANCHOR_VALUES // rows))
                return name, "inputs", Place(0, rows, 0, count)
    return None


def read_anchor(source: ValueSource, read: ReadRanges) -> Anchor:
    """Read the anchor of a model, a few MB in one or few ranges.

    Raises FormatError where a file ends before it, and what `read` raises.
    """
    chosen = anchor_place({name: tensor.shape for name, tensor in source.tensors.items()})
    if chosen is None:
        import numpy

        return Anchor("", "none", 0, numpy.empty((0, 0), numpy.float32))
    name, of, place = chosen
    values = read_place(source.tensors[name], place, read)
    return Anchor(name, of, place.row, values if of == "tokens" else values.T)
