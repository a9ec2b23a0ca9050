"""ONNX models made for a test, field by field as protobuf writes them, so that they may also be wrong."""

from __future__ import annotations

from collections.abc import Iterable

EXTERNAL = 1


def varint(value: int) -> bytes:
    """Encode a whole number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(number: int, content: bytes) -> bytes:
    """Encode a field that holds bytes, a text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    """Encode a field that holds a whole number."""
    return varint(field << 3) + varint(value)


def entry(key: str, value: str) -> bytes:
    """Encode one entry of a tensor's external data."""
    return message(13, message(1, key.encode()) + message(2, value.encode()))


def tensor(name: str, raw: bytes = b"", location: str | None = None) -> bytes:
    """Encode a tensor whose bytes lie in the file, or in another one at `location`."""
    start = number(1, 4) + number(2, 1) + message(8, name.encode())
    if location is None:
        return start + message(9, raw)
    return start + entry("location", location) + entry("offset", "0") + number(14, EXTERNAL)


def model(initializers: Iterable[bytes] = (), nodes: Iterable[bytes] = ()) -> bytes:
    """Encode a model with a graph."""
    graph = b"".join(message(1, each) for each in nodes) + message(2, b"graph")
    graph += b"".join(message(5, each) for each in initializers)
    return number(1, 9) + message(2, b"tests") + message(7, graph) + message(8, number(2, 17))
