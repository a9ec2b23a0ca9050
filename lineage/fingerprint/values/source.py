"""The tensors of one weight group as matrices of values, and those that cannot be read as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from lineage.fingerprint.values.tensor import ValueTensor


class AdapterScale(NamedTuple):
    """What a LoRA adapter multiplies B·A with before it is added to the base.

    `scale` is alpha / rank, or alpha / √rank for rank-stabilised LoRA; `by_module` has the modules with another scale,
    by the normalised name without `.lora_a`. `is_dora` says that the sum is normalised to a stored magnitude
    afterwards. `scale` is None where the config does not say, or says for some modules what is not known here: then
    `by_module` has the modules of which it is known.
    """

    scale: float | None
    by_module: Mapping[str, float] = MappingProxyType({})
    is_dora: bool = False


class ValueSource(NamedTuple):
    """Hold the tensors of a weight group by normalised name.

    `unread` maps the stored names of tensors that hold no comparable values to the reason. `method` is how most
    matrices are quantised (`gptq`, `Q4_0`, `bitsandbytes-nf4`), None for plain floats. `adapter` is set for adapters,
    `scale_problem` says why the scale of some of an adapter's modules is not known. `stored` gives the stored tensors
    of a matrix of several parts, or with another name.
    """

    tensors: Mapping[str, ValueTensor]
    unread: Mapping[str, str] = MappingProxyType({})
    method: str | None = None
    adapter: AdapterScale | None = None
    scale_problem: str | None = None
    stored: Mapping[str, Sequence[str]] = MappingProxyType({})
