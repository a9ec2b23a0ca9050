"""The ZIP archive of a checkpoint: its directory, read from the end of the file, and where its entries lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, NoReturn

from lineage.errors import FormatError
from lineage.fingerprint.header import Read

FIRST_READ = 65_536
"""Bytes from the end of the file that one read takes at first: they hold the directory of 700 tensors."""

MAX_ENTRIES = 250_000
MAX_DIRECTORY_BYTES = 50_000_000
"""Our limits, many times what real files hold: they bound the memory that a hostile directory takes."""

LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_STORED, _ENCRYPTED, _DESCRIBED_AFTER, _ZIP64_FIELD = 0, 1, 8, 1
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF

_ALIGNMENT = 64
"""PyTorch fills the local headers up so that the bytes of each entry begin at a multiple of it."""

_DESCRIPTORS = (16, 24, 12, 20)
"""Sizes of what may follow an entry's bytes: sums and sizes of 32 or 64 bits, mostly with a signature."""


class NotReadError(FormatError):
    """Report that a file holds something that is not read; `calls` names what its pickle would call."""

    def __init__(self, reason: str, file: str, calls: tuple[str, ...] = ()) -> None:
        super().__init__(f"{file} is known by its hash only: {reason}.", file=file)
        self.reason, self.calls = reason, calls


class Entry(NamedTuple):
    """One file of an archive: its local header is at `at`, and the next entry, or the directory, at `end`."""

    name: str
    at: int
    size: int
    end: int
    is_stored: bool
    described_after: bool

    @property
    def header_length(self) -> int:
        """Return the bytes of the local header without its extra fields."""
        return LOCAL_HEADER.size + len(self.name.encode())

    @property
    def expected_start(self) -> int:
        """Work out where the entry's bytes begin, without the local header that says so.

        Nothing but a descriptor lies between them and the next entry, and PyTorch aligns them.
        """
        last = self.end - self.size
        if not self.described_after:
            return last
        least = self.at + self.header_length
        starts = [last - length for length in _DESCRIPTORS if last - length >= least]
        aligned = [start for start in starts if start % _ALIGNMENT == 0]
        return next(iter([*aligned, *starts]), last)

    def start_by_header(self, header: bytes, file: str) -> int:
        """Return where the entry's bytes begin by its local header, which must agree with the directory."""
        if len(header) < self.header_length:
            refuse(file, f"it ends inside the header of {self.name[:200]!r}")
        magic, _, flags, method, *_, size, name_length, extra_length = LOCAL_HEADER.unpack_from(header)
        name = header[LOCAL_HEADER.size : self.header_length]
        if magic != b"PK\x03\x04" or name_length != len(name) or name != self.name.encode() or flags & _ENCRYPTED:
            refuse(file, f"there is no header of {self.name[:200]!r} where its directory says")
        if (method == _STORED) != self.is_stored or size not in (0, self.size, _MAX_32):
            refuse(file, f"the header of {self.name[:200]!r} contradicts its directory")
        start = self.at + self.header_length + int(extra_length)
        if start + self.size > self.end:
            refuse(file, f"{self.name[:200]!r} overlaps the entry after it")
        return start


def refuse(file: str, what: str, kind: str = "PyTorch") -> NoReturn:
    """Refuse a file with a message that names it and its kind."""
    raise FormatError(
        f"{file} is not a valid {kind} file: {what}.",
        file=file,
        hint="Download the file again; if it stays so, its publisher has to repair it. Do not load it.",
    )


def read_archive(read: Read, size: int, file: str, *, in_folder: bool = True) -> dict[str, Entry] | None:
    """Read the entries of an archive by name with two reads at most; None where it does not end as an archive does.

    With `in_folder` the names are those inside the folder of the first entry, and entries beside it are left out:
    PyTorch does not find them. Raises FormatError for an archive in which two tools could find different files:
    duplicate names, overlapping entries, several disks, bytes before the first entry or after the end.
    """
    tail_at = max(size - FIRST_READ, 0)
    tail = read(tail_at, size - tail_at)
    end = _find_end(tail, tail_at, size, file)
    if end is None:
        return None
    count, length, at = end
    if count > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        refuse(file, f"its directory claims {count:,} entries in {length:,} bytes")
    if at >= tail_at:
        raw = tail[at - tail_at : at - tail_at + length]
    else:
        raw = read(at, tail_at - at) + tail[: max(at + length - tail_at, 0)]
        raw = raw[:length]
    if len(raw) < length:
        refuse(file, "it ends inside its directory")
    entries = list(_entries(raw, count, at, file))
    if not entries:
        raise NotReadError("it is an empty archive", file)
    placed = _placed(entries, at, file)
    folder = entries[0].name.partition("/")[0] + "/" if in_folder else ""
    return {each.name.removeprefix(folder): each for each in placed if each.name.startswith(folder)}


def _find_end(tail: bytes, tail_at: int, size: int, file: str) -> tuple[int, int, int] | None:
    """Find how many entries the directory has, its length and its place; None where the file ends otherwise."""
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\x05\x06"):
        return None
    _, disk, first_disk, here, count, length, at, comment = _END.unpack_from(tail, len(tail) - _END.size)
    end = size - _END.size
    found = (count, length, at)
    locator = len(tail) - _END.size - _LOCATOR_64.size
    if locator >= 0 and tail.startswith(b"PK\x06\x07", locator):
        found, end = _find_end_64(tail, tail_at, locator, file)
        pairs = zip((count, length, at), found, (_MAX_16, _MAX_32, _MAX_32), strict=True)
        if any(short not in (long, limit) for short, long, limit in pairs):
            refuse(file, "its two ends contradict each other")
        here = count if here == count else -1
    if comment or disk or first_disk or here != count:
        refuse(file, "its end is not that of an archive in one file")
    if found[2] + found[1] != end:
        refuse(file, "its directory is not where its end says")
    return found


def _find_end_64(tail: bytes, tail_at: int, locator: int, file: str) -> tuple[tuple[int, int, int], int]:
    """Read the end of a large archive, and return it with its place."""
    _, disk, at, disks = _LOCATOR_64.unpack_from(tail, locator)
    begin = locator - _END_64.size
    if begin < 0 or at != tail_at + begin or disk or disks > 1:
        refuse(file, "its end is not that of an archive in one file")
    magic, length, _, _, disk, first_disk, here, count, size, start = _END_64.unpack_from(tail, begin)
    if magic != b"PK\x06\x06" or length != _END_64.size - 12 or disk or first_disk or here != count:
        refuse(file, "its end is not that of an archive in one file")
    return (count, size, start), at


def _entries(raw: bytes, count: int, limit: int, file: str) -> Iterator[Entry]:
    """Read the directory; each entry's `end` is set later."""
    position = 0
    seen: set[str] = set()
    for _ in range(count):
        if position + _ENTRY.size > len(raw):
            refuse(file, "its directory is shorter than its number of entries needs")
        (magic, _, _, flags, method, _, _, _, packed, size, name_length, extra_length, comment_length, _, _, _, at) = (
            _ENTRY.unpack_from(raw, position)
        )
        name_at = position + _ENTRY.size
        extra_at = name_at + name_length
        position = extra_at + extra_length + comment_length
        if magic != b"PK\x01\x02" or position > len(raw):
            refuse(file, "its directory is damaged")
        try:
            name = raw[name_at:extra_at].decode()
        except UnicodeDecodeError:
            refuse(file, "its directory has a name that is not UTF-8")
        if name.lower() in seen:
            refuse(file, f"its directory has {name[:200]!r} twice")
        seen.add(name.lower())
        if _MAX_32 in (packed, size, at):
            packed, size, at = _large(raw[extra_at : extra_at + extra_length], (packed, size, at), file)
        if flags & _ENCRYPTED:
            raise NotReadError("it is encrypted", file)
        if (method == _STORED and packed != size) or at + LOCAL_HEADER.size + name_length + packed > limit:
            refuse(file, f"{name[:200]!r} does not lie where its directory says")
        yield Entry(name, at, packed, 0, method == _STORED, bool(flags & _DESCRIBED_AFTER))
    if position != len(raw):
        refuse(file, "its directory is longer than its number of entries needs")


def _large(extra: bytes, fields: tuple[int, int, int], file: str) -> tuple[int, int, int]:
    """Read the sizes and the place of an entry that do not fit into 32 bits."""
    packed, size, at = fields
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == _ZIP64_FIELD and position + length <= len(extra):
            values = [each[0] for each in struct.iter_unpack("<Q", extra[position : position + length // 8 * 8])]
            found = [values.pop(0) if each == _MAX_32 and values else each for each in (size, packed, at)]
            return found[1], found[0], found[2]
        position += length
    refuse(file, "its directory lacks the size of a large entry")


def _placed(entries: list[Entry], directory_at: int, file: str) -> list[Entry]:
    """Order entries as they lie in the file, with the ends of each, and refuse those that overlap."""
    ordered = sorted(entries, key=lambda each: each.at)
    if ordered[0].at != 0:
        refuse(file, "it does not begin with its first entry")
    for one, other in pairwise(ordered):
        if one.at + one.header_length + one.size > other.at:
            refuse(file, f"{other.name[:200]!r} overlaps the entry before it")
    ends = [*(each.at for each in ordered[1:]), directory_at]
    return [each._replace(end=end) for each, end in zip(ordered, ends, strict=True)]
