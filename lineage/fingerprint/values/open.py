"""From the headers of a weight group to its values: which reader each tensor needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lineage.fingerprint.values.adapters import adapter_scale
from lineage.fingerprint.values.names import normalised_names
from lineage.fingerprint.values.plain import is_expert_stack, matrix, split_experts, stored_transposed, turned_experts
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable
from lineage.fingerprint.values.tensor import WIDTHS, FileHeader, ValueTensor
from lineage.fingerprint.values.tiles import is_matrix

_WIDE_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_PLAIN_NAMES = (".weight", ".bias")

_SCALES = re.compile(
    r"\.(scales|zeros|biases|SCB|(weight\.)?(nested_)?(absmax|quant_map)|(weight|input)_(global_)?scale(_inv|_2)?|_scale)$"
)
"""What follows the name of a module whose weight is stored as codes."""


def open_values(
    headers: Sequence[FileHeader],
    kind: str,
    *,
    config: Mapping[str, Any] | None = None,
    adapter: Mapping[str, Any] | None = None,
) -> ValueSource:
    """Open the values of a weight group in the format `kind` (safetensors, gguf, pytorch, numpy).

    `config` is the model's config.json with its `quantization_config`, `adapter` is adapter_config.json. No bytes are
    read. A tensor whose layout is not known is in `unread` with the reason, and its values are never guessed.
    """
    stored = StoredTensors.of(headers, _quantisation(config or {}), config)
    if kind == "gguf":
        from lineage.fingerprint.values.gguf import gguf_adapter_scale, gguf_tensors

        found, reasons = gguf_tensors(stored, config or {})
        return ValueSource(found, reasons, _method(found), gguf_adapter_scale(stored.declares, found))
    packed, unread = _packed(stored)
    parts = {*unread, *(part for each in packed for part in each.parts)}
    plain = {name: each for name, each in stored.by_name.items() if name not in parts}
    orphans = _scales_of_unread(plain)
    unread |= dict.fromkeys(orphans, "scales or tables of codes whose layout is not known here")
    plain = {name: each for name, each in plain.items() if name not in orphans}
    names = normalised_names([*(each.name for each in packed), *plain])
    made = [(each, found) for each in packed for found in each.make(names[each.name])]
    tensors: dict[str, ValueTensor] = {found.name: found for _, found in made}
    held = {found.name: each.parts for each, found in made} | {names[name]: (name,) for name in plain}
    turned = stored_transposed(plain) | turned_experts(stored)
    views = {name: strides for header in headers for name, strides in header.strides.items()}
    for name, lone in plain.items():
        if lone.span.dtype not in WIDTHS:
            unread[name] = f"{lone.span.dtype} values without a scale that is known here"
            continue
        view = views.get(name)
        if view is not None and (len(view) > 2 or is_expert_stack(names[name], lone.span.shape)):
            unread[name] = f"a view of {len(view)} dimensions, which is not read here"
        elif view is not None:
            tensors[names[name]] = matrix(names[name], lone, transposed=name in turned, view=view)
        else:
            tensors |= {each.name: each for each in _plain(names[name], lone, transposed=name in turned)}
    return ValueSource(tensors, unread, _method(tensors), *adapter_scale(adapter, tensors, names), held)


def _scales_of_unread(plain: Mapping[str, Stored]) -> set[str]:
    """Find what belongs to codes that no reader took: these floats are not values of the model."""
    codes = {name.rpartition(".")[0] for name, each in plain.items() if each.span.dtype not in WIDTHS and "." in name}
    return {
        name
        for name, each in plain.items()
        if each.span.dtype in WIDTHS and (found := _SCALES.search(name)) and name[: found.start()] in codes
    }


def _quantisation(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("quantization_config")
    return found if isinstance(found, Mapping) else {}


def _packed(stored: StoredTensors) -> tuple[list[Packed], dict[str, str]]:
    """Find quantised matrices, and what cannot be read with the reason; each stored tensor belongs to at most one.

    The layouts are imported here, for most models have none of them: codes have a narrow dtype, and what belongs to
    codes has a name of its own (`.qweight`, `.weight_scale`, `.weight.absmax`).
    """
    if all(each.span.dtype in _WIDE_FLOATS and name.endswith(_PLAIN_NAMES) for name, each in stored.by_name.items()):
        return [], {}
    from lineage.fingerprint.values.layouts import LAYOUTS

    taken: set[str] = set()
    found: list[Packed] = []
    unread: dict[str, str] = {}
    for layout in LAYOUTS:
        for each in layout(stored):
            if not taken.isdisjoint(each.parts):
                continue
            taken.update(each.parts)
            if isinstance(each, Unreadable):
                unread.update(dict.fromkeys(each.parts, each.reason))
            else:
                found.append(each)
    return found, unread


def _plain(name: str, stored: Stored, *, transposed: bool) -> Sequence[ValueTensor]:
    """Make the matrix of a tensor of plain floats; a stack of experts is one matrix for each."""
    if not is_expert_stack(name, stored.span.shape):
        return [matrix(name, stored, transposed=transposed)]
    whole = matrix(name, stored)
    return list(split_experts(whole, stored.span.shape, turned=transposed))


def _method(tensors: Mapping[str, ValueTensor]) -> str | None:
    """Return how most matrices are quantised; None if most are plain floats."""
    counted = Counter(tensor.method for tensor in tensors.values() if is_matrix(tensor.shape))
    quantised = {method: count for method, count in counted.items() if method is not None}
    return max(quantised, key=lambda method: (quantised[method], method)) if quantised else None
