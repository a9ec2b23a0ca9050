"""Check whether weights are the same but for rounding to another dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import FormatError, HubError, InputError
from lineage.fingerprint.compare import FLOATS
from lineage.fingerprint.gguf import read_gguf
from lineage.fingerprint.header import Read, TensorSpan, read_header
from lineage.fingerprint.npz import read_npz
from lineage.fingerprint.pytorch.gather import read_elements
from lineage.fingerprint.pytorch.reader import (
    Checkpoint,
    StoredTensor,
    Unread,
    begins_like_checkpoint,
    read_checkpoint,
)
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.tensor_table import TensorRow

if TYPE_CHECKING:
    import numpy

    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.hub.interface import Hub

BLOCK_ELEMENTS = 1 << 20
"""Elements that are compared at a time: memory stays at a few tens of megabytes however large a tensor is."""

WINDOW_BYTES = 8 << 20
"""What one request of a remote Hub fetches at least: a model has hundreds of tensors of a few kilobytes."""

SECOND_READING = "only a second reading distinguishes a cast from other values, and it exceeds --max-bytes"

_WIDTH = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}

ReadTensor = Callable[[str, int, int], bytes]
"""Give `length` bytes from `start` of the tensor with this name."""


def is_cast(
    before: Sequence[TensorRow], after: Sequence[TensorRow], read_before: ReadTensor, read_after: ReadTensor
) -> bool | None:
    """Return whether every tensor of one side is that of the other, rounded to nearest even to its dtype.

    All tensors in one direction: `after` rounded from `before`, or the reverse, when a wider original follows. Tensors
    of equal dtype must be equal. None where names or shapes differ, nothing was retyped, or a dtype is not a plain
    float: then rounding is not the question. Stops at the first difference.
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
    """A measured group with its Hub, model and commit."""

    hub: Hub
    model: str
    commit: str
    found: GroupFingerprint


class OnDisk(NamedTuple):
    """A measured file on this machine that belongs to no repository."""

    file: Path
    found: GroupFingerprint


class CastCheck:
    """Check whether one side is the other, rounded, where their values can be read.

    Files on this machine are read in place. Those of a remote Hub, read in full before, are read again by ranges where
    `afford` allows their bytes: only the first reading shows that nothing but dtypes differ. `problem` says afterwards
    what could not be read.
    """

    def __init__(self, before: Placed, after: Placed | OnDisk, afford: Callable[[int | None], bool]) -> None:
        self._sides = (before, after)
        self._afford = afford
        self.problem: str | None = None

    def __call__(self) -> bool | None:
        """Return whether it is a cast; None where that could not be checked."""
        before, after = (side.found.rows for side in self._sides)
        if before is None or after is None:
            return None
        try:
            remote = [side.found for side in self._sides if _local_files(side) is None]
            if any(found.level != "full" for found in remote):
                return None
            sizes = [found.byte_size for found in remote]
            if remote and not self._afford(None if None in sizes else sum(size or 0 for size in sizes)):
                self.problem = SECOND_READING
                return None
            return is_cast(before, after, *(_reader(side) for side in self._sides))
        except (HubError, FormatError, InputError) as error:
            self.problem = error.message
            return None


def _reader(side: Placed | OnDisk) -> ReadTensor:
    """Make a function that reads the side's tensors, on this machine or by ranges."""
    if isinstance(side, OnDisk):
        return local_tensors([side.file])
    local = _local_files(side)
    return remote_tensors(side) if local is None else local_tensors(local)


def _local_files(side: Placed | OnDisk) -> list[Path] | None:
    """Find a group's files on this machine; None where one is not here."""
    if isinstance(side, OnDisk):
        return [side.file]
    found = [side.hub.local_path(side.model, side.commit, path) for path in side.found.group.files]
    here = [path for path in found if path is not None]
    return here if len(here) == len(found) else None


def local_tensors(files: Sequence[Path]) -> ReadTensor:
    """Make a function that reads tensors of files on this machine in any format that has them, whatever their names."""
    return _tensors([(read_ranges(path, path.name), path.stat().st_size, path.name) for path in files])


def remote_tensors(side: Placed) -> ReadTensor:
    """Make a function that reads the tensors of a group on a Hub by ranges; it raises HubError as the Hub does."""

    def ranges(path: str) -> Read:
        return in_windows(lambda start, length: side.hub.read(side.model, side.commit, path, start, length))

    return _tensors([(ranges(entry.path), entry.size, entry.path) for entry in side.found.files])


def in_windows(read: Read) -> Read:
    """Fetch WINDOW_BYTES at least and keep the last of them: neighbours are asked for one after another."""
    held_from, held = 0, b""

    def windowed(start: int, length: int) -> bytes:
        nonlocal held_from, held
        if not held_from <= start <= start + length <= held_from + len(held):
            held_from, held = start, read(start, max(length, WINDOW_BYTES))
        return held[start - held_from : start - held_from + length]

    return windowed


def _tensors(files: Sequence[tuple[Read, int | None, str]]) -> ReadTensor:
    """Find the tensors in some files, each given by what reads it, its size and its name."""
    found: dict[str, Callable[[int, int], bytes]] = {}
    for read_file, size, name in files:
        found.update(_tensors_of(read_file, size, name))

    def read(name: str, start: int, length: int) -> bytes:
        return found[name](start, length)

    return read


def _tensors_of(read: Read, size: int | None, name: str) -> Iterator[tuple[str, Callable[[int, int], bytes]]]:
    """Give for each tensor of a file what reads its bytes."""
    start = read(0, 16)
    if start.startswith(b"GGUF"):
        for span in read_gguf(read, size, name).tensors or []:
            yield span.name, partial(_read_span, read, span)
    elif begins_like_checkpoint(start):
        found = read_npz(read, size, name, remote=False) if name.endswith(".npz") else read_checkpoint(read, size, name)
        if isinstance(found, Unread):
            raise FormatError(f"{name} is known by its hash only: {found.reason}.", file=name)
        for tensor in found.tensors:
            yield tensor.name, partial(_read_stored, read, found, tensor)
    else:
        for span in read_header(read, size, name).tensors:
            yield span.name, partial(_read_span, read, span)


def _read_span(read: Read, span: TensorSpan, start: int, length: int) -> bytes:
    """Read bytes of a tensor that lies in one piece."""
    return read(span.begin + start, max(min(length, span.end - span.begin - start), 0))


def _read_stored(read: Read, checkpoint: Checkpoint, tensor: StoredTensor, start: int, length: int) -> bytes:
    """Read bytes of a tensor of a checkpoint in the order of its indices."""
    (exact,) = checkpoint.exact(read, [tensor]).tensors
    first = start // exact.width
    count = min(-(-length // exact.width), exact.elements - first)
    return read_elements(exact, read, first, count) if count > 0 else b""


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
    """Return whether a tensor, rounded to the target's dtype, is the target, bit for bit except for the kind of NaN."""
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
