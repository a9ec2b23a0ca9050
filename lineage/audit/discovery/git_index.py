"""Git's index, read without git: which files a work tree tracks, and the commits of its submodules.

Git itself is not asked, because the configuration of a repository can name programs that it would run.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAX_INDEX = 64_000_000
"""Bytes of an index that is read: some 500,000 files."""

MAX_PATHS = 200_000_000
"""Bytes of all paths together: in version 4 each repeats the beginning of the one before for nothing."""

_GITLINK = 0o160000
_STATS = struct.Struct(">10I")
_HEADER = struct.Struct(">4sII")
_EXTENSION = struct.Struct(">4sI")
_HASHES = (20, 32)
_LINK = b"link"


class Index(NamedTuple):
    """Hold the paths of the files that git tracks, and the commit of each submodule by its path."""

    files: frozenset[str]
    gitlinks: dict[str, str]


class UnreadIndexError(ValueError):
    """Report an index that is there and is not understood."""


def index_of(root: Path) -> Index:
    """Read the index of the work tree at `root`; an empty one if there is none. Raises UnreadIndexError."""
    folder = git_folder(root)
    file = folder / "index"
    try:
        if not file.exists():
            return Index(frozenset(), {})
        return read_index(_bytes(file), folder)
    except (OSError, ValueError) as error:
        raise UnreadIndexError(f"the index of git cannot be read: {error}") from error


def gitlinks_of(root: Path) -> dict[str, str]:
    """Return the commit of each submodule by its path from the root; none where the index cannot be read."""
    try:
        return index_of(root).gitlinks
    except UnreadIndexError:
        return {}


def git_folder(root: Path) -> Path:
    """Return the folder of git: `.git`, or that which the file of a work tree or submodule names."""
    marker = root / ".git"
    try:
        if marker.is_file() and not marker.is_symlink():
            with marker.open(encoding="utf-8", errors="replace") as file:
                named = file.read(4096).partition("gitdir:")[2].strip()
            return root / named if named else marker
    except OSError:
        return marker
    return marker


def read_index(content: bytes, folder: Path | None = None) -> Index:
    """Read an index of version 2, 3 or 4, with commit ids of SHA-1 or SHA-256.

    A split index names a shared one in `folder`: what either lists is tracked. Raises ValueError, and OSError for the
    other part.
    """
    try:
        return _read(content, folder)
    except (IndexError, struct.error) as error:
        raise ValueError("it ends in the middle of an entry") from error


def _read(content: bytes, folder: Path | None) -> Index:
    mark, version, count = _HEADER.unpack_from(content)
    if mark != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("it is not an index of version 2, 3 or 4")
    for size in _HASHES:
        try:
            entries, shared = _entries(content, version, count, size), b""
            found = list(entries)
            shared = _shared(content, found[-1][3] if found else _HEADER.size, size)
            break
        except (ValueError, IndexError, struct.error):
            if size == _HASHES[-1]:
                raise
    index = Index(
        frozenset(_text(path) for mode, path, _, _ in found if mode != _GITLINK and path),
        {_text(path): commit.hex() for mode, path, commit, _ in found if mode == _GITLINK and path},
    )
    if not shared:
        return index
    if folder is None:
        raise ValueError("it is split, and its other part is not at hand")
    other = read_index(_bytes(folder / f"sharedindex.{shared.hex()}"))
    return Index(index.files | other.files, other.gitlinks | index.gitlinks)


def _entries(content: bytes, version: int, count: int, size: int) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Yield each entry: its mode, path, object id, and where the next one begins."""
    at, path, total = _HEADER.size, b"", 0
    for _ in range(count):
        mode = _STATS.unpack_from(content, at)[6]
        middle = at + _STATS.size
        flags = int.from_bytes(content[middle + size : middle + size + 2], "big")
        start = middle + size + (4 if flags & 0x4000 else 2)
        if version == 4:
            cut, start = _varint(content, start)
            end = content.index(b"\0", start)
            path, following = path[: len(path) - cut] + content[start:end], end + 1
        else:
            end = content.index(b"\0", start)
            path = content[start:end]
            following = at + (end - at + 8) // 8 * 8
        total += len(path)
        if total > MAX_PATHS:
            raise ValueError(f"its paths have more than {MAX_PATHS:,} bytes")
        yield mode, path, content[middle : middle + size], following
        at = following


def _shared(content: bytes, at: int, size: int) -> bytes:
    """Return the id of the index that a split one builds on; empty for a whole one. Raises ValueError."""
    shared = b""
    while at + size < len(content):
        name, length = _EXTENSION.unpack_from(content, at)
        if not name.isalpha():
            raise ValueError("what follows its entries is not an extension")
        if name == _LINK:
            shared = content[at + _EXTENSION.size : at + _EXTENSION.size + size]
        at += _EXTENSION.size + length
    if at + size != len(content):
        raise ValueError("it does not end where its entries say")
    return shared


def _bytes(file: Path) -> bytes:
    """Read a file of the index. Raises OSError, and ValueError for one that is a link or too long."""
    if file.is_symlink() or not file.is_file():
        raise ValueError("it is not a regular file")
    if file.stat().st_size > MAX_INDEX:
        raise ValueError(f"it has more than {MAX_INDEX:,} bytes")
    return file.read_bytes()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Read a number of git's variable length; return it and where it ends."""
    value = content[at] & 0x7F
    while content[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (content[at] & 0x7F)
    return value, at + 1
