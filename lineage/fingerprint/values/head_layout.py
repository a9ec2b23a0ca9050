"""How a model's config divides the rows of q, k and v into heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Fused = Literal["blocks", "heads"]

_BY_HEAD = frozenset({"gpt_neox", "gpt_neox_japanese", "bloom"})
"""Model types whose fused matrix holds q, k and v of the first head, then of the second one."""

_UNKNOWN_ORDER = frozenset({"falcon", "chatglm", "mpt", "codegen", "internlm2", "gpt_bigcode"})
"""Model types whose fused matrix has an order of its own, which is not read."""

_GAIN_FROM_ONE = frozenset({
    "gemma", "gemma2", "gemma3", "gemma3_text", "recurrent_gemma", "nemotron", "qwen3_next",
})  # fmt: skip
"""Model types that multiply by one plus the stored weight of a norm; GGUF files hold the sum."""


class HeadLayout(NamedTuple):
    """Numbers of heads of q and of k and v, the rows of one head, and the order of a fused matrix.

    `fused` is "blocks" (all of q, then k, then v), "heads" or None where it is not known. `offset` is added to the
    weights of norms.
    """

    query: int
    key: int
    size: int
    fused: Fused | None = "blocks"
    offset: float = 0.0


def head_layout(config: Mapping[str, Any] | None, declared: Mapping[str, Any] | None = None) -> HeadLayout | None:
    """Read the layout from config.json, or from what a GGUF header declares; None where they do not give it."""
    if declared and isinstance(kind := declared.get("general.architecture"), str):
        heads = _count(declared, f"{kind}.attention.head_count")
        width = _count(declared, f"{kind}.attention.key_length")
        hidden = _count(declared, f"{kind}.embedding_length")
        return _layout(heads, _count(declared, f"{kind}.attention.head_count_kv"), width, hidden)
    config = config or {}
    text = config.get("text_config")
    found = text if isinstance(text, Mapping) else config
    heads = _count(found, "num_attention_heads", "n_head", "num_heads", "n_heads")
    hidden = _count(found, "hidden_size", "n_embd", "d_model", "dim")
    width = _count(found, "head_dim", "d_kv")
    layout = _layout(heads, _count(found, "num_key_value_heads", "num_kv_heads"), width, hidden)
    kind = found.get("model_type", config.get("model_type"))
    if layout is None:
        return None
    fused: Fused | None = "heads" if kind in _BY_HEAD else None if kind in _UNKNOWN_ORDER else "blocks"
    return layout._replace(fused=fused, offset=1.0 if kind in _GAIN_FROM_ONE else 0.0)


def _layout(heads: int | None, keys: int | None, width: int | None, hidden: int | None) -> HeadLayout | None:
    keys = keys or heads
    if heads is None or keys is None or heads % keys:
        return None
    size = width or (hidden // heads if hidden is not None and hidden % heads == 0 else 0)
    return HeadLayout(heads, keys, size) if size > 0 else None


def _count(values: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of these values that is a whole number above zero."""
    found = (values.get(name) for name in names)
    return next((value for value in found if type(value) is int and 0 < value < 1 << 20), None)
