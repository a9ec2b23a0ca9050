"""The JSON of a safetensors header, read one entry at a time.

A header may have 100 MB. Parsed at once it takes up to ten times as much memory, and one character beyond Latin-1
quadruples the text. Here a window of it is decoded, and each entry is parsed and handed on; what is kept of the entries
is counted, and a header that would take more than MAX_MEMORY is refused.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from lineage.errors import FormatError

MAX_MEMORY = 250_000_000
"""Bytes of memory for a header: its own bytes, the decoded window, and what is kept of its entries."""

MAX_HELD = 60_000_000
"""Bytes of memory for what is kept of the entries: 100,000 tensors whose names have 300 characters."""

MAX_ENTRY_BYTES = 1 << 20
"""Bytes of one tensor's entry; a real one has a few hundred. An entry of the metadata may fill what memory there is."""

METADATA = "__metadata__"

_BLANKS = r"[ \t\n\r]*+"
_BLANK = re.compile(_BLANKS)
_OPENING = re.compile(rf"{_BLANKS}\{{{_BLANKS}(\}}?)")
_COLON = re.compile(rf"{_BLANKS}:{_BLANKS}")
_NEXT = re.compile(rf"{_BLANKS}([,}}]){_BLANKS}")
_REST = re.compile(_BLANKS.encode())

_CUT = 16
"""An error so near to the end of a window may come from its end: the longest escape has 12 characters."""

_PER_ENTRY = 300
"""Bytes that an entry takes beside its name: the record, its numbers, and its place in a list and a set."""

Parsed = TypeVar("Parsed")
Parse = Callable[[str, int], tuple[Parsed, int]]
"""Parse something at a place of a text, and return it with the place behind it."""


class HeaderText:
    """Walk through a header's JSON, `window` bytes at a time.

    `refuse` raises the error for a file that breaks its format.
    """

    def __init__(self, raw: bytes, refuse: Callable[[str], NoReturn], window: int = MAX_ENTRY_BYTES) -> None:
        self._raw = raw
        self._refuse = refuse
        self._start = self._stop = 0
        self._text = ""
        self._at = 0
        self._held = 0
        self._window = self._usual_window = window
        self._decode = json.JSONDecoder(
            object_pairs_hook=tuple,
            parse_constant=lambda word: refuse(f"its header holds {word}"),
            parse_int=self._strict_int if b"-0" in raw else None,
        ).raw_decode
        self._shift()

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Yield the root's entries, objects as tuples of their pairs.

        The value of `__metadata__` is an iterator of its entries, which must be used up before the next entry, or None
        where it is null.
        """
        if not self._text.lstrip(" \t\n\r").startswith("{"):
            self._not_an_object()
        more = not self._take(_opening)
        while more:
            name, value, sign = self._take(self._entry)
            self.hold(name, _PER_ENTRY)
            if name == METADATA:
                yield name, self._metadata()
                sign = self._take(_next)
            else:
                yield name, value
            more = sign == ","
        behind = _REST.match(self._raw, self._start + self._consumed())
        if behind is None or behind.end() < len(self._raw):
            self._refuse("its header is not JSON (there is text behind its end)")

    def hold(self, text: str, more: int = 0) -> None:
        """Count a text that is kept; refuse a header of which too much would be."""
        self._held += more + (len(text) if text.isascii() else 4 * len(text))
        if self._held > min(MAX_HELD, self._room()):
            self._too_much()

    def _metadata(self) -> Iterator[tuple[str, str]] | None:
        """Begin the metadata."""
        sign = self._text[self._at : self._at + 1]
        if sign == "{":
            return self._texts()
        if self._text.startswith("null", self._at):
            self._at += 4
            return None
        return self._refuse("its __metadata__ is not a map from text to text")

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Yield the entries of the metadata."""
        more = not self._take(_opening)
        while more:
            name, value, sign = self._take(self._text_entry, self._room)
            yield name, value
            more = sign == ","

    def _entry(self, text: str, at: int) -> tuple[tuple[str, Any, str], int]:
        """Parse one entry; of the metadata only the name, up to where the value begins."""
        name, at = self._name(text, at)
        if name == METADATA:
            if len(text) - at < len("null") and self._stop < len(self._raw):
                raise json.JSONDecodeError("Expecting value", text, at)
            return (name, None, ""), at
        value, at = self._decode(text, at)
        sign, at = _next(text, at)
        return (name, value, sign), at

    def _text_entry(self, text: str, at: int) -> tuple[tuple[str, str, str], int]:
        """Parse one entry of the metadata."""
        name, at = self._name(text, at)
        if text[at : at + 1] not in ('"', ""):
            self._refuse("its __metadata__ is not a map from text to text")
        value, at = self._decode(text, at)
        sign, at = _next(text, at)
        return (name, value, sign), at

    def _name(self, text: str, at: int) -> tuple[str, int]:
        """Parse the name of an entry and the colon behind it."""
        at = _behind_blanks(text, at)
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        name, at = self._decode(text, at)
        colon = _COLON.match(text, at)
        if colon is None:
            raise json.JSONDecodeError("Expecting ':' delimiter", text, _behind_blanks(text, at))
        return name, colon.end()

    def _take(self, parse: Parse[Parsed], limit: Callable[[], int] = lambda: MAX_ENTRY_BYTES) -> Parsed:
        """Parse what comes next, in a further or larger window where it does not end in this one."""
        while True:
            try:
                found, self._at = parse(self._text, self._at)
            except RecursionError as error:
                raise self._error("its header is nested too deeply") from error
            except ValueError as error:
                if self._stop == len(self._raw):
                    raise self._error(f"its header is not JSON ({str(error)[:200]})") from error
                if self._at == 0:
                    self._grow(error, limit())
                self._shift()
            else:
                return found

    def _grow(self, error: ValueError, limit: int) -> None:
        """Enlarge the window for an entry that does not fit into it, if the entry is cut and not broken."""
        cut = isinstance(error, json.JSONDecodeError) and (
            error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _CUT
        )
        if not cut:
            raise self._error(f"its header is not JSON ({str(error)[:200]})") from error
        self._window *= 2
        if self._window > limit:
            self._refuse(f"an entry of its header has more than {self._window // 2:,} bytes")

    def _shift(self) -> None:
        """Decode the next window, which begins with what was not parsed yet."""
        self._start += self._consumed()
        if self._at:
            self._window = self._usual_window
        self._stop = min(self._start + self._window, len(self._raw))
        while self._stop < len(self._raw) and self._raw[self._stop] & 0xC0 == 0x80:
            self._stop -= 1  # a character is not cut
        self._text, self._at = "", 0
        try:
            self._text = str(memoryview(self._raw)[self._start : self._stop], "utf-8")
        except UnicodeDecodeError as error:
            raise self._error(f"its header is not UTF-8 at byte {self._start + error.start}") from error
        if self._held + sys.getsizeof(self._text) > self._room():  # a value of this size may be made of it
            self._too_much()

    def _consumed(self) -> int:
        """Return how many bytes of the window were parsed."""
        return self._at if self._text.isascii() else len(self._text[: self._at].encode())

    def _room(self) -> int:
        """Return how many bytes of memory are left for what is kept."""
        return MAX_MEMORY - len(self._raw) - sys.getsizeof(self._text)

    def _too_much(self) -> NoReturn:
        limits = f"{MAX_MEMORY // 10**6} MB, {MAX_HELD // 10**6} MB of them for its entries"
        self._refuse(f"its header of {len(self._raw):,} bytes takes more memory than is used for one ({limits})")

    def _not_an_object(self) -> NoReturn:
        """Refuse a header whose root is another value, or not JSON."""
        self._take(self._decode)
        self._refuse("its header is not a JSON object where one is required")

    def _strict_int(self, text: str) -> int:
        return self._refuse("its header holds the number -0") if text == "-0" else int(text)

    def _error(self, what: str) -> FormatError:
        """Make the error for a header that could not be parsed."""
        try:
            self._refuse(what)
        except FormatError as error:
            return error


def _opening(text: str, at: int) -> tuple[bool, int]:
    """Parse the beginning of an object; True if it is empty."""
    found = _OPENING.match(text, at)
    if found is None or (found.end() == len(text) and not found[1]):
        raise json.JSONDecodeError("Expecting an object", text, len(text) if found else at)
    return bool(found[1]), found.end()


def _behind_blanks(text: str, at: int) -> int:
    """Skip blanks."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _next(text: str, at: int) -> tuple[str, int]:
    """Parse what follows an entry: a comma, or the end of the object."""
    found = _NEXT.match(text, at)
    if found is None:
        raise json.JSONDecodeError("Expecting ',' delimiter", text, _behind_blanks(text, at))
    return found[1], found.end()
