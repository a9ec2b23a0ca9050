"""What only a file's header shows of the group that it belongs to; each header is read once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from lineage.errors import FormatError, HubError, InputError, LineageError
from lineage.fingerprint.gguf import read_gguf
from lineage.fingerprint.header import Read, read_header
from lineage.fingerprint.onnx import OutsideFolderError, external_locations

_Answer = TypeVar("_Answer")

OpenFile = Callable[[str], tuple[Read, int | None]]
"""Give what reads ranges of the file at a path, and the file's size where it is known."""

MODEL, CALIBRATION, PROJECTOR = "model", "imatrix", "mmproj"
"""Values of `general.type`; others are `adapter` and words of tools."""

MAX_REQUESTS = 200
"""Reads of one .onnx file on a remote Hub; each tensor that lies in the file costs one."""

MAX_SEARCHED_BYTES = 4_000_000
"""Bytes of a damaged .onnx file in which names of files are looked for."""

ARCHITECTURE = "general.architecture"

_PROJECTOR_ARCHITECTURE = "clip"
"""Projectors from before `general.type` was written have it for their architecture."""


def type_of_gguf(declares: Mapping[str, Any]) -> str | None:
    """Read what kind of file a GGUF header declares; None where it declares nothing."""
    if declares.get(ARCHITECTURE) == _PROJECTOR_ARCHITECTURE:
        return PROJECTOR
    kind = declares.get("general.type")
    return kind if isinstance(kind, str) and kind else None


class HeaderReader:
    """Answer from the headers of one tree's files; None for what cannot be read.

    On this machine every .onnx file is read, of a remote Hub one that may have data beside it, with `max_requests` at
    most. `only_onnx` leaves the other questions unanswered. `known` may be shared by the readers of several trees:
    `key` then names a file's content.
    """

    def __init__(
        self,
        open_file: OpenFile,
        *,
        is_local: bool,
        max_requests: int | None = None,
        only_onnx: bool = False,
        key: Callable[[str], Hashable] = lambda path: path,
        known: dict[Hashable, Any] | None = None,
    ) -> None:
        self.is_local = is_local
        self._max_requests = max_requests
        self._only_onnx = only_onnx
        self._open = open_file
        self._key = key
        self._known: dict[Hashable, Any] = {} if known is None else known
        self._problems: dict[str, LineageError] = {}

    def general_type(self, path: str) -> str | None:
        """Return the kind of a GGUF file, None where its header does not declare it."""
        found = None if self._only_onnx else self._once("type", path, self._read_type)
        return found[0] if found else None

    def holds_model(self, path: str) -> bool | None:
        """Return whether a GGUF header describes a model, whatever the file is called; None where it is not read.

        A header with an architecture describes one, for llama.cpp loads it: calibration data have none, and old models
        declare no type. Few files have a name that leaves this open, so that it is answered with `only_onnx` too.
        """
        found = self._once("type", path, self._read_type)
        return None if found is None else found[1] or found[0] not in {None, CALIBRATION}

    def _read_type(self, path: str) -> tuple[str | None, bool]:
        """Read the declared type, and whether an architecture is declared."""
        read, size = self._open(path)
        values = read_gguf(read, size, path, tensors=False).values
        return type_of_gguf(values), ARCHITECTURE in values

    def tensor_names(self, path: str) -> frozenset[str] | None:
        """Give the names of the tensors of a safetensors file."""
        return None if self._only_onnx else self._once("names", path, self._read_names)

    def _read_names(self, path: str) -> frozenset[str]:
        read, size = self._open(path)
        return frozenset(span.name for span in read_header(read, size, path).tensors)

    def external_data(self, path: str) -> frozenset[str] | None:
        """Give the locations that an .onnx file names for its tensors, relative to its folder."""
        return self._once("data", path, self._read_locations)

    def _read_locations(self, path: str) -> frozenset[str]:
        read, size = self._open(path)
        return external_locations(read, size, path, max_reads=self._max_requests)

    def refused_data(self, path: str) -> frozenset[str] | None:
        """Give what an .onnx file names that was refused because some of it leaves its folder; None for others."""
        problem = self._problems.get(path)
        return problem.locations if isinstance(problem, OutsideFolderError) else None

    def mentioned(self, path: str, others: Iterable[str]) -> frozenset[str] | None:
        """Give the files whose names are somewhere in a file that could not be read as what it should be."""
        wanted = tuple(sorted(others))
        found = self._once("bytes", path, lambda path: self._open(path)[0](0, MAX_SEARCHED_BYTES))
        if found is None or not isinstance(self._problems.get(path), FormatError):
            return None
        return frozenset(other for other in wanted if other.rpartition("/")[2].encode() in found)

    def problem(self, path: str) -> str | None:
        """Say why a file could not be read; None where none was tried or all could."""
        error = self._problems.get(path)
        return None if error is None else error.message

    def _once(self, question: str, path: str, answer: Callable[[str], _Answer]) -> _Answer | None:
        """Answer a question about a file's content once."""
        key = (question, self._key(path))
        if key not in self._known:
            try:
                self._known[key] = answer(path)
            except (HubError, FormatError, InputError) as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, LineageError):
            self._problems[path] = found
            return None
        known: _Answer = found
        return known
