"""The tensors of a weight group as they are stored, for the readers of quantised layouts to take from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lineage.fingerprint.header import TensorSpan
from lineage.fingerprint.values.tensor import FileHeader, FileRange, ValueTensor


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
    consists of (they are not read as tensors of their own), `make` gives it its normalised name.
    """

    name: str
    parts: Sequence[str]
    make: Callable[[str], ValueTensor]


@dataclass(frozen=True)
class StoredTensors:
    """All tensors of a group by stored name, with what its files and its model's config declare.

    `config` is `quantization_config` of config.json, or quantize_config.json; empty where the model has none or it was
    not read. `declares` are the metadata of the files.
    """

    by_name: Mapping[str, Stored]
    config: Mapping[str, Any]
    declares: Mapping[str, Any]

    @classmethod
    def of(cls, headers: Sequence[FileHeader], config: Mapping[str, Any]) -> StoredTensors:
        """Gather the tensors of all files of a group."""
        by_name = {span.name: Stored(header.file, span) for header in headers for span in header.tensors}
        declares = {key: value for header in reversed(headers) for key, value in header.values.items()}
        return cls(by_name, config, declares)

    def ending(self, suffix: str) -> Iterator[tuple[str, Stored]]:
        """Yield what stands before a suffix, and the tensor, for each name that ends with it."""
        for name, stored in self.by_name.items():
            if name.endswith(suffix):
                yield name.removesuffix(suffix), stored


Layout = Callable[[StoredTensors], Iterator[Packed]]
"""Find the matrices of one quantised layout."""
