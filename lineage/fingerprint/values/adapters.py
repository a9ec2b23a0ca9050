"""LoRA adapters: what their config says of the scale with which they are applied."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt
from typing import Any

from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.tensor import ValueTensor

A, B = ".lora_a", ".lora_b"
"""How normalised names of an adapter's two matrices end: A is (rank, in), B is (out, rank)."""


def adapter_scale(config: Mapping[str, Any] | None, tensors: Mapping[str, ValueTensor]) -> AdapterScale | None:
    """Return the scale of an adapter; None if the tensors are not those of a LoRA adapter.

    PEFT multiplies B·A with alpha / rank, with `use_rslora` by alpha / √rank; `rank_pattern` and `alpha_pattern` change
    both for some modules. The rank of a module is the number of rows of its A.
    """
    ranks = {name.removesuffix(A): tensor.shape[0] for name, tensor in tensors.items() if name.endswith(A)}
    if not ranks:
        return None
    if config is None:
        return AdapterScale(None)
    alpha, stabilised = config.get("lora_alpha"), config.get("use_rslora") is True
    common = _scale(alpha, config.get("r"), stabilised=stabilised)
    patterns = config.get("alpha_pattern")
    alphas = patterns if isinstance(patterns, Mapping) else {}
    by_module = {}
    for module, rank in sorted(ranks.items()):
        own = next((value for key, value in alphas.items() if _speaks_of(str(key), module)), alpha)
        scale = _scale(own, rank, stabilised=stabilised)
        if scale is not None and scale != common:
            by_module[module] = scale
    return AdapterScale(common, by_module, config.get("use_dora") is True)


def _speaks_of(pattern: str, module: str) -> bool:
    """Return whether a pattern of PEFT (a module's name or its end) names a module by its normalised name."""
    from lineage.fingerprint.values.names import normalised_name

    return module.endswith(normalised_name(f"{pattern}.weight").removesuffix(".weight"))


def _scale(alpha: object, rank: object, *, stabilised: bool) -> float | None:
    """Return alpha / rank; None where they are not numbers of which a scale can be made."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not isinstance(rank, int) or rank <= 0:
        return None
    try:
        scale = alpha / sqrt(rank) if stabilised else alpha / rank
    except OverflowError:  # JSON has whole numbers of any length
        return None
    return scale if isfinite(scale) else None
