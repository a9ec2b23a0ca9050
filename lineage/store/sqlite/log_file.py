"""Check SQLite's log, in which committed writes wait until they are moved into the file.

SQLite reads a log up to the first frame with a wrong checksum, without an error, and deletes it afterwards: writes
behind a damaged frame are lost, and the store looks as it did before them.

The form is that of sqlite.org/fileformat2.html: a header of 32 bytes; then for each page 24 bytes and the page. Of the
24 bytes, the first 4 are the page's number, the next 4 the size of the database in the last frame of a transaction and
else 0, the next 8 the salts of the header, and the last 8 the checksum of all frames up to this one.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

_HEADER = 32
_FRAME = 24
_MEMORY_PAGE = 4096
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""The first word of a log, and the byte order of the words that its checksums add."""


class _Log(NamedTuple):
    """How much of a log is committed: by the marks of its frames, and by those whose checksums are right too."""

    salts: bytes
    marked: int
    readable: int
    cut: bool


def log_damage(database: Path) -> str | None:
    """Say what is wrong with the log of a database; None if all its committed writes can be read.

    A process that is writing meanwhile may be in the middle of a frame: a fault must be there twice.
    """
    log = database.with_name(database.name + "-wal")
    fault = _fault(log)
    for _ in range(2):
        if fault is None:
            return None
        time.sleep(0.05)
        fault = _fault(log)
    return fault


def _fault(log: Path) -> str | None:
    found = _read(log)
    if found is None:
        return None
    if not found.salts:
        return f"its log {log.name} is damaged: its first 32 bytes are not those of a log"
    if found.marked > found.readable:
        return f"its log {log.name} is damaged: of {found.marked} pages in it only {found.readable} can be read"
    return f"its log {log.name} is cut off: its last page is incomplete" if found.cut else None


def _read(log: Path) -> _Log | None:
    """Read a log; None if there is none or nothing in it."""
    try:
        with log.open("rb") as file:
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                return None if not header else _Log(b"", 1, 0, cut=True)
            return _frames(file, header)
    except FileNotFoundError:
        return None


def _frames(file: BinaryIO, header: bytes) -> _Log:
    magic, _, page_size = struct.unpack(">3I", header[:12])
    order = _MAGIC.get(magic)
    if order is None or not 512 <= page_size <= 65_536:
        return _Log(b"", 1, 0, cut=False)
    sums = _checksum(order, header[:24], (0, 0))
    if struct.pack(">2I", *sums) != header[24:32]:
        return _Log(b"", 1, 0, cut=False)
    sound = True
    number = marked = readable = 0
    while len(frame := file.read(_FRAME + page_size)) == _FRAME + page_size:
        if frame[8:16] != header[16:24]:  # of an earlier round: the log is written from its beginning again
            break
        number += 1
        commits = frame[4:8] != b"\0\0\0\0"
        marked = number if commits else marked
        if sound:
            sums = _checksum(order, frame[_FRAME:], _checksum(order, frame[:8], sums))
            sound = struct.pack(">2I", *sums) == frame[16:24]
            readable = number if sound and commits else readable
    cut = _is_cut(len(frame), file.tell()) and len(frame) < _FRAME + page_size and frame[8:16] == header[16:24]
    return _Log(header[16:24], marked, readable, cut)


def _is_cut(rest: int, size: int) -> bool:
    """Return whether the rest of a page was left by a cut, and not by a kill in the middle of a write.

    A killed writer leaves the 24 bytes before a page, or as much as the system had copied: whole pages of memory.
    """
    return rest > _FRAME and size % _MEMORY_PAGE != 0


def _checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """Add words of 4 bytes, in pairs, to a checksum."""
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word, following in zip(words, words, strict=True):
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + following + first) & 0xFFFFFFFF
    return first, second
