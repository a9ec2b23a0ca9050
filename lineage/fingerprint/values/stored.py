"""The tensors of a weight group as they are stored, for the readers of quantised layouts to take from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from lineage.fingerprint.header import TensorSpan
from lineage.fingerprint.values.names import normalised_name
from lineage.fingerprint.values.tensor import FileHeader, FileRange, ValueTensor

_HIDDEN_SIZES = ("hidden_size", "n_embd", "d_model", "dim")
"""Keys of config.json that hold the width of the hidden states."""


class Stored(NamedTuple):
    """One stored tensor and the file that holds it."""

    file: str
    span: TensorSpan

    @property
    def whole(self) -> FileRange:
        """Return the range of all its bytes."""
        return FileRange(self.file, self.span.begin, self.span.end - self.span.begin)


class Packed(NamedTuple):
    """A matrix that several stored tensors make up.

    `name` is what the matrix would be called if it were stored as plain floats, `parts` are the stored tensors that it
    consists of (they are not read as tensors of their own), `make` gives it its normalised name; a stack of experts
    becomes several matrices.
    """

    name: str
    parts: Sequence[str]
    make: Callable[[str], Sequence[ValueTensor]]

    @classmethod
    def of(cls, name: str, parts: Sequence[str], *matrices: Any) -> Packed:
        """Take matrices, which are frozen dataclasses with a `name`; a stack of experts gives one for each."""
        if len(matrices) == 1:
            return cls(name, parts, lambda new: [replace(matrices[0], name=new)])
        return cls(
            name, parts, lambda new: [replace(each, name=expert_name(new, at)) for at, each in enumerate(matrices)]
        )


class Unreadable(NamedTuple):
    """Stored tensors of a quantised layout that cannot be read as values, with the reason."""

    parts: Sequence[str]
    reason: str


def expert_name(name: str, expert: int) -> str:
    """Name one expert's matrix of a stack: `blk.0.ffn_up_exps.weight` gives `blk.0.ffn_up_exps.3.weight`."""
    base, dot, suffix = name.rpartition(".")
    if suffix in ("weight", "bias") and dot:
        return f"{base}.{expert}.{suffix}"
    return f"{name}.{expert}.weight"


def floats_of(stored: Stored | None) -> bool:
    """Return whether there is a tensor and it holds plain floats, as scales do."""
    return stored is not None and stored.span.dtype in ("F16", "BF16", "F32")


@dataclass(frozen=True)
class StoredTensors:
    """All tensors of a group by stored name, with what its files and its model's config declare.

    `config` is `quantization_config` of config.json, or what a file apart says (`quantize_config.json`,
    `quant_config.json`); empty where the model has none or it was not read. `declares` are the metadata of the files,
    `model` is config.json, with the sizes of the model.
    """

    by_name: Mapping[str, Stored]
    config: Mapping[str, Any]
    declares: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, headers: Sequence[FileHeader], config: Mapping[str, Any], model: Mapping[str, Any] | None = None
    ) -> StoredTensors:
        """Gather the tensors of all files of a group."""
        by_name = {span.name: Stored(header.file, span) for header in headers for span in header.tensors}
        declares = {key: value for header in reversed(headers) for key, value in header.values.items()}
        return cls(by_name, config, declares, model or {})

    @cached_property
    def hidden_size(self) -> int | None:
        """Return the width of the hidden states: from the model's config, else the width of its last normalisation."""
        text = self.model.get("text_config")
        for config in (self.model, text if isinstance(text, Mapping) else {}):
            for key in _HIDDEN_SIZES:
                size = config.get(key)
                if type(size) is int and size > 0:
                    return size
        for name, each in self.by_name.items():
            if len(each.span.shape) == 1 and normalised_name(name) == "output_norm.weight":
                return each.span.shape[0] or None
        return None

    def parts(self, base: str, *suffixes: str) -> list[Stored | None]:
        """Return the tensors `base` + each suffix, None where there is none."""
        return [self.by_name.get(base + suffix) for suffix in suffixes]

    def ending(self, suffix: str) -> Iterator[tuple[str, Stored]]:
        """Yield what stands before a suffix, and the tensor, for each name that ends with it."""
        for name, stored in self.by_name.items():
            if name.endswith(suffix):
                yield name.removesuffix(suffix), stored


Layout = Callable[[StoredTensors], Iterator[Packed | Unreadable]]
"""Find the matrices of one quantised layout, and what belongs to it and cannot be read."""
