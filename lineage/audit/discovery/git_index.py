"""Git's index: the commits at which a work tree has its submodules, read without git."""

from __future__ import annotations

import struct
from pathlib import Path

from lineage.audit.discovery.tree import Tree

MAX_INDEX = 64_000_000
"""Bytes of an index that is read: some 500,000 files."""

_GITLINK = 0o160000
_ENTRY = struct.Struct(">10I20sH")


def gitlinks(tree: Tree) -> dict[str, str]:
    """Return the commit of each submodule by its path from the root; none where the index cannot be read."""
    index = _git_folder(tree.root) / "index"
    try:
        if index.is_symlink() or not index.is_file() or index.stat().st_size > MAX_INDEX:
            return {}
        return read_gitlinks(index.read_bytes())
    except (OSError, ValueError, struct.error):
        return {}


def _git_folder(root: Path) -> Path:
    """Return the folder of git: `.git`, or that which the file of a work tree or submodule names."""
    marker = root / ".git"
    try:
        if marker.is_file() and not marker.is_symlink():
            named = marker.read_text("utf-8", errors="replace")[:4096].partition("gitdir:")[2].strip()
            return root / named if named else marker
    except OSError:
        return marker
    return marker


def read_gitlinks(content: bytes) -> dict[str, str]:
    """Read the submodules out of an index of version 2, 3 or 4. Raises ValueError and struct.error otherwise."""
    mark, version, count = struct.unpack_from(">4sII", content)
    if mark != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not an index of git")
    found, at, path = {}, 12, b""
    for _ in range(count):
        fields = _ENTRY.unpack_from(content, at)
        mode, commit, flags = fields[6], fields[10], fields[11]
        start = at + _ENTRY.size + (2 if flags & 0x4000 else 0)
        if version == 4:
            cut, start = _varint(content, start)
            end = content.index(b"\0", start)
            path, at = path[: len(path) - cut] + content[start:end], end + 1
        else:
            end = content.index(b"\0", start)
            path = content[start:end]
            at += (end - at + 8) // 8 * 8
        if mode == _GITLINK:
            found[path.decode("utf-8", "surrogateescape")] = commit.hex()
    return found


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Read a number of git's variable length; return it and where it ends."""
    value = content[at] & 0x7F
    while content[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (content[at] & 0x7F)
    return value, at + 1
