"""LoRA adapters: what their config says of the scale with which they are applied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite, sqrt
from typing import Any

from lineage.fingerprint.values.automata import RefusedPatternError
from lineage.fingerprint.values.module_patterns import MAX_MODULE, ModulePatterns
from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.tensor import ValueTensor

A, B = ".lora_a", ".lora_b"
"""How normalised names of an adapter's two matrices end: A is (rank, in), B is (out, rank)."""

MAX_NAMES = 300_000
"""Characters of the names of modules whose scales are kept: a sketch has at most a million bytes."""

_PART = re.compile(r"\.lora_(?:embedding_)?A(?:\.default)?(?:\.weight)?$", re.IGNORECASE)


def adapter_scale(
    config: Mapping[str, Any] | None, tensors: Mapping[str, ValueTensor], names: Mapping[str, str]
) -> tuple[AdapterScale | None, str | None]:
    """Return the scale of an adapter, and why it is not known of some module; None for tensors of other weights.

    PEFT multiplies B·A with alpha / rank, with `use_rslora` by alpha / √rank; `rank_pattern` and `alpha_pattern` change
    both for some modules. The rank of a module is the number of rows of its A. `names` maps stored names to normalised
    ones: patterns are about stored names. Where the scale of some modules is not known, none is common to the others.
    """
    ranks = {name.removesuffix(A): tensor.shape[0] for name, tensor in tensors.items() if name.endswith(A)}
    if not ranks:
        return None, None
    if config is None:
        return AdapterScale(None), "no adapter_config.json was read"
    stabilised, is_dora = config.get("use_rslora") is True, config.get("use_dora") is True
    common = _scale(config.get("lora_alpha"), config.get("r"), stabilised=stabilised)
    stored = {new.removesuffix(A): _module_of(name) for name, new in names.items() if new.endswith(A)}
    found: dict[str, float] = {}
    reasons = []
    scales = _Scales(config)
    for module, rank in sorted(ranks.items()):
        try:
            scale = _scale(*scales.of(stored.get(module), rank), stabilised=stabilised)
        except RefusedPatternError as error:
            reasons.append(str(error))
            continue
        if scale is not None:
            found[module] = scale
        elif rank:  # an A without rows changes nothing
            reasons.append("alpha and rank in its config give no scale")
    others = {module: scale for module, scale in found.items() if scale != common}
    if sum(map(len, others)) > MAX_NAMES:
        return AdapterScale(None, {}, is_dora), "too many modules have scales of their own"
    if reasons:
        return AdapterScale(None, found, is_dora), reasons[0]
    return AdapterScale(common, others, is_dora), None


class _Scales:
    """Find the alpha and the rank of modules by an adapter's config."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._alpha, self._rank = config.get("lora_alpha"), config.get("r")
        alphas, stacked = config.get("alpha_pattern"), config.get("target_parameters")
        self._alphas = alphas if isinstance(alphas, Mapping) else {}
        self._is_known = isinstance(alphas, Mapping) or not alphas
        self._patterns = ModulePatterns(list(self._alphas))
        self._has_ranks = bool(config.get("rank_pattern"))
        self._stacked = _holders(stacked) if isinstance(stacked, list) else frozenset()

    def of(self, module: str | None, rank: int) -> tuple[object, object]:
        """Return alpha and rank of a module by its stored name. Raises RefusedPatternError where they are not known."""
        if module is not None and self._stacked and not self._stacked.isdisjoint(_ends(module)):
            if self._alphas or self._has_ranks:
                raise RefusedPatternError("it changes stacks of experts, with patterns for some of them")
            return self._alpha, self._rank
        if not self._is_known:
            raise RefusedPatternError("alpha_pattern does not map names to numbers")
        if not self._alphas:
            return self._alpha, rank
        if module is None:
            raise RefusedPatternError("it changes a stack of matrices, and has patterns for some modules")
        named = self._patterns.first(module)
        return (self._alpha if named is None else self._alphas[named]), rank


def _holders(parameters: list[Any]) -> frozenset[str]:
    """Return the modules that hold `target_parameters`: A of them has the rank once for each expert."""
    return frozenset(str(each).rpartition(".")[0] for each in parameters) - {""}


def _ends(module: str) -> Iterator[str]:
    """Yield a module's name and each part of it that follows a dot, without the wrappers of parameters."""
    parts = [part for part in module[:MAX_MODULE].split(".") if part != "base_layer"]
    yield from (".".join(parts[at:]) for at in range(len(parts)))


def _module_of(stored: str) -> str:
    """Return the name that PEFT gives the module of an A: that in the base model."""
    return _PART.sub("", stored).removeprefix("base_model.model.")


def _scale(alpha: object, rank: object, *, stabilised: bool) -> float | None:
    """Return alpha / rank; None where they are not numbers of which a scale can be made."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not isinstance(rank, int) or rank <= 0:
        return None
    try:
        scale = alpha / sqrt(rank) if stabilised else alpha / rank
    except OverflowError:  # JSON has whole numbers of any length
        return None
    return scale if isfinite(scale) else None
