"""The files of a product's source tree, the texts among them, and which of them were not read, and why."""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lineage.audit.discovery.ignores import folders_of
from lineage.audit.discovery.own_files import is_own_file
from lineage.audit.discovery.texts import Text
from lineage_schemas.left_out import LeftOut

if TYPE_CHECKING:
    from lineage_schemas.left_out import LeftOutReason
    from lineage_schemas.reference import Reference

MAX_TEXT = 1_000_000
"""Bytes of a text; a longer one is not read."""

MODEL_MARKS = ("model_index.json", "config.json", "adapter_config.json", "params.json", "modules.json")
"""Files that make the folder of weight files the folder of a model."""

_SNIFFED = 8192
_MARKS = (BOM_UTF16_LE, BOM_UTF16_BE)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"

T = TypeVar("T")


class Unread(NamedTuple):
    """Name a file or folder of the tree that was not read, and why: in words, and by the kind of reason."""

    file: str
    reason: str
    kind: LeftOutReason = "unreadable"


class FoundWeights(NamedTuple):
    """Name a weight file of the tree, or with `is_folder` a folder that holds a model. `path` is from the root."""

    path: str
    is_folder: bool


Parse = Callable[[Text, "Tree"], Iterable["Reference"]]
"""Read one text of a tree."""


class Tree:
    """Hold the files of a source tree, and read the texts among them.

    `files` are paths from the root with slashes, sorted; `links` are symbolic links to files that are in the tree
    themselves. `unread` grows while texts are read; `left_out` names what the walk left out by choice and files that
    lineage wrote, and `counts` counts it by reason. `ignored` are weight files that a .gitignore excludes, with the
    configurations beside them.
    `parser_of` returns what reads a text inside another, by the name that a file with such a text would have;
    `discover` sets it, since the parsers themselves need a tree.
    """

    def __init__(
        self, root: Path, files: Sequence[str], links: Sequence[str] = (), unread: Sequence[Unread] = (),
        left_out: Sequence[LeftOut] = (), ignored: Sequence[str] = (),
        counts: Mapping[LeftOutReason, int] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.root = root
        self.files = tuple(files)
        self.links = tuple(links)
        self.left_out = list(left_out)
        self.ignored = tuple(ignored)
        self.counts = dict(counts)
        self.parser_of: Callable[[str], Parse | None] = lambda name: None
        self.embedded = 0  # files inside of which the text is that is being read, and that are not the tree's own
        self._unread = {each.file: each for each in unread}
        self._paths = frozenset((*self.files, *self.links, *self.ignored))
        self._folders = frozenset(folders_of(self._paths))
        self._excerpted = ""
        self._texts: dict[str, Text | None] = {}
        self._shared: dict[Callable[[Tree], Any], Any] = {}

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Return what was not read so far, sorted by file."""
        return tuple(sorted(self._unread.values()))

    def exists(self, path: str) -> bool:
        """Tell whether a path from the root is a file or folder of the tree; `./` in front is allowed."""
        plain = path.removeprefix("./").rstrip("/")
        return plain in self._paths or plain in self._folders

    def report(self, file: str, reason: str, kind: LeftOutReason = "in_part") -> None:
        """Note that a file was not read, or not as a whole; the first reason is kept."""
        if file != self._excerpted:
            self._unread.setdefault(file, Unread(file, reason, kind))

    def texts(self) -> Iterator[Text]:
        """Return the texts that were read so far, in the order of reading."""
        return (text for text in self._texts.values() if text is not None)

    @contextmanager
    def excerpts(self, file: str) -> Iterator[None]:
        """While excerpts of code in a document are read, do not report that they are not whole programs."""
        before, self._excerpted = self._excerpted, file
        try:
            yield
        finally:
            self._excerpted = before

    def text(self, file: str, *, expected: bool = True) -> Text | None:
        """Read a file as text, once; None if it is not one, is too long or cannot be read, which `unread` then says.

        `expected=False` is for a file that may as well be binary, such as one without a suffix: then it is only
        reported if it cannot be read.
        """
        if file not in self._texts:
            self._texts[file] = self._read(file, expected)
        return self._texts[file]

    def shared(self, make: Callable[[Tree], T]) -> T:
        """Return what `make` makes of the tree, made once: an index that several parsers use."""
        if make not in self._shared:
            self._shared[make] = make(self)
        made: T = self._shared[make]
        return made

    def _read(self, file: str, expected: bool) -> Text | None:
        try:
            content = self._content(file, expected)
        except OSError as error:
            self.report(file, f"the file cannot be read: {error.strerror or error}", "unreadable")
            return None
        if content is None:
            return None
        try:
            body = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            body = None
        if body is None or "\0" in body:
            body = _with_mark(content) or _one_byte(content)
        if body is None or "\0" in body:
            if expected:
                self.report(file, "the file is binary, not a text", "binary")
            return None
        if is_own_file(body):
            self.left_out.append(LeftOut(path=file, reason="own"))
            self.counts["own"] = self.counts.get("own", 0) + 1
            return None
        return Text(file, body.replace("\r\n", "\n").replace("\r", "\n"))

    def _content(self, file: str, expected: bool) -> bytes | None:
        """Return the bytes of a regular file that is not too long. Raises OSError."""
        descriptor = os.open(self.root / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            size = os.fstat(descriptor).st_size
            head = stream.read(_SNIFFED)
            expected = expected or head.startswith(b"#!")  # a script, whatever its name
            if size > MAX_TEXT:
                if expected:
                    reason = f"the file has {size:,} bytes; texts are read up to {MAX_TEXT:,}"
                    self.report(file, reason, "too_large")
                return None
            if b"\0" in head and head[:2] not in _MARKS and head[:4] != BOM_UTF32_BE:
                if expected:
                    self.report(file, "the file is binary, not a text", "binary")
                return None
            stream.seek(0)
            content = stream.read(MAX_TEXT + 1)
            return content if len(content) <= MAX_TEXT else None


def _one_byte(content: bytes) -> str | None:
    """Decode a text of one byte a character, in which everything that matters is ASCII; None for binary junk."""
    if content.translate(None, _CONTROLS) != content:
        return None
    return content.decode("latin-1")


def _with_mark(content: bytes) -> str | None:
    """Decode UTF-16 and UTF-32 with their marks in front, as some Windows programs write them."""
    if content[:2] not in _MARKS and content[:4] != BOM_UTF32_BE:
        return None
    try:
        return content.decode("utf-32" if content[:4] in (BOM_UTF32_BE, BOM_UTF32_LE) else "utf-16")
    except UnicodeDecodeError:
        return None
