"""What only a file's header tells of the group that it belongs to: each header read once, and nothing but headers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from lineage.errors import FormatError, HubError, InputError
from lineage.fingerprint.gguf import read_gguf
from lineage.fingerprint.header import Read, read_header

_Answer = TypeVar("_Answer")

OpenFile = Callable[[str], tuple[Read, int | None]]
"""Give what reads ranges of the file at a path, and the file's size where it is known."""

MODEL, CALIBRATION, PROJECTOR = "model", "imatrix", "mmproj"
"""Values of `general.type`; others are `adapter` and words of tools."""

_PROJECTOR_ARCHITECTURE = "clip"
"""Projectors from before `general.type` was written have it for their architecture."""


def type_of_gguf(declares: Mapping[str, Any]) -> str | None:
    """Read what kind of file a GGUF header declares; None where it declares nothing."""
    if declares.get("general.architecture") == _PROJECTOR_ARCHITECTURE:
        return PROJECTOR
    kind = declares.get("general.type")
    return kind if isinstance(kind, str) and kind else None


class HeaderReader:
    """Answer from the headers of one tree's files; None for what cannot be read.

    `known` may be shared by the readers of several trees: `key` then names a file's content.
    """

    def __init__(
        self,
        open_file: OpenFile,
        key: Callable[[str], Hashable] = lambda path: path,
        known: dict[Hashable, Any] | None = None,
    ) -> None:
        self._open = open_file
        self._key = key
        self._known: dict[Hashable, Any] = {} if known is None else known

    def general_type(self, path: str) -> str | None:
        """Give the kind of a GGUF file, None where its header does not tell it."""
        return self._once("type", path, self._read_type)

    def _read_type(self, path: str) -> str | None:
        read, size = self._open(path)
        return type_of_gguf(read_gguf(read, size, path, tensors=False).values)

    def tensor_names(self, path: str) -> frozenset[str] | None:
        """Give the names of the tensors of a safetensors file."""
        return self._once("names", path, self._read_names)

    def _read_names(self, path: str) -> frozenset[str]:
        read, size = self._open(path)
        return frozenset(span.name for span in read_header(read, size, path).tensors)

    def _once(self, question: str, path: str, answer: Callable[[str], _Answer]) -> _Answer | None:
        """Answer a question about a file's content once."""
        key = (question, self._key(path))
        if key not in self._known:
            try:
                self._known[key] = answer(path)
            except (HubError, FormatError, InputError):
                self._known[key] = None
        found: _Answer | None = self._known[key]
        return found
