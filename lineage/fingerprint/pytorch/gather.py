"""Values of a view in the order of their indices, gathered from its storage in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lineage.fingerprint.header import Read
from lineage.fingerprint.pytorch.reader import StoredTensor

if TYPE_CHECKING:
    import numpy

BLOCK_ELEMENTS = 1 << 19
"""Elements that are gathered at a time: with their places they take about 20 MB."""

WINDOW_BYTES = 4 << 20
"""What one read fetches at most."""

_GAP_BYTES = 16 << 10
"""Bytes between two values that are read with them, because another read would take longer."""


def read_tensor(tensor: StoredTensor, read: Read) -> Iterator[bytes]:
    """Yield the bytes of a tensor as its contiguous copy has them, a block at a time."""
    if tensor.is_contiguous:
        for start in range(0, tensor.extent, WINDOW_BYTES):
            yield read(tensor.begin + start, min(WINDOW_BYTES, tensor.extent - start))
        return
    for first in range(0, tensor.elements, BLOCK_ELEMENTS):
        yield read_elements(tensor, read, first, min(BLOCK_ELEMENTS, tensor.elements - first))


def read_elements(tensor: StoredTensor, read: Read, first: int, count: int) -> bytes:
    """Return the bytes of `count` elements from the one with the index `first`, counted in C order."""
    import numpy

    if tensor.is_contiguous:
        return read(tensor.begin + first * tensor.width, count * tensor.width)
    places = _places(tensor, first, count)
    order = numpy.argsort(places, kind="stable")
    ordered = places[order]
    cuts = numpy.flatnonzero(numpy.diff(ordered) * tensor.width > _GAP_BYTES) + 1
    gathered = numpy.empty((count, tensor.width), dtype=numpy.uint8)
    for begin, end in _pieces(ordered, cuts, tensor.width):
        start = int(ordered[begin])
        length = int(ordered[end - 1]) - start + 1
        raw = read(tensor.begin + start * tensor.width, length * tensor.width)
        values = numpy.frombuffer(raw, dtype=numpy.uint8).reshape(length, tensor.width)
        gathered[order[begin:end]] = values[ordered[begin:end] - start]
    return gathered.tobytes()


def _places(tensor: StoredTensor, first: int, count: int) -> numpy.ndarray[Any, numpy.dtype[numpy.int64]]:
    """Work out where elements are in the storage, counted in elements from the first."""
    import numpy

    left = numpy.arange(first, first + count, dtype=numpy.int64)
    places = numpy.zeros(count, dtype=numpy.int64)
    for length, stride in zip(reversed(tensor.shape), reversed(tensor.stride), strict=True):
        left, index = numpy.divmod(left, length)
        places += index * stride
    return places


def _pieces(ordered: numpy.ndarray[Any, Any], cuts: numpy.ndarray[Any, Any], width: int) -> Iterator[tuple[int, int]]:
    """Cut ordered places at the gaps, and where a piece is longer than one read."""
    import numpy

    longest = WINDOW_BYTES // width
    begin = 0
    for cut in [*cuts.tolist(), len(ordered)]:
        while int(ordered[cut - 1]) - int(ordered[begin]) >= longest:
            part = begin + int(numpy.searchsorted(ordered[begin:cut], ordered[begin] + longest))
            yield begin, part
            begin = part
        yield begin, cut
        begin = cut
