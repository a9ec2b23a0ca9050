"""One name for each tensor, whatever library wrote the file: GGUF's names where they are known."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "tensor_names.v1.json"

PREFIXES = frozenset({
    "base_model", "model", "module", "_orig_mod", "transformer", "language_model", "text_model", "llm", "gpt_neox",
    "bert", "roberta", "distilbert", "electra", "deberta", "albert", "mpnet", "backbone", "_fsdp_wrapped_module",
    "pretrained_model", "rwkv", "lm",
})  # fmt: skip
"""First parts of names that say who wraps the model, and nothing about the tensor."""

_USUAL = {"layers.{bid}.post_attention_layernorm": "blk.{bid}.ffn_norm"}
"""Names of which the table has two readings, with the usual one: that of Llama and its like."""

_ADAPTER = re.compile(
    r"\.(?P<part>lora_embedding_[AB]|lora_[AB]|lora_magnitude_vector|lora[._]down|lora[._]up)(?:\.default)?(?:\.weight)?$",
    re.IGNORECASE,
)
_PARTS = {
    "lora_down": "lora_a", "lora_up": "lora_b", "lora.down": "lora_a", "lora.up": "lora_b",
    "lora_embedding_a": "lora_a", "lora_embedding_b": "lora_b",
}  # fmt: skip
_SAVED = re.compile(r"\.(?:modules_to_save(?:\.default)?|base_layer|original_module)(?=\.)")
_SUFFIX = re.compile(r"\.(weight|bias|gamma|beta)$")
_SUFFIXES = {"gamma": "weight", "beta": "bias"}
_EXPERT = re.compile(r"(?P<before>\bexperts)\.(?P<number>\d+)(?=\.)")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)|^\d+(?=\.)")


def normalised_names(stored: Iterable[str]) -> dict[str, str]:
    """Map each stored name to its normalised name, all different.

    Names that two tensors of one model would share keep their own form, without the parts that only wrap a model.
    """
    stored = list(stored)
    found = {name: normalised_name(name) for name in stored}
    shared = {name for name, count in Counter(found.values()).items() if count > 1}
    if not shared:
        return found
    plain = {name: (_unwrapped(name) if new in shared else new) for name, new in found.items()}
    twice = {name for name, count in Counter(plain.values()).items() if count > 1}
    return {name: (name if new in twice else new) for name, new in plain.items()}


def normalised_name(stored: str) -> str:
    """Give the normalised name of one tensor: `blk.3.attn_q.weight`, `blk.3.ffn_up_exps.7.weight`.

    The weights of adapters end in `.lora_a` and `.lora_b`. A name that the table does not know keeps its own form,
    without the parts that only wrap a model.
    """
    adapter = _ADAPTER.search(stored)
    part = ""
    name = stored
    if adapter:
        word = adapter["part"].lower()
        part = "." + _PARTS.get(word, word)
        name = _SUFFIX.sub("", name[: adapter.start()])
    name = _SAVED.sub("", name)
    suffix = _SUFFIX.search(name)
    ending = f".{_SUFFIXES.get(suffix[1], suffix[1])}" if suffix else ""
    base = name[: suffix.start()] if suffix else name
    return _known(base) + (part or ending)


def layer_of(name: str) -> int | None:
    """Return the number of the layer that a normalised name speaks of; None if it speaks of none."""
    found = _NUMBER.search(name)
    return int(found[0][:9]) if found else None


def kind_of(name: str) -> str:
    """Return a normalised name without its numbers: what the tensor is in every layer."""
    return _NUMBER.sub("#", name)


def is_vocabulary(name: str) -> bool:
    """Return whether rows of a tensor stand for tokens: embeddings and heads."""
    return name.startswith(("token_embd.", "output.")) or any(
        word in name for word in ("embed_tokens", "lm_head", "wte", "word_embeddings", "embed_out", "shared.weight")
    )


def _known(base: str) -> str:
    """Look up a name, without its first part again and again while that only wraps the model."""
    expert = _EXPERT.search(base)
    number = ""
    if expert:
        number, base = f".{expert['number']}", base[: expert.end("before")] + base[expert.end() :]
    name: str | None = base
    while name is not None:
        known = _look_up(name)
        if known is not None:
            return known + number
        name = _shorter(name)
    return _unwrapped(base) + number


def _look_up(name: str) -> str | None:
    layer = _NUMBER.search(name)
    if layer is None:
        return _table().get(name)
    found = _table().get(f"{name[: layer.start()]}{{bid}}{name[layer.end() :]}")
    return found.replace("{bid}", layer[0]) if found else None


def _shorter(name: str) -> str | None:
    first, dot, rest = name.partition(".")
    return rest if dot and first in PREFIXES else None


def _unwrapped(name: str) -> str:
    while (shorter := _shorter(name)) is not None:
        name = shorter
    return name


@cache
def _table() -> dict[str, str]:
    """Map names as libraries write them, without what wraps them, to those of GGUF, which map to themselves."""
    names: dict[str, list[str]] = json.loads(TABLE.read_text(encoding="utf-8"))["names"]
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name, name)
    for name, others in names.items():
        for other in others:
            found.setdefault(other, name)
    for name, others in names.items():
        for other in others:
            found.setdefault(_unwrapped(other), name)
    return {other: _USUAL.get(_unwrapped(other), name) for other, name in found.items()}
