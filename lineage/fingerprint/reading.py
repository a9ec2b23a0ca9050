"""The full pass: one reading of a file gives its SHA-256 and the BLAKE3 of every tensor in it.

This module is the hot path: bytes, the two hash functions and nothing else.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lineage.errors import FormatError, InputError
from lineage.fingerprint.gguf import UNKNOWN_TYPE
from lineage.fingerprint.header import Read, TensorSpan
from lineage.progress import Task

CHUNK_BYTES = 256 << 10
"""Fits the second-level cache, so that the second hash reads what the first has just touched."""


class FilePass(NamedTuple):
    """The result of one pass over a file: `digests` are the hex BLAKE3-256 of the given spans, in their order."""

    sha256: str
    size: int
    digests: list[str]


def hash_chunks(
    chunks: Iterable[bytes | memoryview],
    spans: Sequence[TensorSpan],
    task: Task,
    file: str,
    sha256: str | None = None,
) -> FilePass:
    """Hash a stream of bytes and the spans in it, which must be in order and must not overlap.

    Constant memory: a chunk is forgotten before the next is asked for. Raises FormatError where the stream ends
    before the last span does. A `sha256` that is known already is returned and not computed again.
    """
    from blake3 import blake3

    whole = hashlib.sha256()
    digests: list[str] = []
    waiting = iter(spans)
    span = next(waiting, None)
    state: blake3 | _Unfilled | None = None
    position = 0
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


def hash_file(path: Path, spans: Sequence[TensorSpan], task: Task, name: str, sha256: str | None = None) -> FilePass:
    """Hash a file on this machine and the spans in it; `name` is what errors call it, `sha256` what is known already.

    Raises FormatError where the file changed while it was read, and InputError where it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            done = hash_chunks(_file_chunks(file.fileno(), before.st_size), spans, task, name, sha256)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or done.size != before.st_size:
        raise FormatError(f"{name} changed while it was read.", file=name, hint="Run again when nothing writes to it.")
    return done


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


def _file_chunks(descriptor: int, left: int) -> Iterator[memoryview]:
    """Read a file of `left` bytes into one buffer again and again; one that grows is not followed.

    The buffer is an anonymous map because that is page-aligned: on some processors the kernel copies five times slower
    into memory that lies 16 bytes beside the page cache's own alignment, as a large bytearray does.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    view = memoryview(mmap.mmap(-1, CHUNK_BYTES))
    while left > 0 and (read := os.readv(descriptor, [view])):
        left -= read
        yield view[:read]
