"""Hashes of local files, each read once as long as it does not change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lineage.errors import LineageError
from lineage.file_chunks import FilePass, ReadWhole, file_chunks
from lineage.log import Log
from lineage.progress import SILENT, Progress, SharedTask, Task
from lineage.side_by_side import LARGE_BYTES, read_set

LOG = Log(__name__)


_SLOW_BYTES = 200_000_000


class Stamp(NamedTuple):
    """Identify the state of a file, within one process: equal stamps mean that it was not written to.

    Not kept longer and not shown, because a modification time proves nothing.
    """

    size: int
    modified: int
    changed: int
    inode: int
    device: int


_HOLLOW_FROM_BYTES = 10_000_000_000
_HOLLOW_RATIO = 1_000


class ChangedWhileReadError(OSError):
    """Report that a file was modified while it was being read."""


class FileHashes:
    """Remember the hashes of files by path and stamp.

    `read_whole` hashes more of a file than its SHA-256 in the same pass; None where that alone is needed.
    """

    def __init__(self, progress: Progress = SILENT) -> None:
        self._progress = progress
        self._known: dict[tuple[Path, str], tuple[Stamp, str]] = {}
        self._tensors: dict[Path, list[str]] = {}
        self.read_whole: ReadWhole | None = None

    def sha256(self, path: Path) -> str:
        """Hash a file's bytes. Raises OSError."""
        return self._hash(path, "sha256")

    def hash_ahead(self, paths: Sequence[Path]) -> None:
        """Compute the SHA-256 of several files side by side, so that `sha256` knows them.

        A file that cannot be read is left to `sha256`, which raises the error.
        """
        sizes: dict[Path, int] = {}
        for path in paths:
            with suppress(OSError):
                sizes[path] = path.stat().st_size
        large = [path for path, size in sizes.items() if size >= LARGE_BYTES and self.known_pass(path) is None]
        if not large:
            return
        total = sum(sizes[path] for path in large)
        progress = self._progress if total >= _SLOW_BYTES else SILENT
        what = large[0].name if len(large) == 1 else f"{len(large)} files"
        with progress.task(f"hashing {what}", total, "B") as task:
            read_set(large, [sizes[path] for path in large], partial(self._hash_ahead, SharedTask(task)))

    def _hash_ahead(self, task: Task, path: Path, threads: int) -> None:
        with suppress(OSError):
            self._hash(path, "sha256", task, threads)

    def blob_id(self, path: Path) -> str:
        """Name a file's bytes as git would. Raises OSError."""
        return self._hash(path, "sha1")

    def known_pass(self, path: Path) -> FilePass | None:
        """Return what was computed from a file that was hashed here and has not changed since, or None."""
        known = self._known.get((path, "sha256"))
        try:
            is_same = known is not None and stamp(path) == known[0]
        except OSError:
            is_same = False
        return FilePass(known[1], known[0].size, self._tensors.get(path, [])) if known and is_same else None

    def matches(self, path: Path, sha256: str, size: int) -> bool:
        """Return whether a file holds exactly these bytes; its size is compared first."""
        try:
            return path.is_file() and path.stat().st_size == size and self.sha256(path) == sha256
        except OSError:
            return False

    def _hash(self, path: Path, algorithm: str, shared: Task | None = None, threads: int = 1) -> str:
        """Hash a file unless it is known; `shared` is the task of several files, to which its progress belongs."""
        before = stamp(path)
        hollow = why_hollow(path)
        if hollow is not None:
            raise OSError(hollow)
        known = self._known.get((path, algorithm))
        if known is not None and known[0] == before:
            LOG.debug("%s: its %s is known", path, algorithm)
            return known[1]
        LOG.debug("%s: hashing %d bytes, %s", path, before.size, algorithm)
        progress = self._progress if before.size >= _SLOW_BYTES and shared is None else SILENT
        with progress.task(f"hashing {path.name}", before.size, "B") as own:
            task, found = shared or own, None
            if algorithm == "sha256" and self.read_whole is not None:
                with suppress(LineageError):  # what cannot be read is read again, for the system's own error
                    found = self.read_whole(path, task, threads)
            digest = found.sha256 if found else _digest(path, algorithm, before.size, task)
        if stamp(path) != before:
            raise ChangedWhileReadError(f"{path} was written to while it was being read")
        self._known[path, algorithm] = (before, digest)
        if algorithm == "sha256":
            self._tensors[path] = found.digests if found else []
        return digest


def _digest(path: Path, algorithm: str, size: int, task: Task) -> str:
    """Hash a file's bytes: with SHA-256, or with SHA-1 as git hashes a blob. Raises OSError."""
    start = b"blob %d\0" % size if algorithm == "sha1" else b""
    digest = hashlib.new(algorithm, start, usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        for chunk in file_chunks(file.fileno(), 0, size):
            digest.update(chunk)
            task.advance(len(chunk))
    return digest.hexdigest()


def stamp(path: Path) -> Stamp:
    """Take a file's stamp. Raises OSError."""
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def why_hollow(path: Path) -> str | None:
    """Return why a giant file that the disk holds almost nothing of is not read, None for all others. Raises OSError.

    Such a file is made in no time and takes hours to read; a download that reserved its space is one too.
    """
    found = path.stat()
    held = found.st_blocks * 512
    if found.st_size < _HOLLOW_FROM_BYTES or held * _HOLLOW_RATIO > found.st_size:
        return None
    return f"it is a sparse file: of {found.st_size:,} bytes only {held:,} were ever written"


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path, with all links resolved, is in a folder; False for a link to nothing or to itself."""
    try:
        return path.resolve(strict=True).is_relative_to(folder.resolve(strict=True))
    except (OSError, RuntimeError, ValueError):  # loops are RuntimeErrors up to Python 3.12, a NUL is a ValueError
        return False
