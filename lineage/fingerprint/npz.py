"""Weights as a ZIP archive of numpy arrays (`weights.npz` of MLX): each entry is one array behind a short header."""

from __future__ import annotations

import math
import re

from lineage.fingerprint.header import MAX_TENSORS, Read
from lineage.fingerprint.pytorch.archive import Entry, NotReadError, read_archive, refuse
from lineage.fingerprint.pytorch.reader import Checkpoint, StoredTensor, Unread

MAX_REQUESTS = 2_000
"""Arrays of one file on a Hub whose headers are read, each with one request."""

_DTYPES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "V2": "BF16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u8": "U64",
    "u4": "U32", "u2": "U16", "u1": "U8", "b1": "BOOL", "c8": "C64", "c16": "C128",
}  # fmt: skip
"""Types of elements; two bytes without a type are how MLX and ml_dtypes write BF16."""

_HEADER = re.compile(
    rb"\{'descr': '([<>=|]?)([A-Za-z]+\d{0,5})', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9, ]{0,500})\),? *\} *\n?"
)
_MAGIC = b"\x93NUMPY"
_LOCAL_BYTES = 4_096
"""Bytes that hold the local header of an entry and the header of its array."""


def read_npz(read: Read, size: int | None, file: str, *, remote: bool) -> Checkpoint | Unread:
    """Read which arrays are in an archive, and where, with one read for each after those of the directory.

    Nothing is unpickled: an array of Python objects makes the file known by its hash only, as compressed arrays do.
    Raises FormatError where the file breaks its format.
    """
    if size is None:
        return Unread("its size is not known, and it is read from its end")
    try:
        entries = read_archive(read, size, file, in_folder=False)
        if entries is None:
            return Unread("it is not a ZIP archive of arrays")
        if len(entries) > (MAX_REQUESTS if remote else MAX_TENSORS):
            return Unread(f"it has {len(entries):,} arrays, each with a header of its own")
        tensors = [_array(entry, read, file) for entry in entries.values()]
    except NotReadError as error:
        return Unread(error.reason)
    tensors.sort(key=lambda tensor: (tensor.begin, -tensor.extent, tensor.name))
    return Checkpoint(tensors, entries, file)


def _array(entry: Entry, read: Read, file: str) -> StoredTensor:
    """Read the header of one array, and place its values."""
    if not entry.name.endswith(".npy"):
        raise NotReadError(f"it holds {entry.name[:200]!r}, which is not an array", file)
    if not entry.is_stored:
        raise NotReadError("its arrays are compressed", file)
    raw = read(entry.at, min(entry.end - entry.at, _LOCAL_BYTES))
    start = entry.start_by_header(raw, file) - entry.at
    head = raw[start : start + entry.size]
    width = {1: 2, 2: 4, 3: 4}.get(head[6] if len(head) > 8 else 0)
    if width is None or not head.startswith(_MAGIC):
        refuse(file, f"{entry.name[:200]!r} is not a numpy array", "numpy")
    length = int.from_bytes(head[8 : 8 + width], "little")
    begin = 8 + width + length
    found = _HEADER.fullmatch(head[8 + width : begin].rstrip(b"\n ") + b"\n")
    if found is None:
        raise NotReadError(f"the array {entry.name[:200]!r} has a structured type or a long header", file)
    order, kind, by_columns, dimensions = (each.decode() for each in found.groups())
    dtype = _DTYPES.get(kind)
    if kind == "O" or dtype is None:
        what = "Python objects, pickled" if kind == "O" else f"elements of the type {kind!r}"
        raise NotReadError(f"the array {entry.name[:200]!r} holds {what}", file)
    if order == ">":
        raise NotReadError("its values are big-endian", file)
    shape = tuple(int(each) for each in dimensions.replace(" ", "").split(",") if each)
    stride = _strides(shape, by_columns=by_columns == "True")
    tensor = StoredTensor(entry.name.removesuffix(".npy"), dtype, shape, stride, 0, entry.name)
    if math.prod(shape) >= 1 << 60 or begin + tensor.elements * tensor.width != entry.size:
        refuse(file, f"{entry.name[:200]!r} does not have the bytes that its shape asks for", "numpy")
    return tensor._replace(begin=entry.expected_start + begin)


def _strides(shape: tuple[int, ...], *, by_columns: bool) -> tuple[int, ...]:
    """Work out the elements between neighbours in each dimension."""
    strides, step = [], 1
    for length in shape if by_columns else reversed(shape):
        strides.append(step)
        step *= length
    return tuple(strides if by_columns else reversed(strides))
