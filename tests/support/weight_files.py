"""Weight files made for a test, byte by byte, so that they may also be wrong."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

Tensors = Mapping[str, tuple[str, tuple[int, ...], bytes]]
"""By name: dtype, shape and bytes."""


def safetensors_bytes(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """Write a sound safetensors file, tensors in the order given."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    at = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    return with_header(json.dumps(header).encode(), b"".join(data for _, _, data in tensors.values()))


def with_header(header: bytes, data: bytes = b"") -> bytes:
    """Put any header before any data."""
    return struct.pack("<Q", len(header)) + header + data


def read_safetensors(path: Path) -> tuple[dict[str, tuple[str, tuple[int, ...], bytes]], dict[str, str]]:
    """Read a sound file back by plain means: nothing of the code under test is used."""
    raw = path.read_bytes()
    length = struct.unpack_from("<Q", raw)[0]
    header = json.loads(raw[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    start = 8 + length
    return {
        name: (
            info["dtype"],
            tuple(info["shape"]),
            raw[start + info["data_offsets"][0] : start + info["data_offsets"][1]],
        )
        for name, info in header.items()
    }, metadata


def write_shards(folder: Path, tensors: Tensors, count: int, stem: str = "model") -> list[str]:
    """Spread tensors over shards with their index, as people upload large models; the shards' names in order."""
    names = [f"{stem}-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]
    items = list(tensors.items())
    weight_map = {}
    for number, name in enumerate(names):
        part = dict(items[number::count])
        (folder / name).write_bytes(safetensors_bytes(part, {"format": "pt"}))
        weight_map.update(dict.fromkeys(part, name))
    index = {"metadata": {"total_size": sum(len(data) for *_, data in tensors.values())}, "weight_map": weight_map}
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index))
    return names


def gguf_bytes(
    entries: Iterable[tuple[str, int, bytes]] = (),
    tensors: Iterable[tuple[str, tuple[int, ...], int, bytes]] = (),
    *,
    version: int = 3,
    alignment: int = 32,
) -> bytes:
    """Write a GGUF file.

    Entries are key, type and encoded value; tensors are name, dimensions innermost first, type and bytes.
    """
    keys, infos = list(entries), list(tensors)
    out = b"GGUF" + struct.pack("<IQQ", version, len(infos), len(keys))
    for key, kind, value in keys:
        out += gguf_text(key) + struct.pack("<I", kind) + value
    data = b""
    for name, shape, kind, raw in infos:
        out += gguf_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += raw + bytes(-len(raw) % alignment)
    return out + bytes(-len(out) % alignment) + data


def gguf_text(text: str) -> bytes:
    """Encode a text as GGUF does."""
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
