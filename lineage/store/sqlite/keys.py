"""How keys and digests are stored in SQLite: a hash as bytes is half as long as its hex digits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind
    from lineage.store.promoted import Packed

_TAGS = (("gitblob:", b"\x01", 48), ("sha256:", b"\x02", 71))
"""Prefix, tag and length of the keys of files, in the order of the prefixes: so the bytes sort as the keys do."""

_DIGITS = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")


def pack_key(kind: NodeKind, key: str) -> str | bytes:
    """Encode the hash in a file's key as bytes. Any other key stays text, which SQLite sorts before all bytes."""
    if kind != "File":
        return key
    for prefix, tag, length in _TAGS:
        if key.startswith(prefix) and len(key) == length:
            digits = key[len(prefix) :]
            return tag + bytes.fromhex(digits) if _DIGITS.fullmatch(digits) else key
    return key


def unpack_key(stored: str | bytes) -> str:
    """Decode a key; inverse of `pack_key`."""
    if isinstance(stored, str):
        return stored
    return ("gitblob:" if stored[0] == 1 else "sha256:") + stored[1:].hex()


def pack_digest(value: str | None) -> str | bytes | None:
    """Encode a hash in hex digits as bytes; another value stays text."""
    return bytes.fromhex(value) if value is not None and _DIGITS.fullmatch(value) else value


def unpack_digest(value: str | bytes | None) -> str | None:
    """Decode a digest; inverse of `pack_digest`."""
    return value.hex() if isinstance(value, bytes) else value


def stored_node(kind: NodeKind, packed: Packed) -> Packed:
    """Encode the digests among a node's promoted properties."""
    return (pack_digest(packed[0]), *packed[1:]) if kind == "File" else packed


def packed_node(kind: NodeKind, stored: Packed) -> Packed:
    """Decode them; inverse of `stored_node`."""
    return (unpack_digest(stored[0]), *stored[1:]) if kind == "File" else stored
