"""Which files hold the tensors of an ONNX model: read out of the .onnx file by field numbers, never executed."""

from __future__ import annotations

import re
from typing import NoReturn

from lineage.errors import FormatError
from lineage.fingerprint.header import Read


class OutsideFolderError(FormatError):
    """An .onnx file names data outside its folder, which loaders refuse; `locations` are all that it names."""

    def __init__(self, file: str, locations: frozenset[str], outside: str) -> None:
        super().__init__(
            f"{file} is not a valid ONNX model: it names data outside its folder, {outside[:200]!r}.",
            file=file,
            hint="Ask its publisher to move the data into the folder of the .onnx file.",
        )
        self.locations = locations


MAX_DEPTH = 100
"""Messages inside messages; a graph in an attribute of a node in a graph is one of a few."""

MAX_FIELDS = 5_000_000
"""Our limit, some times what the largest graphs hold: it bounds the time that a hostile file can take."""

MAX_LOCATION_BYTES = 4_096

MAX_LOCATIONS_BYTES = 30_000_000
"""Memory of all names of data files; a large model has a few thousand files."""

_PER_LOCATION = 150
"""Bytes that a name takes beside its characters."""

_WINDOW_BYTES = 64 << 10
_MAX_WINDOW_BYTES = 1 << 20

_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "entry": {},
}
"""By message, the fields that are followed: all the ways to a tensor (onnx.proto3, whose numbers never change)."""

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_KEY, _VALUE = 1, 2
_DATA_LOCATION, _EXTERNAL = 14, 1


def external_locations(read: Read, size: int | None, file: str, *, max_reads: int | None = None) -> frozenset[str]:
    """Give the locations of external data, relative to the file's folder, as the file writes them.

    Tensors that lie in the file are skipped by their length and not read. Raises FormatError where the file is not an
    ONNX model or more than `max_reads` reads would be needed, OutsideFolderError where a location leaves the folder.
    """
    walk = _Walk(_Bytes(read, size, file, max_reads), size)
    walk.run()
    if not walk.has_graph:
        _refuse(file, "it has no graph")
    locations = frozenset(walk.locations)
    for location in sorted(locations):
        if location.startswith("/") or ".." in re.split(r"[/\\]", location):
            raise OutsideFolderError(file, locations, location)
    return locations


def _refuse(file: str, what: str) -> NoReturn:
    """Refuse a file with a message that names it."""
    raise FormatError(
        f"{file} is not a valid ONNX model: {what}.",
        file=file,
        hint="Download the file again; if it stays so, its publisher has to repair it.",
    )


class _Bytes:
    """The file's bytes from a position on, fetched in growing windows while they are read one after another."""

    def __init__(self, read: Read, size: int | None, file: str, max_reads: int | None) -> None:
        self.file = file
        self._read, self._size, self._reads_left = read, size, max_reads
        self._start, self._held = 0, b""
        self._window = _WINDOW_BYTES

    def take(self, at: int, length: int) -> bytes:
        """Give `length` bytes from `at`, fewer only at the end."""
        end = at + length if self._size is None else min(at + length, self._size)
        if not self._start <= at <= end <= self._start + len(self._held):
            self._fetch(at, length)
        return self._held[at - self._start : at - self._start + length]

    def _fetch(self, at: int, length: int) -> None:
        if self._reads_left is not None:
            if self._reads_left <= 0:
                raise FormatError(f"{self.file} would take too many requests to read.", file=self.file)
            self._reads_left -= 1
        follows = at <= self._start + len(self._held)
        self._window = min(self._window * 2, _MAX_WINDOW_BYTES) if follows else _WINDOW_BYTES
        wanted = max(length, self._window)
        if self._size is not None:
            wanted = max(min(wanted, self._size - at), 0)
        self._start, self._held = at, self._read(at, wanted) if wanted else b""


class _Walk:
    """Go through the messages of a model without recursion."""

    def __init__(self, data: _Bytes, size: int | None) -> None:
        self._data = data
        self._position = 0
        self._open: list[tuple[str, int | None]] = [("model", size)]
        self._key = b""
        self._location: str | None = None
        self._external = False
        self._held = 0
        self.has_graph = False
        self.locations: set[str] = set()

    def run(self) -> None:
        """Read to the end of the file."""
        for _ in range(MAX_FIELDS):
            while self._open and self._ended():
                self._close(self._open.pop()[0])
            if not self._open:
                return
            self._field()
        self._refuse(f"it has more than {MAX_FIELDS:,} fields")

    def _refuse(self, what: str) -> NoReturn:
        _refuse(self._data.file, what)

    def _ended(self) -> bool:
        """Return whether the innermost message has ended; a file of unknown size ends where no byte follows."""
        end = self._open[-1][1]
        return not self._data.take(self._position, 1) if end is None else self._position >= end

    def _close(self, message: str) -> None:
        if message != "tensor":
            return
        if self._external and self._location is None:
            self._refuse("a tensor lies in another file that it does not name")
        if self._external and self._location is not None and self._location not in self.locations:
            self.locations.add(self._location)
            self._held += _PER_LOCATION + len(self._location) * (1 if self._location.isascii() else 4)
            if self._held > MAX_LOCATIONS_BYTES:
                self._refuse("it names more data files than a model has")
        self._location, self._external = None, False

    def _field(self) -> None:
        """Read one field: open the messages that lead to tensors, skip everything else."""
        message, end = self._open[-1]
        tag = self._varint()
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value = self._varint()
            if message == "tensor" and number == _DATA_LOCATION:
                self._external = value == _EXTERNAL
            return
        length = self._varint() if wire == _LENGTH else {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire, -1)
        stop = self._position + length
        if length < 0 or number == 0:
            self._refuse(f"byte {self._position:,} begins no field")
        if end is not None and stop > end:
            self._refuse(f"a field at byte {self._position:,} goes on past the end")
        child = _MESSAGES[message].get(number) if wire == _LENGTH else None
        if child:
            if len(self._open) >= MAX_DEPTH:
                self._refuse("it is nested too deeply")
            self.has_graph = self.has_graph or child == "graph"
            self._open.append((child, stop))
            return
        if message == "entry" and wire == _LENGTH:
            self._entry(number, length)
        self._position = stop

    def _entry(self, number: int, length: int) -> None:
        """Note the key or the value of an entry of a tensor's external data."""
        if number not in (_KEY, _VALUE):
            return
        if length > MAX_LOCATION_BYTES:
            self._refuse("the name of a data file is too long")
        text = self._data.take(self._position, length)
        if number == _KEY:
            self._key = text
        elif self._key == b"location":
            try:
                self._location = text.decode()
            except UnicodeDecodeError:
                self._refuse("the name of a data file is not UTF-8")

    def _varint(self) -> int:
        """Read a whole number of up to ten bytes."""
        value = shift = 0
        for byte in self._data.take(self._position, 10):
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self._position += shift // 7
                return value
        return self._refuse(f"byte {self._position:,} begins no field")
