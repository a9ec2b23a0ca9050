"""What converters to GGUF do to a model's tensors, so that a reader can undo it.

llama.cpp rotates neighbouring elements of a head where transformers rotates its two halves: for architectures of the
first kind the converter interleaves the rows of q and k. Fused q, k and v that transformers stores head by head are
stored part by part. Norms whose weight transformers counts from 1 are stored with the 1 added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lineage.errors import FormatError
from lineage.fingerprint.values.names import layer_of

RowOrder = Callable[[int], int]
"""Map a row as transformers has it to the row that is stored."""

_INTERLEAVED = frozenset({
    "llama", "llama-embed", "smollm3", "arcee", "eagle3", "nanbeige", "mistral3", "granite", "granitemoe",
    "granite_swa", "granitehybrid", "nemotron_h", "nemotron_h_moe", "deci", "deepseek", "olmo", "arctic", "chameleon",
    "bailingmoe", "llada", "minicpm", "internlm2", "baichuan", "xverse", "muse-glimmer",
})  # fmt: skip
"""Values of `general.architecture` whose converter interleaves the rows of q and k."""

_HEADS_DIVIDED = frozenset({"baichuan", "xverse"})
"""Architectures whose converter divides the number of heads by that of k where the two differ."""

_WEIGHTS_ONLY = frozenset({"minicpm", "internlm2", "baichuan", "xverse", "bailingmoe"})
"""Architectures whose converter interleaves weights and leaves biases as they are."""

_FUSED = frozenset({"gptneox", "bloom", "falcon"})
"""Architectures whose fused q, k and v are stored part by part; transformers has them head by head."""

_SHIFTED = frozenset({"gemma", "gemma2", "gemma3", "gemma-embedding", "nemotron", "qwen3next", "qwen35", "qwen35moe"})
"""Architectures whose norms are stored with 1 added."""

_LINEAR_ATTENTION = frozenset({"qwen3next", "qwen35", "qwen35moe"})
_REARRANGED = (".attn_qkv.", ".attn_gate.", ".ssm_")
"""Tensors of linear attention whose rows or columns the converter of Qwen3-Next and its like moves between heads."""


class Heads(NamedTuple):
    """Numbers of attention heads that a file declares: one number, or one for each layer."""

    architecture: str
    query: object
    key: object

    @classmethod
    def declared(cls, declares: Mapping[str, Any], config: Mapping[str, Any]) -> Heads:
        """Read them from a GGUF header; LoRA adapters do not carry them, so that config.json is asked next."""
        architecture = declares.get("general.architecture")
        if not isinstance(architecture, str):
            return cls("", None, None)
        query = declares.get(f"{architecture}.attention.head_count", config.get("num_attention_heads"))
        key = declares.get(f"{architecture}.attention.head_count_kv", config.get("num_key_value_heads"))
        return cls(architecture, query, query if key is None else key)


def row_order(name: str, rows: int, heads: Heads, file: str) -> RowOrder | None:
    """Return the order of the stored rows of a tensor; None where it is that of transformers.

    `name` is the normalised name. Raises FormatError where the order cannot be worked out: numbers of heads that are
    missing or do not divide the rows, and orders that are not undone here.
    """
    architecture = heads.architecture
    if architecture in _LINEAR_ATTENTION and any(part in name for part in _REARRANGED):
        raise FormatError(f"its converter ({architecture}) moves rows between heads, which is not undone", file=file)
    if name.endswith(".lora_a"):
        return None
    if architecture in _FUSED and ".attn_qkv." in name:
        return _fused_order(rows, _count(heads.query, name, heads), _count(heads.key, name, heads), file)
    part = next((part for part in (".attn_q.", ".attn_k.") if part in name), None)
    if part is None or architecture not in _INTERLEAVED or (architecture in _WEIGHTS_ONLY and name.endswith(".bias")):
        return None
    query = _count(heads.query, name, heads)
    count = query if part == ".attn_q." else _count(heads.key, name, heads)
    if architecture in _HEADS_DIVIDED and part == ".attn_k." and count != query and count:
        count = query // count
    return _interleaved_order(rows, count, file)


def norm_shift(name: str, heads: Heads) -> float:
    """Return what the converter added to the values of a tensor."""
    is_shifted = (
        heads.architecture in _SHIFTED and name.endswith("norm.weight") and not name.endswith("ssm_norm.weight")
    )
    return 1.0 if is_shifted else 0.0


def _count(declared: object, name: str, heads: Heads) -> int:
    """Return the number of heads of the layer that a tensor belongs to; 0 where none is declared."""
    if isinstance(declared, list):
        layer = layer_of(name)
        declared = declared[layer] if layer is not None and layer < len(declared) else None
    return declared if type(declared) is int and declared > 0 else 0


def _interleaved_order(rows: int, heads: int, file: str) -> RowOrder:
    if not heads:
        raise FormatError("its rows are interleaved by head, and the number of heads is not declared", file=file)
    if rows % (2 * heads):
        raise FormatError(f"its {rows:,} rows are not divided by {heads:,} heads of two halves", file=file)
    size = rows // heads
    half = size // 2

    def stored(row: int) -> int:
        head, at = divmod(row, size)
        part, pair = divmod(at, half)
        return head * size + 2 * pair + part

    return stored


def _fused_order(rows: int, queries: int, keys: int, file: str) -> RowOrder:
    if not queries or not keys:
        raise FormatError("its rows are ordered by head, and the number of heads is not declared", file=file)
    if queries % keys or rows % (queries + 2 * keys):
        raise FormatError(f"its {rows:,} rows are not those of {queries:,} heads and {keys:,} for k and v", file=file)
    size, each = rows // (queries + 2 * keys), queries // keys

    def stored(row: int) -> int:
        group, at = divmod(row, (each + 2) * size)
        part, inside = divmod(at, size)
        head = group * each + part if part < each else queries + (part - each) * keys + group
        return head * size + inside

    return stored
