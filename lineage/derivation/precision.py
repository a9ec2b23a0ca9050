"""How precise stored weights are: which tensor types in a header show a quantisation, and which refute one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lineage.fingerprint.tensor_table import TensorRow

WIDE_TYPES = frozenset({"F64", "F32", "F16", "BF16", "C64", "BOOL", "I64", "U64"})
"""Types in which weights are trained, and those of masks and counters: they show no quantisation."""

_PACKING_TYPES = frozenset({"I32", "U32", "I16", "U16"})
"""Integers that hold several quantised weights each (GPTQ, AWQ, MLX), or are indices if they have one dimension."""

_BUFFERS = frozenset({
    "position_ids", "token_type_ids", "num_batches_tracked", "masked_bias", "attn_mask", "attention_mask",
    "causal_mask", "relative_position_index", "inv_freq",
})  # fmt: skip
"""Last parts of names of tensors that a model registers and does not train."""


@dataclass(frozen=True)
class WeightTypes:
    """Hold the tensor types of one weight group; `low` are those that hold weights at less than 16 bits each.

    `file` is the group's first file, to point at. `low` is empty where the header shows training precision only.
    """

    file: str
    types: tuple[str, ...]
    low: tuple[str, ...]


def weight_types(file: str, rows: Iterable[TensorRow]) -> WeightTypes | None:
    """Sort the tensor types of a weight group; None where it has no tensor."""
    rows = list(rows)
    if not rows:
        return None
    low = {row.dtype for row in rows if row.dtype not in WIDE_TYPES and not _is_buffer(row)}
    return WeightTypes(file, tuple(sorted({row.dtype for row in rows})), tuple(sorted(low)))


def _is_buffer(row: TensorRow) -> bool:
    """Say whether a tensor of a low type is a buffer and not a weight: an index, a mask, a counter."""
    if row.name.rpartition(".")[2] in _BUFFERS:
        return True
    if row.dtype in _PACKING_TYPES:
        return sum(length > 1 for length in row.shape) < 2
    return row.dtype == "U8" and len(row.shape) == 4 and row.shape[:2] == (1, 1)  # GPT's causal mask: 1, 1, n, n
