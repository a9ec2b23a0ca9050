"""The form of PyTorch before 1.6: pickles one after another, then each storage behind its number of elements."""

from __future__ import annotations

from typing import Any, NamedTuple

from lineage.errors import FormatError
from lineage.fingerprint.header import Read
from lineage.fingerprint.pytorch.archive import NotReadError, refuse
from lineage.fingerprint.pytorch.pickle import PickleWalk
from lineage.fingerprint.pytorch.values import Mapping, Storage

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of such a file: a number of ten bytes."""

_READS = (1 << 20, 1 << 26)
"""Bytes that are read from the start of the file, one after another, until they hold all pickles."""

_PROTOCOL = 1001
_NUMBER = 8
"""Bytes of the number before each storage."""


class Counted(NamedTuple):
    """A storage at `at`: its number of elements, then its `size` bytes."""

    at: int
    size: int
    elements: int

    @property
    def header_length(self) -> int:
        """Return the bytes of the number."""
        return _NUMBER

    @property
    def expected_start(self) -> int:
        """Return where the values begin."""
        return self.at + _NUMBER

    def start_by_header(self, header: bytes, file: str) -> int:
        """Return where the values begin, if the number before them is that of the pickle."""
        if int.from_bytes(header[:_NUMBER], "little") != self.elements or len(header) < _NUMBER:
            refuse(file, "a storage does not lie where its pickle says")
        return self.at + _NUMBER


def read_before_zip(
    start: bytes, read: Read, size: int, file: str
) -> tuple[Any, dict[str, Counted], dict[str, Storage]]:
    """Read the object of such a file, where its storages lie, and what they are.

    `start` are the first bytes, which hold all of it but the storages in most files. Raises FormatError, NotReadError.
    """
    for length in _READS:
        if len(start) >= size:
            break
        try:
            return _parsed(start, size, file)
        except NotReadError:
            raise
        except FormatError:
            start = read(0, min(length, size))
    return _parsed(start, size, file)


def _parsed(data: bytes, size: int, file: str) -> tuple[Any, dict[str, Counted], dict[str, Storage]]:
    """Walk over the five pickles: magic number, protocol, machine, object, and the keys of the storages in order."""
    walk = PickleWalk(data, file)
    protocol = walk.walk(len(MAGIC))
    if type(protocol.value) is not int or protocol.value != _PROTOCOL:
        raise NotReadError("it has an unknown version of the form before ZIP", file)
    machine = walk.walk(protocol.end)
    pairs = machine.value.pairs if isinstance(machine.value, Mapping) else []
    if not any(type(key) is str and key == "little_endian" and value is True for key, value in pairs):
        raise NotReadError("its values are not little-endian", file)
    found = walk.walk(machine.end)
    keys = walk.walk(found.end)
    if type(keys.value) is not list or not all(type(key) is str for key in keys.value):
        refuse(file, "the list of its storages is not one")
    entries: dict[str, Counted] = {}
    at = keys.end
    for key in keys.value:
        storage = walk.storages.get(key)
        if storage is None or key in entries:
            refuse(file, f"the storage {key[:200]!r} is listed twice, or for no tensor")
        entries[key] = Counted(at, storage.size, storage.elements)
        at += _NUMBER + storage.size
    if at != size:
        refuse(file, f"its storages end at byte {at:,}, and the file has {size:,}")
    return found.value, entries, walk.storages
