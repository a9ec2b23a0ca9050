"""What one weight file holds: its header, and the pass over its bytes, for each format whose tensors are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import FormatError
from lineage.file_chunks import FilePass
from lineage.fingerprint.gguf import declared_values, read_gguf
from lineage.fingerprint.header import Read, TensorSpan, read_header
from lineage.fingerprint.reading import hash_chunks, hash_file, read_ranges
from lineage.fingerprint.tensor_table import TensorRow
from lineage.fingerprint.values.tensor import FileHeader
from lineage.fingerprint.weight_files import weight_format
from lineage.progress import Task
from lineage_schemas.file import FileEntry
from lineage_schemas.level import Level

if TYPE_CHECKING:
    from lineage.fingerprint.pytorch.reader import Checkpoint, Unread

WITH_TENSORS = frozenset({"safetensors", "gguf", "pytorch", "numpy"})
"""Formats whose tensors are read; others are known by the SHA-256 of their files."""

ARCHIVES = frozenset({"pytorch", "numpy"})
"""Formats whose files may also hold what is not read: they are known by their hash then."""


def _nothing() -> None:
    """Know nothing of a file."""


class Source(NamedTuple):
    """One file to read: in place where `local` is set, else by ranges or as a stream.

    `known` returns what the Hub has computed from the same bytes, if it has and they have not changed since.
    """

    entry: FileEntry
    read: Read
    stream: Callable[[], Iterator[bytes]]
    local: Path | None
    known: Callable[[], FilePass | None] = _nothing


class FileContents(NamedTuple):
    """The content of a file's header: its tensors, the metadata in it, and whether the tensors' bytes are known.

    `declares` is what of the metadata is shown and stored. `tensors` is None where the header was not read so far, or
    was not understood: then `unread` has the reason.
    """

    tensors: list[TensorSpan] | None
    values: Mapping[str, Any] = MappingProxyType({})
    declares: Mapping[str, Any] = MappingProxyType({})
    ranges_known: bool = True
    checkpoint: Checkpoint | None = None
    unread: Unread | None = None

    def headers(self, path: str) -> list[FileHeader]:
        """Return what the values of the tensors are read by; nothing where the tensors' places are not known."""
        if self.tensors is None or not self.ranges_known:
            return []
        return [FileHeader(path, self.tensors, dict(self.values), self.checkpoint)]


def read_contents(kind: str, main: bool, source: Source, level: Level) -> FileContents:
    """Read a file's header.

    A GGUF header holds the vocabulary, megabytes of it: below level full a Hub gives tensors of the main group only.
    """
    entry = source.entry
    if kind == "safetensors":
        header = read_header(source.read, entry.size, entry.path)
        return FileContents(header.tensors, header.metadata, header.metadata)
    if kind in ARCHIVES:
        return _read_archive(kind, source, level)
    whole = level == "full" or source.local is not None or main
    gguf = read_gguf(source.read, entry.size, entry.path, tensors=whole)
    return FileContents(gguf.tensors, gguf.values, declared_values(gguf.values), gguf.ranges_known or not whole)


def _read_archive(kind: str, source: Source, level: Level) -> FileContents:
    """Read the tensors of an archive; those of numpy arrays have headers all over the file.

    A file that breaks its format is known by its hash: a copy of it is a copy, whatever a loader makes of it. The
    readers of archives are imported here: most models have none, and the import costs as much as 30 headers.
    """
    from lineage.fingerprint.npz import read_npz
    from lineage.fingerprint.pytorch.reader import Unread, read_checkpoint

    path, size = source.entry.path, source.entry.size
    found: Checkpoint | Unread
    try:
        if kind == "pytorch":
            found = read_checkpoint(source.read, size, path)
        elif source.local is None and level != "full":
            found = Unread("the headers of its arrays are all over the file; --level full reads them")
        else:
            found = read_npz(source.read, size, path, remote=source.local is None)
    except FormatError as error:
        found = Unread(error.message.removesuffix(".").replace(f"{path} is ", "it is ", 1))
    if isinstance(found, Unread):
        return FileContents(None, unread=found)
    return FileContents([tensor.span for tensor in found.tensors], checkpoint=found)


def must_read(source: Source, found: FileContents, level: Level) -> bool:
    """Return whether all bytes of a file are needed: not where a remote file without tensors has a known SHA-256."""
    if level != "full":
        return False
    return found.tensors is not None or source.local is not None or source.entry.sha256 is None


def pass_over(source: Source, found: FileContents, task: Task, threads: int) -> FilePass:
    """Read a whole file, unless the Hub's own pass over it has hashed its tensors too."""
    name, checkpoint = source.entry.path, found.checkpoint
    spans = found.tensors or [] if found.ranges_known else []
    known = source.known()  # asked after the header was read, so that both are of the same bytes
    if known is not None and len(known.digests) == len(spans):
        task.advance(known.size)
        return known
    sha256 = known.sha256 if known is not None else None
    if checkpoint is not None:
        from lineage.fingerprint.pytorch.hashing import hash_local, hash_stream

        if source.local is not None:
            return hash_local(checkpoint, source.local, task, sha256, threads)
        return hash_stream(checkpoint, source.stream(), task)
    if source.local is not None:
        return hash_file(source.local, spans, task, name, sha256, threads)
    return hash_chunks(source.stream(), spans, task, name)


def hash_whole(path: Path, task: Task, threads: int) -> FilePass:
    """Hash a file on this machine, and its tensors if its name is that of a format whose tensors are read.

    For `Hub.hash_with`. A header that breaks its format is not an error here: measuring the file reports it. Raises
    InputError, OSError, and FormatError where the file changes while it is read.
    """
    entry = FileEntry(path=path.name, size=path.stat().st_size)
    source = Source(entry, read_ranges(path, path.name), lambda: iter(()), path)
    kind, found = weight_format(path.as_posix()), FileContents(None)
    if kind in WITH_TENSORS:
        with suppress(FormatError):
            found = read_contents(kind, True, source, "full")
    return pass_over(source, found, task, threads)


def rows_of(path: str, found: FileContents, passed: FilePass | None) -> list[TensorRow]:
    """Write the table of one file, with digests where all of it was read by tensor."""
    spans = found.tensors or []
    digests = passed.digests if passed and found.ranges_known else [None] * len(spans)
    return [
        TensorRow(span.name, span.dtype, span.shape, digest, path) for span, digest in zip(spans, digests, strict=True)
    ]
