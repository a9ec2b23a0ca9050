"""Columns of matrices that are stored as one run of codes, with their shape outside the header."""

from __future__ import annotations

from lineage.fingerprint.values.names import kind_of, normalised_name
from lineage.fingerprint.values.stored import StoredTensors

_HIDDEN_COLUMNS = ("attn_q", "attn_k", "attn_v", "attn_qkv", "ffn_gate", "ffn_up", "ffn_gate_inp", "output")
_HIDDEN_ROWS = ("attn_output", "ffn_down")


def columns_of(stored: StoredTensors, base: str, count: int) -> int | None:
    """Work out how many columns the matrix `base`.weight of `count` values has; None where nothing shows it.

    A bias has as many values as the matrix has rows. Without one, the kind of layer says on which side it has the
    hidden size of the model. The reader of the matrix compares the result with the shape that is stored beside the
    codes, where there is one.
    """
    bias = stored.by_name.get(f"{base}.bias")
    if bias is not None and len(bias.span.shape) == 1 and bias.span.shape[0]:
        return _divide(count, bias.span.shape[0])
    kind = kind_of(normalised_name(f"{base}.weight")).removeprefix("blk.#.").removesuffix(".weight")
    hidden = stored.hidden_size
    if hidden is None:
        return None
    if kind in _HIDDEN_COLUMNS or kind.removesuffix("_exps.#") in _HIDDEN_COLUMNS:
        return hidden if count % hidden == 0 else None
    if kind in _HIDDEN_ROWS or kind.removesuffix("_exps.#") in _HIDDEN_ROWS:
        return _divide(count, hidden)
    return None


def _divide(count: int, rows: int) -> int | None:
    return count // rows if count % rows == 0 and count else None
