"""From the headers of a weight group to its values: which reader each tensor needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lineage.fingerprint.values.adapters import adapter_scale
from lineage.fingerprint.values.names import normalised_names
from lineage.fingerprint.values.plain import is_expert_stack, matrix, split_experts, stored_transposed, turned_experts
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.stored import Packed, Stored, StoredTensors, Unreadable
from lineage.fingerprint.values.tensor import FileHeader, ValueTensor
from lineage.fingerprint.values.tiles import is_matrix

_WIDE_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_PLAIN_NAMES = (".weight", ".bias")


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
    if not _all_plain(stored):
        from lineage.fingerprint.values.codes import not_values, with_method

        codes = not_values(stored, plain, unread)
        unread = with_method(unread, stored.config) | codes
        plain = {name: each for name, each in plain.items() if name not in codes}
    names = normalised_names([*(each.name for each in packed), *plain])
    made = [(each, found) for each in packed for found in each.make(names[each.name])]
    tensors: dict[str, ValueTensor] = {found.name: found for _, found in made}
    held = {found.name: each.parts for each, found in made} | {names[name]: (name,) for name in plain}
    turned = stored_transposed(plain) | turned_experts(stored)
    views = {name: strides for header in headers for name, strides in header.strides.items()}
    for name, lone in plain.items():
        view = views.get(name)
        if view is not None and (len(view) > 2 or is_expert_stack(names[name], lone.span.shape)):
            unread[name] = f"a view of {len(view)} dimensions, which is not read here"
        elif view is not None:
            tensors[names[name]] = matrix(names[name], lone, transposed=name in turned, view=view)
        else:
            tensors |= {each.name: each for each in _plain(names[name], lone, transposed=name in turned)}
    return ValueSource(tensors, unread, _method(tensors), *adapter_scale(adapter, tensors, names), held)


def _quantisation(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the config says that weights are quantised: of the whole model, or of its text model."""
    text = config.get("text_config")
    for each in (config, text if isinstance(text, Mapping) else {}):
        found = each.get("quantization_config")
        if isinstance(found, Mapping) and found:
            return found
    return {}


def _all_plain(stored: StoredTensors) -> bool:
    """Return whether all tensors are weights and biases of wide floats, as those of most models are."""
    return all(each.span.dtype in _WIDE_FLOATS and name.endswith(_PLAIN_NAMES) for name, each in stored.by_name.items())


def _packed(stored: StoredTensors) -> tuple[list[Packed], dict[str, str]]:
    """Find quantised matrices, and what cannot be read with the reason; each stored tensor belongs to at most one.

    The layouts are imported here, for most models have none of them: codes have a narrow dtype, and what belongs to
    codes has a name of its own (`.qweight`, `.weight_scale`, `.weight.absmax`).
    """
    if _all_plain(stored):
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
