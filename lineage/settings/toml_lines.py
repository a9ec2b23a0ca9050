"""The lines of a TOML text on which its keys are, which the standard library's parser does not give.

The text is read once and without recursion, before it is parsed. Whether it is valid TOML is not decided here: what
comes after the first text that is not understood has no lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

MAX_DEPTH = 100
"""Parts of a key, and lists inside lists, beyond which a text is not read on."""

MAX_NOTED = 20_000
"""Keys and items whose lines are kept; later ones have the line of what they are in."""

Path = tuple[str | int, ...]
"""Keys of tables and positions in lists, from the root: `("ignore", 0, "reason")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INDENT = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*+'{3,5}"),
    re.compile(r'"(?:[^"\\\n]|\\.)*+"'),
    re.compile(r"'[^'\n]*'"),
)
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(["\\]))')


@dataclass
class TomlLines:
    """Hold the line of each key and list item, and how deep the text nests: beyond MAX_DEPTH it was not read."""

    lines: dict[Path, int] = field(default_factory=dict)
    depth: int = 0

    def of(self, path: Path) -> int | None:
        """Return the line of a key or item; for one that has none, that of what it is in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


@dataclass
class _Container:
    """Hold a list or inline table whose end was not reached yet; `count` is the number of items before."""

    path: Path
    is_list: bool
    count: int = 0


def toml_lines(text: str) -> TomlLines:
    """Find the line of each key and list item of a TOML text."""
    scan = _Scan(text)
    scan.run()
    return scan.found


class _Scan:
    """Read a text from its beginning to its end, or to what is not understood."""

    def __init__(self, text: str) -> None:
        self.found = TomlLines()
        self._text, self._at = text, 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._open: list[_Container] = []
        self._tables: dict[Path, int] = {}

    def run(self) -> None:
        """Read headers and keys, each with its value."""
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                header = self._header()
                if header is None:
                    return
                table = header
            elif not self._pair(table):
                return
            self._skip(_BLANK)

    def _header(self) -> Path | None:
        """Read `[table]` or `[[list of tables]]`, and return its path with the positions in lists."""
        start, double = self._at, self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        keys = self._key()
        closing = "]]" if double else "]"
        if keys is None or not self._text.startswith(closing, self._at):
            return None
        self._at += len(closing)
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)
            self._note(path, start)
            if double and number == len(keys):
                self._tables[path] = self._tables.get(path, -1) + 1
            if path in self._tables:
                path = (*path, self._tables[path])
                self._note(path, start)
        return path

    def _pair(self, table: Path) -> bool:
        """Read `key = value`, the value as far as its lists and inline tables reach."""
        if not self._assign(table):
            return False
        while self._open:
            if not self._step(self._open[-1]):
                return False
        return True

    def _step(self, inner: _Container) -> bool:
        """Read the next item of the innermost list or inline table, or its end."""
        self._skip(_BLANK)
        if self._text.startswith("]" if inner.is_list else "}", self._at):
            self._open.pop()
            self._at += 1
            return True
        if inner.count:
            if not self._text.startswith(",", self._at):
                return False
            self._at += 1
            self._skip(_BLANK)
            if self._text.startswith("]" if inner.is_list else "}", self._at):
                return True
        inner.count += 1
        if not inner.is_list:
            return self._assign(inner.path)
        path = (*inner.path, inner.count - 1)
        self._note(path, self._at)
        return self._value(path)

    def _assign(self, table: Path) -> bool:
        """Read a key, its equals sign, and its value or the beginning of it."""
        start, path = self._at, table
        for key in self._key() or ():
            path = (*path, key)
            self._note(path, start)
        if path == table or not self._text.startswith("=", self._at):
            return False
        self._at += 1
        return self._value(path)

    def _value(self, path: Path) -> bool:
        """Read a string or another scalar, or open a list or an inline table."""
        self._skip(_INDENT)
        if self._text[self._at : self._at + 1] in ("[", "{"):
            self._open.append(_Container(path, self._text[self._at] == "["))
            self._at += 1
            self.found.depth = max(self.found.depth, len(self._open))
            return self.found.depth <= MAX_DEPTH
        return self._string() is not None or self._skip(_SCALAR)

    def _key(self) -> list[str] | None:
        """Read a key with its dots, and the blanks around it."""
        keys: list[str] = []
        while True:
            self._skip(_INDENT)
            start = self._at
            if (quoted := self._string()) is not None:
                keys.append(quoted)
            elif self._skip(_BARE_KEY):
                keys.append(self._text[start : self._at])
            else:
                return None
            self.found.depth = max(self.found.depth, len(keys))
            self._skip(_INDENT)
            if self.found.depth > MAX_DEPTH:
                return None
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _string(self) -> str | None:
        """Read a string and return its content; None if there is none. Escapes of letters are resolved."""
        for pattern in _STRINGS:
            if match := pattern.match(self._text, self._at):
                self._at = match.end()
                quoted = match[0]
                return _ESCAPE.sub(_unescaped, quoted[1:-1]) if quoted[0] == '"' else quoted[1:-1]
        return None

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Go behind what a pattern matches, and return whether that is something."""
        match = pattern.match(self._text, self._at)
        start, self._at = self._at, match.end() if match else self._at
        return self._at > start

    def _note(self, path: Path, at: int) -> None:
        if len(self.found.lines) < MAX_NOTED:
            self.found.lines.setdefault(path, bisect_right(self._ends, at - 1) + 1)


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    if number is None:
        return match[3]
    return chr(int(number, 16)) if int(number, 16) <= 0x10FFFF else match[0]
