"""The full pass over a checkpoint: its SHA-256, and the BLAKE3 of the values of each tensor in the order of indices.

Contiguous tensors are hashed as their bytes pass. Those that share bytes with another one, and views in another order,
are gathered afterwards: from the file, or from a copy of just these bytes where the file is only a stream.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from lineage.errors import FormatError, InputError
from lineage.file_chunks import FilePass
from lineage.fingerprint.header import Read, TensorSpan
from lineage.fingerprint.pytorch.gather import read_tensor
from lineage.fingerprint.pytorch.reader import Checkpoint, StoredTensor
from lineage.fingerprint.reading import hash_chunks, hash_file
from lineage.progress import Task

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

_IN_MEMORY = 8 << 20
"""Bytes of a stream that are kept in memory for gathering; more are written to a temporary file."""

_Values = tuple[int, int, tuple[int, ...], tuple[int, ...]]


class _Plan(NamedTuple):
    """Which tensors are hashed in passing, and which are gathered afterwards, each kind of values once."""

    passing: list[StoredTensor]
    gathered: list[StoredTensor]

    @property
    def spans(self) -> list[TensorSpan]:
        return [tensor.span for tensor in self.passing]


def hash_local(checkpoint: Checkpoint, path: Path, task: Task, sha256: str | None = None, threads: int = 1) -> FilePass:
    """Hash a file on this machine; `digests` are in the order of `checkpoint.tensors`.

    Raises FormatError where the file changed while it was read or breaks its format, InputError where it is unreadable.
    """
    try:
        with path.open("rb", buffering=0) as file:
            read = _reader(file)
            before = os.fstat(file.fileno())
            exact = checkpoint.exact(read)
            plan = _plan(exact.tensors)
            passed = hash_file(path, plan.spans, task, checkpoint.file, sha256, threads)
            digests = _digests(exact.tensors, plan, passed.digests, read)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise InputError(f"{checkpoint.file} cannot be read: {error.strerror or error}.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FormatError(
            f"{checkpoint.file} changed while it was read.",
            file=checkpoint.file,
            hint="Run again when nothing writes to it.",
        )
    return passed._replace(digests=digests)


def hash_stream(
    checkpoint: Checkpoint, chunks: Iterable[bytes | memoryview], task: Task, sha256: str | None = None
) -> FilePass:
    """Hash a stream; `digests` are in the order of `checkpoint.tensors`.

    Local headers are compared as they pass. Raises FormatError where an entry does not begin where its directory, and
    the alignment that PyTorch uses, let expect it: then only a file on this machine can be read.
    """
    plan = _plan(checkpoint.tensors)
    wanted = [(tensor.begin, tensor.begin + tensor.extent) for tensor in plan.gathered]
    used = {tensor.storage for tensor in checkpoint.tensors}
    wanted += [(entry.at, entry.at + entry.header_length) for key, entry in checkpoint.entries.items() if key in used]
    with _Kept(wanted) as kept:
        passed = hash_chunks(kept.passing(chunks), plan.spans, task, checkpoint.file, sha256)
        if checkpoint.exact(kept.read).tensors != checkpoint.tensors:
            raise FormatError(
                f"{checkpoint.file} was not written by PyTorch itself: its values are not where they are expected.",
                file=checkpoint.file,
                hint="Download the file, and name the local copy.",
            )
        return passed._replace(digests=_digests(checkpoint.tensors, plan, passed.digests, kept.read))


def _plan(tensors: Sequence[StoredTensor]) -> _Plan:
    """Choose what is hashed in passing: contiguous tensors that overlap none before them, in order."""
    passing: list[StoredTensor] = []
    gathered: dict[_Values, StoredTensor] = {}
    seen: set[_Values] = set()
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: (tensor.begin, -tensor.extent)):
        values = _values(tensor)
        if values in seen:
            continue
        seen.add(values)
        if tensor.is_contiguous and tensor.begin >= end:
            passing.append(tensor)
            end = tensor.begin + tensor.extent
        else:
            gathered[values] = tensor
    return _Plan(passing, list(gathered.values()))


def _values(tensor: StoredTensor) -> _Values:
    """Name what a tensor's digest depends on: tied tensors, and views of one shape, have the same."""
    if tensor.is_contiguous:
        return tensor.begin, tensor.extent, (), ()
    return tensor.begin, tensor.width, tensor.shape, tensor.stride


def _digests(tensors: Sequence[StoredTensor], plan: _Plan, passed: Sequence[str], read: Read) -> list[str]:
    """Give the digest of each tensor, and gather those that were not hashed in passing."""
    from blake3 import blake3

    found = {_values(tensor): digest for tensor, digest in zip(plan.passing, passed, strict=True)}
    for tensor in plan.gathered:
        state = blake3()
        for part in read_tensor(tensor, read):
            state.update(part)
        found[_values(tensor)] = state.hexdigest()
    return [found[_values(tensor)] for tensor in tensors]


def _reader(file: IO[bytes]) -> Read:
    """Read ranges of an open file."""

    def read(start: int, length: int) -> bytes:
        parts = []
        while length > 0 and (part := os.pread(file.fileno(), length, start)):
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    return read


class _Kept:
    """Keep some ranges of a stream while it passes: in memory, or in a temporary file where they are large."""

    def __init__(self, wanted: Iterable[tuple[int, int]]) -> None:
        from tempfile import SpooledTemporaryFile

        self._ranges: list[tuple[int, int]] = []
        for begin, end in sorted(wanted):
            if self._ranges and begin <= self._ranges[-1][1]:
                self._ranges[-1] = (self._ranges[-1][0], max(self._ranges[-1][1], end))
            elif begin < end:
                self._ranges.append((begin, end))
        self._begins = [begin for begin, _ in self._ranges]
        self._places = [0]
        for begin, end in self._ranges:
            self._places.append(self._places[-1] + end - begin)
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> _Kept:
        """Open what is kept."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget it."""
        self._file.close()

    def passing(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Give the chunks on, and keep what is wanted of them."""
        position = at = 0
        for chunk in chunks:
            stop = position + len(chunk)
            while at < len(self._ranges) and self._ranges[at][0] < stop:
                begin, end = self._ranges[at]
                self._file.write(memoryview(chunk)[max(begin - position, 0) : end - position])
                if end > stop:
                    break
                at += 1
            yield chunk
            position = stop

    def read(self, start: int, length: int) -> bytes:
        """Give a part of one of the ranges; fewer bytes where it is not inside one."""
        at = bisect_right(self._begins, start) - 1
        if at < 0 or start >= self._ranges[at][1]:
            return b""
        begin, end = self._ranges[at]
        self._file.seek(self._places[at] + start - begin)
        return self._file.read(min(length, end - start))
