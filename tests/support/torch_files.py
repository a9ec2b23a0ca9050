"""PyTorch checkpoints made byte by byte, without PyTorch, so that they may also be wrong or hostile."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "I64": "LongStorage"}
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8}
_LARGE = 0xFFFFFFFF
PROTO, STOP = b"\x80\x02", b"."


class View(NamedTuple):
    """A tensor on a stored entry."""

    key: str
    dtype: str
    shape: Sequence[int]
    stride: Sequence[int] | None = None
    offset: int = 0
    storage_elements: int | None = None


def number(value: int) -> bytes:
    """Push a number."""
    return b"\x8a\x08" + struct.pack("<q", value)


def text(value: str) -> bytes:
    """Push a text."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    """Push the name of a class or function."""
    return b"c" + f"{module}\n{attribute}\n".encode()


def tuple_of(*items: bytes) -> bytes:
    """Push a tuple."""
    return b"(" + b"".join(items) + b"t"


def dict_of(items: Mapping[str, bytes] | Iterable[tuple[str, bytes]], *, ordered: bool = False) -> bytes:
    """Push a dict with texts for keys."""
    pairs = items.items() if isinstance(items, Mapping) else items
    empty = name("collections", "OrderedDict") + b")R" if ordered else b"}"
    return empty + b"(" + b"".join(text(key) + value for key, value in pairs) + b"u"


def c_strides(shape: Sequence[int]) -> list[int]:
    """Give the strides of a contiguous tensor."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return strides[::-1]


def tensor(view: View, *, parameter: bool = False) -> bytes:
    """Push a tensor, as `_rebuild_tensor_v2` takes it, or a parameter around it."""
    elements = view.storage_elements
    if elements is None:
        elements = view.offset + _product(view.shape)
    named = tuple_of(
        text("storage"), name("torch", STORAGES[view.dtype]), text(view.key), text("cpu"), number(elements)
    )
    hooks = name("collections", "OrderedDict") + b")R"
    shape = tuple_of(*map(number, view.shape))
    stride = tuple_of(*map(number, c_strides(view.shape) if view.stride is None else view.stride))
    arguments = tuple_of(named + b"Q", number(view.offset), shape, stride, b"\x89", hooks)
    made = name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"
    return name("torch._utils", "_rebuild_parameter") + tuple_of(made, b"\x88", hooks) + b"R" if parameter else made


def archive(
    pickled: bytes, storages: Mapping[str, bytes], *, folder: str = "archive", others: Mapping[str, bytes] | None = None
) -> bytes:
    """Put a pickle and its storages into an archive, each entry as PyTorch aligns it, without descriptors."""
    entries = {"data.pkl": pickled, "byteorder": b"little", **{f"data/{key}": raw for key, raw in storages.items()}}
    return zip_of({f"{folder}/{key}": raw for key, raw in {**entries, **(others or {}), "version": b"3\n"}.items()})


def zip_of(entries: Mapping[str, bytes] | Sequence[tuple[str, bytes]], *, compressed: Iterable[str] = ()) -> bytes:
    """Write a ZIP archive with a filled local header for each entry."""
    out = BytesIO()
    packed = set(compressed)
    pairs = list(entries.items() if isinstance(entries, Mapping) else entries)
    with zipfile.ZipFile(out, "w") as target:
        for path, raw in pairs:
            info = zipfile.ZipInfo(path)
            info.compress_type = zipfile.ZIP_DEFLATED if path in packed else zipfile.ZIP_STORED
            start = out.tell() + 30 + len(path.encode()) + 4
            fill = -start % 64
            info.extra = struct.pack("<2sH", b"FB", fill) + b"Z" * fill
            target.writestr(info, raw)
    return out.getvalue()


def write_sparse(path: Path, pickled: bytes, storages: Mapping[str, int], *, folder: str = "archive") -> None:
    """Write an archive as PyTorch does, with descriptors and the end of a large one; storages are holes."""
    contents: dict[str, bytes | int] = {"data.pkl": pickled, ".format_version": b"1", "byteorder": b"little"}
    contents |= {f"data/{key}": size for key, size in storages.items()}
    directory = []
    with path.open("wb") as out:
        for key, content in {**contents, "version": b"3\n"}.items():
            title, at = f"{folder}/{key}".encode(), out.tell()
            size = content if isinstance(content, int) else len(content)
            large = size >= _LARGE
            fill = -(at + 34 + len(title)) % 64
            fields = 0x04034B50, 0, 0x0808, 0, 0, 0, 0, 0, 0, len(title), 4 + fill
            out.write(struct.pack("<I5H3I2H", *fields) + title + struct.pack("<2sH", b"FB", fill) + b"Z" * fill)
            out.seek(size, os.SEEK_CUR) if isinstance(content, int) else out.write(content)
            out.write(struct.pack("<4sI2Q" if large else "<4s3I", b"PK\x07\x08", 0, size, size))
            longs = [*([size, size] if large else []), *([at] if at >= _LARGE else [])]
            extra = struct.pack(f"<2H{len(longs)}Q", 1, 8 * len(longs), *longs) if longs else b""
            short = min(size, _LARGE)
            directory.append(
                struct.pack("<I6H3I5H2I", 0x02014B50, 0, 0, 0x0808, 0, 0, 0, 0, short, short, len(title), len(extra),
                            0, 0, 0, 0, min(at, _LARGE))
                + title + extra
            )  # fmt: skip
        start, listed = out.tell(), b"".join(directory)
        number = len(directory)
        out.write(listed)
        out.write(struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 0, 0, 0, 0, number, number, len(listed), start))
        out.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, start + len(listed), 1))
        out.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, number, number, len(listed), min(start, _LARGE), 0))


def checkpoint(tensors: Mapping[str, tuple[str, Sequence[int], bytes]]) -> bytes:
    """Write a state dict of contiguous tensors, each on a storage of its own: dtype, shape and bytes by name."""
    views = {key: View(str(at), dtype, shape) for at, (key, (dtype, shape, _)) in enumerate(tensors.items())}
    storages = {str(at): raw for at, (_, _, raw) in enumerate(tensors.values())}
    pickled = dict_of({key: tensor(view) for key, view in views.items()}, ordered=True)
    return archive(PROTO + pickled + STOP, storages)


def _product(shape: Sequence[int]) -> int:
    found = 1
    for length in shape:
        found *= length
    return found
