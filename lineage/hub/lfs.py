"""Git LFS: pointers, where objects are stored, and which files the Hub keeps there."""

from __future__ import annotations

import hashlib
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from lineage.hub.bounds import size_of

MAX_POINTER_BYTES = 1024
"""The limit of the specification: a longer text is an ordinary file."""

LFS_PATTERNS = (
    "*.7z", "*.arrow", "*.bin", "*.bz2", "*.ckpt", "*.ftz", "*.gguf", "*.gz", "*.h5", "*.joblib", "*.lfs.*",
    "*.mlmodel", "*.model", "*.msgpack", "*.npy", "*.npz", "*.onnx", "*.ot", "*.parquet", "*.pb", "*.pickle", "*.pkl",
    "*.pt", "*.pth", "*.rar", "*.safetensors", "*.tar", "*.tar.*", "*.tflite", "*.tgz", "*.wasm", "*.xz", "*.zip",
    "*.zst", "*tfevents*",
)  # fmt: skip
"""What `.gitattributes` of a new model repository on the Hub sends to LFS."""

LFS_FROM_BYTES = 10_000_000
"""The Hub accepts files of this size and more through LFS only."""

_VERSIONS = frozenset({b"https://git-lfs.github.com/spec/v1", b"https://hawser.github.com/spec/v1"})
_OID = re.compile(rb"sha256:([0-9a-f]{64})")
_SIZE = re.compile(rb"0|[1-9][0-9]*")
_EXTENSION = re.compile(rb"ext-[0-9]-[a-z0-9.-]+")

_LFS_START = re.compile(rb"version https?://(git-lfs\.github\.com|hawser\.github\.com|git-media\.io)/")
_XET_START = re.compile(rb"# xet version [0-9]")
_XET_SIZE = re.compile(rb"^filesize = ([0-9]+)$", re.MULTILINE)


class Pointer(NamedTuple):
    """Hold the SHA-256 and the size of the file that an LFS pointer replaces."""

    sha256: str
    size: int


class Placeholder(NamedTuple):
    """Hold what a file on disk names of the file that it replaces; None for what it does not name.

    `kind` is its usual name for messages, `hint` tells how to fetch the real file.
    """

    kind: str
    hint: str
    sha256: str | None = None
    size: int | None = None


def parse_placeholder(text: bytes) -> Placeholder | None:
    """Read a file that a download or a checkout left instead of a large file; None where it is an ordinary file.

    More tolerant than `parse_pointer`: a pointer with Windows line ends or without its last newline is still a pointer,
    and a damaged pointer is still not the content. A damaged one has neither hash nor size.
    """
    if len(text) > MAX_POINTER_BYTES:
        return None
    if _XET_START.match(text):
        size = _XET_SIZE.search(text.replace(b"\r\n", b"\n"))
        return Placeholder("a Xet pointer", "download the file again", size=size_of(size[1]) if size else None)
    if not _LFS_START.match(text):
        return None
    pointer = parse_pointer(text.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n")
    return Placeholder("a git-LFS pointer", "run `git lfs pull`", *(pointer or ()))


def parse_pointer(text: bytes) -> Pointer | None:
    """Read a pointer, or None where a blob is an ordinary file.

    As strict as the specification: `version` first, then keys in order, each line `key value` with one space and one
    newline, a size below 2^63. A weight file is identified by the hash only if git LFS itself would follow the pointer.
    """
    if len(text) > MAX_POINTER_BYTES or not text.startswith(b"version ") or not text.endswith(b"\n"):
        return None
    pairs = [line.partition(b" ") for line in text[:-1].split(b"\n")]
    keys = [key for key, _, _ in pairs[1:]]
    if keys != sorted(set(keys)) or any(not _EXTENSION.fullmatch(key) for key in keys if key not in {b"oid", b"size"}):
        return None
    fields = {key: value for key, _, value in pairs}
    oid, written = _OID.fullmatch(fields.get(b"oid", b"")), _SIZE.fullmatch(fields.get(b"size", b""))
    size = size_of(written[0]) if written else None
    if fields[b"version"] not in _VERSIONS or oid is None or size is None:
        return None
    return Pointer(oid[1].decode(), size)


def format_pointer(sha256: str, size: int) -> bytes:
    """Write the pointer that the Hub puts into git for a file in LFS."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def git_blob_id(content: bytes) -> str:
    """Name a text as git does: SHA-1 over a header with its length, then the text."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def pointer_blob_id(sha256: str, size: int) -> str:
    """Compute the git blob id of a file in LFS, which is that of its pointer; its bytes are not needed."""
    return git_blob_id(format_pointer(sha256, size))


def object_path(folder: Path, sha256: str) -> Path:
    """Return the path of an LFS object below `lfs/objects`."""
    return folder / sha256[:2] / sha256[2:4] / sha256


def belongs_in_lfs(path: str, size: int) -> bool:
    """Return whether the Hub would keep a file in LFS, from its name and size."""
    name = path.rpartition("/")[2]
    return size >= LFS_FROM_BYTES or any(fnmatchcase(name, pattern) for pattern in LFS_PATTERNS)
