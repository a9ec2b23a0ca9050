"""From the headers of a weight group to its values: which reader each tensor needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lineage.fingerprint.values.adapters import adapter_scale
from lineage.fingerprint.values.gguf import gguf_adapter_scale, gguf_tensors
from lineage.fingerprint.values.names import normalised_names
from lineage.fingerprint.values.plain import is_expert_stack, matrix, split_experts, stored_transposed
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.stored import Layout, Packed, Stored, StoredTensors
from lineage.fingerprint.values.tensor import WIDTHS, FileHeader, ValueTensor
from lineage.fingerprint.values.tiles import is_matrix

LAYOUTS: tuple[Layout, ...] = ()
"""Readers of quantised layouts inside safetensors; the first that takes a tensor has it."""


def open_values(
    headers: Sequence[FileHeader],
    kind: str,
    *,
    config: Mapping[str, Any] | None = None,
    adapter: Mapping[str, Any] | None = None,
) -> ValueSource:
    """Open the values of a weight group in the format `kind` (safetensors, gguf, pytorch).

    `config` is the model's config.json with its `quantization_config`, `adapter` is adapter_config.json. No bytes are
    read. A tensor whose layout is not known is in `unread` with the reason, and its values are never guessed.
    """
    stored = StoredTensors.of(headers, _quantisation(config or {}))
    if kind == "gguf":
        found, reasons = gguf_tensors(stored, config or {})
        return ValueSource(found, reasons, _method(found), gguf_adapter_scale(stored.declares, found))
    packed = _packed(stored)
    parts = {part for each in packed for part in each.parts}
    plain = {name: each for name, each in stored.by_name.items() if name not in parts}
    names = normalised_names([*(each.name for each in packed), *plain])
    unread: dict[str, str] = {}
    tensors: dict[str, ValueTensor] = {names[each.name]: each.make(names[each.name]) for each in packed}
    turned = stored_transposed(plain)
    for name, lone in plain.items():
        if lone.span.dtype not in WIDTHS:
            unread[name] = f"{lone.span.dtype} values without a scale that is known here"
            continue
        for tensor in _plain(names[name], lone, transposed=name in turned):
            tensors[tensor.name] = tensor
    return ValueSource(tensors, unread, _method(tensors), adapter_scale(adapter, tensors))


def _quantisation(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("quantization_config")
    return found if isinstance(found, Mapping) else {}


def _packed(stored: StoredTensors) -> list[Packed]:
    """Find quantised matrices; each stored tensor belongs to at most one."""
    taken: set[str] = set()
    found = []
    for layout in LAYOUTS:
        for each in layout(stored):
            if taken.isdisjoint(each.parts):
                taken.update(each.parts)
                found.append(each)
    return found


def _plain(name: str, stored: Stored, *, transposed: bool) -> Sequence[ValueTensor]:
    """Make the matrix of a tensor of plain floats; a stack of experts is one matrix for each."""
    whole = matrix(name, stored, transposed=transposed)
    if not is_expert_stack(name, stored.span.shape):
        return [whole]
    return list(split_experts(whole, stored.span.shape))


def _method(tensors: Mapping[str, ValueTensor]) -> str | None:
    """Return how most matrices are quantised; None if most are plain floats."""
    counted = Counter(tensor.method for tensor in tensors.values() if is_matrix(tensor.shape))
    quantised = {method: count for method, count in counted.items() if method is not None}
    return max(quantised, key=lambda method: (quantised[method], method)) if quantised else None
