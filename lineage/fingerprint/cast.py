"""Check whether weights are the same but for rounding to another dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.fingerprint.compare import FLOATS
from lineage.fingerprint.gguf import read_gguf
from lineage.fingerprint.header import TensorSpan, read_header
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.tensor_table import TensorRow

if TYPE_CHECKING:
    import numpy

    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.hub.interface import Hub

BLOCK_ELEMENTS = 1 << 20
"""Elements that are compared at a time: memory stays at a few tens of megabytes however large a tensor is."""

_WIDTH = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}

ReadTensor = Callable[[str, int, int], bytes]
"""Give `length` bytes from `start` of the tensor with this name."""


def is_cast(
    before: Sequence[TensorRow], after: Sequence[TensorRow], read_before: ReadTensor, read_after: ReadTensor
) -> bool | None:
    """Tell whether every tensor of one side is the other's, rounded to nearest even to its dtype.

    All tensors in one direction: `after` rounded from `before`, or the reverse, when a wider original follows. Tensors
    of equal dtype must be equal. None where names or shapes differ, nothing was retyped, or a dtype is no plain float:
    then rounding is not the question. Stops at the first difference.
    """
    old = {row.name: row for row in before}
    new = {row.name: row for row in after}
    if old.keys() != new.keys() or any(old[name].shape != new[name].shape for name in old):
        return None
    retyped = [name for name in sorted(old) if old[name].dtype != new[name].dtype]
    if not retyped or not all({old[name].dtype, new[name].dtype} <= FLOATS for name in retyped):
        return None
    forward = backward = True
    for name in sorted(old, key=lambda name: (old[name].dtype == new[name].dtype, name)):
        was, now = old[name], new[name]
        if was.dtype == now.dtype:
            if not _equal_bytes(was, now, read_before, read_after):
                return False
            continue
        forward = forward and _rounds_to(was, now, read_before, read_after)
        backward = backward and _rounds_to(now, was, read_after, read_before)
        if not forward and not backward:
            return False
    return True


class Placed(NamedTuple):
    """Say where a measured group stands."""

    hub: Hub
    model: str
    commit: str
    found: GroupFingerprint


def cast_check(before: Placed, after: Placed) -> Callable[[], bool | None]:
    """Make the check whether one side is the other rounded; it needs the files of both on this machine."""

    def check() -> bool | None:
        if before.found.rows is None or after.found.rows is None:
            return None
        files = [_local_files(side) for side in (before, after)]
        if files[0] is None or files[1] is None:
            return None
        return is_cast(before.found.rows, after.found.rows, local_tensors(files[0]), local_tensors(files[1]))

    return check


def _local_files(side: Placed) -> list[Path] | None:
    """Find a group's files on this machine; None where one is not here."""
    found = [side.hub.local_path(side.model, side.commit, path) for path in side.found.group.files]
    here = [path for path in found if path is not None]
    return here if len(here) == len(found) else None


def local_tensors(files: Sequence[Path]) -> ReadTensor:
    """Make a function that reads tensors out of safetensors or GGUF files on this machine, whatever their names."""
    spans: dict[str, tuple[Path, TensorSpan]] = {}
    for path in files:
        read_file, size = read_ranges(path, path.name), path.stat().st_size
        if read_file(0, 4) == b"GGUF":
            found = read_gguf(read_file, size, path.name).tensors or []
        else:
            found = read_header(read_file, size, path.name).tensors
        spans.update({span.name: (path, span) for span in found})

    def read(name: str, start: int, length: int) -> bytes:
        path, span = spans[name]
        return read_ranges(path, path.name)(span.begin + start, min(length, span.end - span.begin - start))

    return read


def _elements(row: TensorRow) -> int:
    """Count the elements of a tensor."""
    count = 1
    for length in row.shape:
        count *= length
    return count


def _equal_bytes(was: TensorRow, now: TensorRow, read_before: ReadTensor, read_after: ReadTensor) -> bool:
    """Compare two tensors of one dtype, by digest where both are known."""
    if was.digest is not None and now.digest is not None:
        return was.digest == now.digest
    start, block = 0, 4 * BLOCK_ELEMENTS
    while True:
        one, other = read_before(was.name, start, block), read_after(now.name, start, block)
        if one != other:
            return False
        if len(one) < block:
            return True
        start += block


def _rounds_to(source: TensorRow, target: TensorRow, read_source: ReadTensor, read_target: ReadTensor) -> bool:
    """Tell whether a tensor, rounded to the target's dtype, is the target, bit for bit but for the kind of NaN."""
    for start in range(0, _elements(source), BLOCK_ELEMENTS):
        wide, narrow = _WIDTH[source.dtype], _WIDTH[target.dtype]
        values = read_source(source.name, start * wide, BLOCK_ELEMENTS * wide)
        expected = read_target(target.name, start * narrow, BLOCK_ELEMENTS * narrow)
        if not _rounded_equal(values, source.dtype, expected, target.dtype):
            return False
    return True


def _rounded_equal(values: bytes, source: str, expected: bytes, target: str) -> bool:
    """Round a block of values and compare it with what is stored."""
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore"):
        rounded = _bits(_as_float(values, source), target)
    stored = numpy.frombuffer(expected, dtype=rounded.dtype)
    if rounded.shape != stored.shape:
        return False
    differing = rounded != stored
    if not differing.any():
        return True
    both_nan = numpy.isnan(_as_float(rounded.tobytes(), target)) & numpy.isnan(_as_float(expected, target))
    return bool((~differing | both_nan).all())


def _as_float(raw: bytes, dtype: str) -> numpy.ndarray[Any, numpy.dtype[Any]]:
    """Read stored values; BF16 becomes F32, which holds each of its values."""
    import numpy

    if dtype == "BF16":
        return (numpy.frombuffer(raw, dtype="<u2").astype("<u4") << 16).view("<f4")
    return numpy.frombuffer(raw, dtype={"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype])


def _bits(values: numpy.ndarray[Any, numpy.dtype[Any]], dtype: str) -> numpy.ndarray[Any, numpy.dtype[Any]]:
    """Round values to nearest even to a dtype, as the unsigned integers that store them."""
    import numpy

    if dtype != "BF16":
        return values.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).view(f"<u{_WIDTH[dtype]}")
    bits = values.astype("<f4").view("<u4")
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    quiet = (bits >> 16) | 0x40
    is_nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return numpy.where(is_nan, quiet, rounded).astype("<u2")
