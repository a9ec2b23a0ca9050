"""Codes that no reader takes: they are not values of the model, nor are the scales and tables that belong to them.

Two models quantised in one way can share the tables of their codes byte for byte (grids of HIGGS, Hadamard matrices),
and codes without their scale lie in another order of magnitude than the weights. None of them may be compared.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any

from lineage.fingerprint.values.names import normalised_name
from lineage.fingerprint.values.packed import EIGHT_BIT_FLOATS, INTEGERS
from lineage.fingerprint.values.stored import Stored, StoredTensors
from lineage.fingerprint.values.tensor import WIDTHS

_READ_METHODS = frozenset({
    "auto-round", "awq", "bitsandbytes", "compressed-tensors", "fbgemm_fp8", "fp8", "gptq", "modelopt", "mxfp4",
    "mxfp8", "nvfp4", "quanto", "torchao",
})  # fmt: skip
"""Methods that a config names and whose layouts are read, all or some of them."""

_CODES = re.compile(
    r"weight|codes?$|packed|compressed|bitmask|trellis|qidxs|indices|q?data$|^w_?q|^q_?w|^q(s|\d)?$", re.IGNORECASE
)
"""Names of codes: `weight`, `qweight`, `weight_packed`, `W_q`, `codes`, `Qidxs`, `trellis`, `compressed`, `_data`."""

_BUFFERS = re.compile(
    r"bias$|(^|_)(id|ids|index|idx|idxs|mask|masks|shape|step|steps|count|map|mapping|offset|offsets|zero_points?)$|pos|"
    r"tracked$|enabled$|state$|tril|causal|qzeros",
    re.IGNORECASE,
)
"""Names of integers that say where or which, and what is not codes: `position_ids`, `relative_position_index`."""

_FEW = 64
"""Integers of which a tensor with another name must have as many before they are codes: a counter is not."""

_SCALES = re.compile(r"scal|absmax|amax|(^|_)(s|inv)$")
_NOT_SCALES = re.compile(r"logit_scale|scale_shift|layer_?scale|res(idual)?_scale|norm")
"""Parameters that a model learns, and that have `scale` in their name."""

_TABLES = re.compile(r"centroid|codebook|hadamard|^had_|(^|_)(lut|tables?|grids?)\d*$", re.IGNORECASE)
_NOT_TABLES = re.compile(r"(bias|shift)_table")
"""Names of what codes stand for, inside a layer or for all layers, such as VPTQ's `centroids`; not those of Swin."""

_CODES_APART = re.compile(r"codes?$|indices|packed|qidxs|trellis", re.IGNORECASE)
"""Modules inside a layer that hold its codes, as in `q_proj.codes.weight`."""

_STEM = re.compile(r"[._]?(weight_)?scales?(_inv)?$")
"""What makes the name of a scale of that of its weight."""

_INSIDE = re.compile(r"weight|_?q?data|parametrizations|original\d?|\w*quant(izer)?", re.IGNORECASE)
"""Parts of names below a layer: `q_proj.weight.absmax` belongs to `q_proj`."""

_DECLARING = ("quantization", "compression_config")
_DECLARING_METADATA = ("quantization_config", "_quantization_metadata")


def not_values(stored: StoredTensors, plain: Mapping[str, Stored], unread: Collection[str]) -> dict[str, str]:
    """Return which of the tensors that no reader took are not values, with the reason.

    `unread` are those that a reader knew and could not read. A layer that holds codes gives no values, except its bias.
    """
    method = unknown_method(stored.config)
    found = {
        name: _reason(f"{each.span.dtype} values without a scale that is known here", method)
        for name, each in plain.items()
        if each.span.dtype not in WIDTHS
    }
    found |= _unscaled(stored, plain)
    coded = set(_coded(plain, unread, found, method))
    read = {module_of(name) for name in stored.by_name if name not in plain and name not in unread}
    of_codes = _reason("scales or tables of codes whose layout is not known here", method)
    for name, each in plain.items():
        if name not in found and not _is_bias(name) and _is_of_codes(name, each, coded, read, method):
            found[name] = of_codes
    return found


def _is_of_codes(name: str, each: Stored, coded: Collection[str], read: Collection[str], method: str | None) -> bool:
    """Return whether floats belong to codes: to those of their layer, or as a table to those of many layers.

    Matrices that a reader left over are tables too, if they lie in the layer that it read. Where none read a layer of
    the `method`, no matrix is plain but those called `weight`.
    """
    module = module_of(name)
    if _belongs(module, coded):
        return True
    if sum(size > 1 for size in each.span.shape) < 2:
        return False
    is_weight = _last(name) == "weight"
    if not is_weight and ((method and not read) or (coded and _is_table(name))):
        return True
    layers = [part for part in (module, module.rpartition(".")[0]) if part and part in read]
    return bool(layers) and ".lora" not in name.lower() and (_is_table(name) or any(map(_is_layer, layers)))


def unknown_method(config: Mapping[str, Any]) -> str | None:
    """Return the method that a `quantization_config` names, if it is not one whose layouts are known to be read."""
    method = config.get("quant_method")
    return method[:40] if isinstance(method, str) and method and method not in _READ_METHODS else None


def with_method(unread: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    """Add the method to the reasons of readers, where the config names one that none of them knows."""
    method = unknown_method(config)
    return {name: _reason(reason, method) for name, reason in unread.items()}


def module_of(name: str) -> str:
    """Return the layer that a stored tensor belongs to: `q_proj` for `q_proj.scales` and for `q_proj.weight.absmax`."""
    base = name.rpartition(".")[0]
    while base and _INSIDE.fullmatch(_last(base)):
        base = base.rpartition(".")[0]
    return base


def _reason(reason: str, method: str | None) -> str:
    return f"{reason}; its config names the method {method!r}" if method else reason


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_bias(name: str) -> bool:
    """Return whether a tensor is the bias of a layer: `bias`, or `gate_up_proj_bias` of stacked experts."""
    return _last(name) == "bias" or name.endswith("proj_bias")


def _is_table(name: str) -> bool:
    return bool(_TABLES.search(_last(name)) and not _NOT_TABLES.search(name))


def _is_layer(module: str) -> bool:
    """Return whether a module is a layer whose name is known: a linear layer of a block, not the block."""
    return normalised_name(f"{module}.weight").startswith("blk.")


def _coded(
    plain: Mapping[str, Stored], unread: Collection[str], found: Collection[str], method: str | None
) -> Iterator[str]:
    """Yield the layers that hold codes: those that a reader could not read, and those that none knew."""
    real = {
        module_of(name): prod(each.span.shape)
        for name, each in plain.items()
        if name.endswith("weight") and each.span.dtype in WIDTHS and name not in found
    }
    yield from map(module_of, unread)
    for name in found:
        module = module_of(name)
        if not module and not _CODES.search(name):
            continue  # all that a state dict has beside its layers has the same, empty, module
        if _are_codes(name, plain[name], real.get(module), declared=method is not None):
            yield module
            if _CODES_APART.search(_last(module)):
                yield module.rpartition(".")[0]


def _are_codes(name: str, each: Stored, weights: int | None, *, declared: bool) -> bool:
    """Return whether a tensor is codes, and not a buffer; `weights` are the values of a plain weight beside it."""
    dtype, count, own = each.span.dtype, prod(each.span.shape), _last(name)
    if dtype not in INTEGERS | {"BOOL"}:
        return dtype.startswith(("F4", "F6", "F8"))
    if _BUFFERS.search(own) or count < 2:
        return False
    if _CODES.search(own):
        return True
    if dtype in ("BOOL", "I64", "U64"):
        is_of_layer = weights is None and _is_layer(module_of(name))
        return count >= _FEW and len(each.span.shape) > 1 and (is_of_layer or (declared and dtype != "BOOL"))
    is_smaller = weights is not None and (count <= weights or dtype in ("I32", "U32"))
    return count >= _FEW and (declared or not is_smaller)


def _belongs(module: str, layers: Collection[str]) -> bool:
    """Return whether a module is one of these layers, or a part of one: its `centroids`, but no adapter."""
    if module in layers:
        return True
    parent, _, own = module.rpartition(".")
    if parent not in layers or not parent or own.lower().startswith("lora"):
        return False
    return bool(_TABLES.search(own) or _SCALES.search(own)) or _is_layer(parent)


def _unscaled(stored: StoredTensors, plain: Mapping[str, Stored]) -> dict[str, str]:
    """Find 8-bit floats that are codes: a config names a quantisation, or something beside them is a scale.

    Without either they are a cast of the weights, and values as they are.
    """
    eight = {name for name, each in plain.items() if each.span.dtype in EIGHT_BIT_FLOATS}
    if not eight:
        return {}
    scales = {
        name: {module_of(name), _STEM.sub("", name)}
        for name, each in stored.by_name.items()
        if each.span.dtype not in EIGHT_BIT_FLOATS and _SCALES.search(_last(name)) and not _NOT_SCALES.search(name)
    }
    scaled = {part for parts in scales.values() for part in parts}
    beside = {name for name in eight if module_of(name) in scaled or name in scaled}
    read = any(each.span.dtype in EIGHT_BIT_FLOATS and name not in plain for name, each in stored.by_name.items())
    declared = _declared(stored)
    layers = {module_of(name) for name in (eight if declared else beside)}
    found = {
        name: "a scale whose layout is not known here"
        for name, parts in scales.items()
        if name in plain and not parts.isdisjoint(layers)
    }
    if declared:
        reason = "codes without a scale that is known here, in a model whose config names a quantisation"
        method = stored.config.get("quant_method")
        reason += f" ({method[:40]!r})" if isinstance(method, str) else ""
        return found | {name: f"{plain[name].span.dtype} {reason}" for name in eight}
    reason = "codes with a scale whose layout is not known here"
    found |= {name: f"{plain[name].span.dtype} {reason}" for name in beside}
    if beside or read:
        reason = "values without a scale, in a model that has scales for others"
        found |= {name: f"{plain[name].span.dtype} {reason}" for name in eight - beside}
    return found


def _declared(stored: StoredTensors) -> bool:
    """Return whether a config or the metadata of a file say that weights are quantised."""
    return bool(
        stored.config
        or any(isinstance(stored.model.get(key), Mapping) for key in _DECLARING)
        or any(stored.declares.get(key) for key in _DECLARING_METADATA)
    )
