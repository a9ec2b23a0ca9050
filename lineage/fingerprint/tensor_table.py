"""Tensor tables: the plain rows that a fingerprint works on, and their form at rest."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from lineage.errors import FormatError

_VERSION = b"tensors.v1\n"
_MAX_UNPACKED = 500_000_000
_TOO_LONG = 1 << 64
_PIECE = 1_000_000
"""Bytes that `check_tensors` holds at a time."""


class TensorRow(NamedTuple):
    """One tensor of a group: `digest` is the hex BLAKE3-256 of its bytes, None below level full."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: str | None
    file: str


def sort_rows(rows: Iterable[TensorRow]) -> list[TensorRow]:
    """Order rows by name; one tensor in two files of a group raises FormatError, because either may be loaded."""
    ordered = sorted(rows, key=lambda row: row.name.encode())
    for before, after in pairwise(ordered):
        if before.name == after.name:
            files = f"{before.file} and {after.file}" if before.file != after.file else f"{before.file} twice"
            raise FormatError(
                f"The tensor {before.name!r} is in {files}.",
                file=after.file,
                hint="Shards of one set must not share tensors: leave out the file that does not belong to it.",
            )
    return ordered


def count_parameters(rows: Iterable[TensorRow]) -> int:
    """Count elements over all tensors, as stored: packed formats count their words."""
    total = 0
    for row in rows:
        elements = 1
        for length in row.shape:
            elements *= length
        total += elements
    return total


def pack_tensors(rows: Iterable[TensorRow]) -> bytes:
    """Write a tensor table for the store: the same rows give the same bytes, whatever their order.

    A version line, then compressed JSON: the dtypes and files once, then a list for each row. `unpack_tensors` is
    its inverse up to order.
    """
    ordered = sort_rows(rows)
    dtypes = sorted({row.dtype for row in ordered})
    files = sorted({row.file for row in ordered})
    dtype_at = {dtype: at for at, dtype in enumerate(dtypes)}
    file_at = {file: at for at, file in enumerate(files)}
    table = [[row.name, dtype_at[row.dtype], list(row.shape), row.digest, file_at[row.file]] for row in ordered]
    content = json.dumps([dtypes, files, table], separators=(",", ":"), ensure_ascii=False)
    return _VERSION + zlib.compress(content.encode(), 6)


def check_tensors(data: bytes) -> None:
    """Check that a tensor table is whole, in constant memory; raises FormatError where it is not.

    The compressed text ends with a checksum, so nothing in it is parsed.
    """
    if not data.startswith(_VERSION):
        raise FormatError("This is not a tensor table that this version can read.")
    inflate, rest, size = zlib.decompressobj(), data[len(_VERSION) :], 0
    try:
        while rest and not inflate.eof and size <= _MAX_UNPACKED:
            size += len(inflate.decompress(rest, _PIECE))
            rest = inflate.unconsumed_tail
    except zlib.error as error:
        raise FormatError("The tensor table is damaged.") from error
    if not inflate.eof or inflate.unused_data:
        raise FormatError("The tensor table is damaged.")


def unpack_tensors(data: bytes) -> Sequence[TensorRow]:
    """Read a tensor table back, in order of name; raises FormatError where the bytes are not such a table."""
    if not data.startswith(_VERSION):
        raise FormatError("This is not a tensor table that this version can read.")
    try:
        inflate = zlib.decompressobj()
        content = inflate.decompress(data[len(_VERSION) :], _MAX_UNPACKED)
        if not inflate.eof or inflate.unused_data:
            raise ValueError("its end is missing")
        dtypes, files, table = json.loads(content)
        return _rows(_texts(dtypes), _texts(files), table)
    except (zlib.error, ValueError, TypeError, IndexError, RecursionError) as error:
        raise FormatError("The tensor table is damaged.") from error


def _texts(values: object) -> list[str]:
    """Return a list of texts that can be encoded. Raises ValueError for all else."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("not a list of texts")
    "".join(values).encode()  # half a surrogate pair raises, which JSON can spell
    return values


def _rows(dtypes: list[str], files: list[str], table: list[Any]) -> list[TensorRow]:
    """Make the rows of a table. Raises ValueError, TypeError or IndexError for what `pack_tensors` does not write."""
    _texts([name for name, *_ in table])
    rows = [
        TensorRow(name, dtypes[dtype], tuple(shape), digest, files[file]) for name, dtype, shape, digest, file in table
    ]
    if any(dtype < 0 or file < 0 for _, dtype, _, _, file in table):
        raise ValueError("an index is negative")
    for row in rows:
        if not all(type(length) is int and 0 <= length < _TOO_LONG for length in row.shape):
            raise ValueError("a shape is not a list of counts")
        if row.digest is not None and not (isinstance(row.digest, str) and row.digest.isascii()):
            raise ValueError("a digest is not one")
    return rows
