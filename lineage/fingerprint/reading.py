"""The full pass: one reading of a file gives its SHA-256 and the BLAKE3 of every tensor in it.

This module is the hot path: bytes, the two hash functions and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lineage.errors import FormatError, InputError
from lineage.file_chunks import CHUNK_BYTES, FilePass, file_chunks
from lineage.fingerprint.gguf import UNKNOWN_TYPE
from lineage.fingerprint.header import Read, TensorSpan
from lineage.progress import SharedTask, Task
from lineage.side_by_side import side_by_side


def hash_chunks(
    chunks: Iterable[bytes | memoryview],
    spans: Sequence[TensorSpan],
    task: Task,
    file: str,
    sha256: str | None = None,
    start: int = 0,
) -> FilePass:
    """Hash a stream of bytes and the spans in it, which must be in order and must not overlap.

    The stream begins at byte `start` of the file. Constant memory: a chunk is forgotten before the next is asked for.
    Raises FormatError where the stream ends before the last span does. A `sha256` that is known already is returned
    and not computed again.
    """
    from blake3 import blake3

    whole = hashlib.sha256()
    digests: list[str] = []
    waiting = iter(spans)
    span = next(waiting, None)
    state: blake3 | _Unfilled | None = None
    position = start
    for chunk in chunks:
        view = memoryview(chunk)
        if sha256 is None:
            whole.update(view)
        stop = position + len(view)
        while span is not None and span.begin < stop:
            state = state or (_Unfilled() if span.dtype.startswith(UNKNOWN_TYPE) else blake3())
            state.update(view[max(span.begin - position, 0) : span.end - position])
            if span.end > stop:
                break
            digests.append(state.hexdigest())
            state, span = None, next(waiting, None)
        task.advance(len(view))
        position = stop
    while span is not None and span.begin == span.end <= position:
        digests.append(blake3().hexdigest())
        span = next(waiting, None)
    if span is not None:
        raise FormatError(f"{file} ended after {position:,} bytes, before the tensor {span.name!r} did.", file=file)
    return FilePass(sha256 or whole.hexdigest(), position, digests)


class _Unfilled:
    """Hash the bytes of a tensor whose end is not known, without the zeros with which it is filled up.

    They look like zeros of the tensor, so that all zeros at the end are left out: two tensors of one
    type and shape have equal digests exactly where they have equal bytes, wherever they lie in their files.
    """

    def __init__(self) -> None:
        from blake3 import blake3

        self._state = blake3()
        self._zeros = 0

    def update(self, part: memoryview) -> None:
        """Take the next bytes; zeros at their end wait for what follows."""
        held = bytes(part).rstrip(b"\0")
        if held:
            for start in range(0, self._zeros, CHUNK_BYTES):
                self._state.update(bytes(min(CHUNK_BYTES, self._zeros - start)))
            self._state.update(held)
            self._zeros = 0
        self._zeros += len(part) - len(held)

    def hexdigest(self) -> str:
        """Give the digest of the bytes up to the last that is not zero."""
        return self._state.hexdigest()


def hash_file(
    path: Path, spans: Sequence[TensorSpan], task: Task, name: str, sha256: str | None = None, threads: int = 1
) -> FilePass:
    """Hash a file on this machine and the spans in it; `name` is what errors call it, `sha256` what is known already.

    With several threads one of them computes the SHA-256, which has to go through the file in order, and the others
    hash spans. Raises FormatError where the file changed while it was read, and InputError where it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            work = _Work(file.fileno(), before.st_size, task, name)
            done = work.whole(spans, sha256) if threads < 2 else work.side_by_side(spans, sha256, threads)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or done.size != before.st_size:
        raise FormatError(f"{name} changed while it was read.", file=name, hint="Run again when nothing writes to it.")
    return done


class _Work(NamedTuple):
    """Hash one open file."""

    descriptor: int
    size: int
    task: Task
    name: str

    def whole(self, spans: Sequence[TensorSpan], sha256: str | None) -> FilePass:
        """Go through the file once."""
        return hash_chunks(file_chunks(self.descriptor, 0, self.size), spans, self.task, self.name, sha256)

    def side_by_side(self, spans: Sequence[TensorSpan], sha256: str | None, threads: int) -> FilePass:
        """Let each thread read for itself: that costs less than passing chunks on.

        One thread hashes all spans in less time than another takes for the SHA-256. If that is known, all threads share
        the spans.
        """
        if sha256 is None:
            silent = self._replace(task=Task())
            jobs = [partial(self.whole, (), None), partial(silent.part, spans, 0, self.size)]
        else:
            shared = self._replace(task=SharedTask(self.task))
            jobs = [partial(shared.part, *piece) for piece in _pieces(spans, self.size, threads)]
        done = side_by_side(jobs, threads)
        digests = [digest for each in done for digest in each.digests]
        return FilePass(sha256 or done[0].sha256, done[0 if sha256 is None else -1].size, digests)

    def part(self, spans: Sequence[TensorSpan], start: int, end: int) -> FilePass:
        """Hash the spans in a part of the file."""
        return hash_chunks(file_chunks(self.descriptor, start, end), spans, self.task, self.name, "", start)


def _pieces(spans: Sequence[TensorSpan], size: int, count: int) -> list[tuple[Sequence[TensorSpan], int, int]]:
    """Cut a file into up to `count` pieces of about the same size, between two spans; each with its start and end."""
    pieces: list[tuple[Sequence[TensorSpan], int, int]] = []
    first, start = 0, 0
    for number, span in enumerate(spans):
        if span.begin >= (len(pieces) + 1) * size / count:
            pieces.append((spans[first:number], start, span.begin))
            first, start = number, span.begin
    return [*pieces, (spans[first:], start, size)]


def read_ranges(path: Path, name: str) -> Read:
    """Make a function that reads ranges of a file on this machine; its errors are InputErrors that name the file."""

    def read(start: int, length: int) -> bytes:
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(start)
                parts = []
                while length > 0 and (part := file.read(length)):
                    parts.append(part)
                    length -= len(part)
                return b"".join(parts)
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror or error}.") from error

    return read
