"""The tensors of a checkpoint: what each is called, and where its values are in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lineage.errors import FormatError
from lineage.fingerprint.header import Read, TensorSpan
from lineage.fingerprint.pytorch.archive import FIRST_READ, Entry, NotReadError, read_archive, refuse
from lineage.fingerprint.pytorch.before_zip import MAGIC, Counted, read_before_zip
from lineage.fingerprint.pytorch.pickle import PickleWalk
from lineage.fingerprint.pytorch.state import find_weights
from lineage.fingerprint.pytorch.values import BITS, Storage, Tensor
from lineage.fingerprint.weight_files import weight_suffix

MAX_PICKLE_BYTES = 64_000_000
"""Our limit; the pickle of 100,000 tensors has 15 MB."""

_BESIDE = 65_536
"""Bytes after the pickle that one read takes with it, if the note on the order of bytes is in them."""

_LONGEST_HEADER = 65_600
"""Bytes of a local header that one read allows for."""

_FREE_BYTES, _PER_BYTE = 64_000_000, 4
"""Bytes that all tensors may have together: a fixed number, and more for each byte of the file."""

_LITTLE, _BIG = b"little", b"big"
_ZIP_START = b"PK\x03\x04"

_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt"})


class StoredTensor(NamedTuple):
    """One tensor and where its values are: element 0 is at byte `begin` of the file, `stride` counts elements.

    `storage` is the key of the stored entry: tensors with the same key are tied to each other, or views of one tensor.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    begin: int
    storage: str

    @property
    def width(self) -> int:
        """Return the bytes of one element."""
        return BITS[self.dtype] // 8

    @property
    def elements(self) -> int:
        """Count elements."""
        found = 1
        for length in self.shape:
            found *= length
        return found

    @property
    def is_contiguous(self) -> bool:
        """Return whether the elements follow each other in the file in the order of their indices."""
        expected = 1
        for length, stride in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if length != 1 and stride != expected:
                return not self.elements
            expected *= length
        return True

    @property
    def extent(self) -> int:
        """Return the bytes from the first element to the end of the last."""
        if not self.elements:
            return 0
        last = sum((length - 1) * stride for length, stride in zip(self.shape, self.stride, strict=True))
        return (last + 1) * self.width

    @property
    def span(self) -> TensorSpan:
        """Return the bytes that hold the tensor, which are its own only where it is contiguous."""
        shape = self.shape
        if self.dtype == "F4" and shape:
            shape = (*shape[:-1], 2 * shape[-1])  # as safetensors counts them, which has no pairs
        return TensorSpan(self.name, self.dtype, shape, self.begin, self.begin + self.extent)


class Checkpoint(NamedTuple):
    """The tensors of one file in order of their bytes, and the entries that hold them by key.

    Where an entry begins follows from the directory and from how PyTorch aligns entries; `exact` reads what the local
    headers say instead.
    """

    tensors: list[StoredTensor]
    entries: Mapping[str, Entry | Counted]
    file: str

    def exact(self, read: Read, only: Sequence[StoredTensor] | None = None) -> Checkpoint:
        """Give tensors with their places by the local headers: one small read for each entry.

        Raises FormatError where a header contradicts the directory.
        """
        chosen = self.tensors if only is None else list(only)
        moved = {
            key: self.entries[key].start_by_header(
                read(self.entries[key].at, self.entries[key].header_length), self.file
            )
            - self.entries[key].expected_start
            for key in dict.fromkeys(tensor.storage for tensor in chosen)
        }
        tensors = [tensor._replace(begin=tensor.begin + moved[tensor.storage]) for tensor in chosen]
        return self._replace(tensors=tensors)


class Unread(NamedTuple):
    """The reason why a file is known by its hash only, and the names that its pickle would call."""

    reason: str
    calls: tuple[str, ...] = ()


def read_checkpoint(read: Read, size: int | None, file: str) -> Checkpoint | Unread:
    """Read the tensor table of a checkpoint with at most three reads, without executing anything of it.

    Raises FormatError where the file breaks its format: a directory that two tools could read in two ways, a damaged
    pickle, storages that are missing or too short, tensors beyond their storage, sizes without bounds.
    """
    if size is None:
        return Unread("its size is not known, and it is read from its end")
    if size <= FIRST_READ:
        read = _of_bytes(read(0, size))
    try:
        entries = read_archive(read, size, file)
        if entries is not None:
            return _checkpoint(*_of_archive(entries, read, file), size, file)
        start = read(0, min(FIRST_READ, size))
        if start.startswith(MAGIC):
            return _checkpoint(*read_before_zip(start, read, size, file), size, file)
        if start.startswith(_ZIP_START):
            refuse(file, "it is cut short, or has bytes after its end")
        return _other_form(start, file)
    except NotReadError as error:
        return Unread(error.reason, error.calls)


def _other_form(start: bytes, file: str) -> Unread:
    """Say what a file is that PyTorch did not write; loading it as a checkpoint would execute a pickle all the same."""
    reason = "it is a pickle that PyTorch did not write"
    marked = start.startswith(b"\x80")  # the first pickles had no mark: a text is one if it would call something
    try:
        PickleWalk(start, file).walk()
    except NotReadError as error:
        if marked or error.calls:
            return Unread(f"{reason}: {error.reason}", error.calls)
    except FormatError:
        pass
    return Unread(reason if marked else "it is not a PyTorch file")


def begins_like_checkpoint(start: bytes) -> bool:
    """Return whether the first bytes of a weight file, 16 of them, are those of a checkpoint and not a JSON header."""
    return start.startswith(MAGIC[:16]) or (start.startswith(_ZIP_START) and start[8:9] != b"{")


def is_checkpoint(read: Read, size: int, file: str) -> bool:
    """Return whether a file of any name is what PyTorch writes, whether or not it can be read further."""
    if read(0, 4) != _ZIP_START:
        return read(0, len(MAGIC)) == MAGIC
    try:
        return "data.pkl" in (read_archive(read, size, file) or {})
    except NotReadError:
        return False
    except FormatError:
        return weight_suffix(file) in _SUFFIXES


def _of_bytes(whole: bytes) -> Read:
    """Read ranges of a small file that was read whole."""
    return lambda start, length: whole[start : start + length]


def _of_archive(entries: dict[str, Entry], read: Read, file: str) -> tuple[Any, dict[str, Entry], dict[str, Storage]]:
    """Read the object of an archive, which entries hold its storages, and what these are."""
    if "constants.pkl" in entries or any(name.startswith("code/") for name in entries):
        raise NotReadError("it is a TorchScript archive, which holds code", file)
    described = entries.get("data.pkl")
    if described is None:
        raise NotReadError("it is a ZIP archive that PyTorch did not write", file)
    if not described.is_stored:
        raise NotReadError("its pickle is compressed", file)
    if described.size > MAX_PICKLE_BYTES:
        refuse(file, f"its pickle has {described.size:,} bytes, the limit is {MAX_PICKLE_BYTES:,}")
    walk = PickleWalk(_pickle(described, entries.get("byteorder"), read, file), file)
    value = walk.walk().value
    return value, {key: _entry_of(storage, entries, file) for key, storage in walk.storages.items()}, walk.storages


def _checkpoint(
    value: Any, entries: Mapping[str, Entry | Counted], storages: Mapping[str, Storage], size: int, file: str
) -> Checkpoint:
    """Find the weights, and place them in the file."""
    weights = find_weights(value, file)
    missing = next((key for key in storages if key not in entries), None)
    if missing is not None:
        refuse(file, f"the storage {missing[:200]!r} is missing")
    tensors = [_placed(name, tensor, entries[tensor.storage.key], file) for name, tensor in weights.items()]
    tensors.sort(key=lambda tensor: (tensor.begin, -tensor.extent, tensor.name))
    _check_total(tensors, size, file)
    used = dict.fromkeys(tensor.storage for tensor in tensors)
    return Checkpoint(tensors, {key: entries[key] for key in used}, file)


def _check_total(tensors: Sequence[StoredTensor], size: int, file: str) -> None:
    """Refuse tensors that repeat the bytes of a small storage without bounds."""
    each = {(tensor.begin, tensor.shape, tensor.stride): tensor.elements * tensor.width for tensor in tensors}
    total = sum(each.values())
    if total > _FREE_BYTES + _PER_BYTE * size:
        refuse(file, f"its tensors repeat their storages: {total:,} bytes in a file of {size:,}")


def _pickle(described: Entry, order: Entry | None, read: Read, file: str) -> bytes:
    """Read the pickle, with its local header, and see that the values are little-endian."""
    until = min(described.end, described.at + described.header_length + _LONGEST_HEADER + described.size)
    if order is not None and until <= order.at <= order.end <= until + _BESIDE:
        until = order.end
    raw = read(described.at, until - described.at)
    start = described.start_by_header(raw, file) - described.at
    data = raw[start : start + described.size]
    if len(data) < described.size:
        refuse(file, "it ends inside its pickle")
    if order is not None:
        _check_order(order, raw[order.at - described.at :] if described.at <= order.at else b"", read, file)
    return data


def _check_order(order: Entry, raw: bytes, read: Read, file: str) -> None:
    """Check the note on the order of bytes, which files before PyTorch 2.1 do not have."""
    if order.size > 100 or not order.is_stored:
        refuse(file, "its note on the order of bytes is not one")
    if len(raw) < order.end - order.at:
        raw = read(order.at, min(order.end - order.at, _LONGEST_HEADER))
    start = order.start_by_header(raw, file) - order.at
    found = raw[start : start + order.size]
    if found == _BIG:
        raise NotReadError("its values are big-endian", file)
    if found != _LITTLE:
        refuse(file, "its note on the order of bytes is not one")


def _entry_of(storage: Storage, entries: dict[str, Entry], file: str) -> Entry:
    """Find the entry that holds a storage, which must have all its bytes."""
    entry = entries.get(f"data/{storage.key}")
    if entry is None:
        refuse(file, f"the storage {storage.key[:200]!r} is missing")
    if not entry.is_stored:
        raise NotReadError("its storages are compressed", file)
    if entry.size < storage.size:
        refuse(file, f"the storage {storage.key[:200]!r} has {entry.size:,} bytes and needs {storage.size:,}")
    return entry


def _placed(name: str, tensor: Tensor, entry: Entry | Counted, file: str) -> StoredTensor:
    """Place a tensor in the file; it must lie inside its storage."""
    width = BITS[tensor.dtype] // 8
    found = StoredTensor(name, tensor.dtype, tensor.shape, tensor.stride, 0, tensor.storage.key)
    if found.elements >= 1 << 60 or tensor.offset * width + found.extent > tensor.storage.size:
        refuse(file, f"the tensor {name[:200]!r} does not lie inside its storage")
    return found._replace(begin=entry.expected_start + tensor.offset * width)
