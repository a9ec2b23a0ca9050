"""Text for people: lines of styled spans, in which foreign text cannot control a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from lineage.report.invisible import INVISIBLE

Style = Literal["", "strong", "dim", "good", "bad", "warn"]
"""What a span means; the command line chooses colours for it."""

_BASE = r"[^\x00-\u02ff\u2000-\u206f\ufe00-\ufe0f\U000e0000-\U000e0fff]"
_NEEDED = rf"(?<={_BASE})[\u200c\u200d\ufe0e\ufe0f]|(?<={_BASE}\ufe0f)\u200d|\ufe0f(?=\u20e3)"
"""Joiners and selectors of emoji after a symbol or a letter that is not Latin. They are kept, because Persian and emoji
look wrong without them. After a Latin letter, as in the id of a model, all they could do is hide."""

_UNSAFE = re.compile(f"(?!{_NEEDED})[\x00-\x1f\x7f-\x9f\ud800-\udfff{INVISIBLE}]")


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style = ""


class Line(NamedTuple):
    """One line: `indent` is printed before it, `hang` before its continuation on a narrow terminal.

    Spans hold raw text of any origin: code that prints a line passes it through `visible` first.
    """

    spans: tuple[Span, ...] = ()
    indent: str = ""
    hang: str = ""


Document = Sequence[Line]


def line(*pieces: str | Span, indent: str = "", hang: str | None = None) -> Line:
    """Make a line from plain and styled pieces; a continuation is indented two columns deeper."""
    spans = tuple(Span(piece) if isinstance(piece, str) else piece for piece in pieces)
    return Line(spans, indent, indent + "  " if hang is None else hang)


EMPTY = Line()


def strong(text: str) -> Span:
    """Mark the subject of a line."""
    return Span(text, "strong")


def dim(text: str) -> Span:
    """Mark secondary details."""
    return Span(text, "dim")


def visible(text: str) -> str:
    """Replace every character that could move a cursor, colour, reorder or hide text by its escape.

    Titles, ids and file names are untrusted: a terminal must show their control characters, not execute them.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def plain(document: Document) -> str:
    """Write a document without styles, for a pipe or a file."""
    return "".join(
        visible(each.indent + "".join(span.text for span in each.spans)).rstrip() + "\n" for each in document
    )


_AFTER = 8
"""Characters from the first difference of two texts on that are shown at least."""


def cut(text: str, width: int) -> str:
    """Shorten a text to `width` characters, ending in `…`; the JSON answer has the whole text."""
    text = visible(text.strip())
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"


def cut_pair(one: str, other: str, width: int) -> tuple[str, str]:
    """Shorten two texts so that the place where they differ is shown; the kind of a hash (`sha256:`) stays in front."""
    first, second = visible(one.strip()), visible(other.strip())
    same = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    same = min(len(first), len(second)) if same is None else same
    if max(len(first), len(second)) <= width or same < width - _AFTER or first == second:
        return cut(one, width), cut(other, width)
    kind = first[: first.find(":", 0, _AFTER) + 1]
    start = max(same - (width - len(kind)) // 2, len(kind))
    room = max(width - len(kind) - 1, 1)
    return f"{kind}…{cut(first[start:], room)}", f"{kind}…{cut(second[start:], room)}"


def columns(rows: Iterable[Sequence[str | Span]], *, indent: str = "", gap: int = 2) -> list[Line]:
    """Align rows on their widest cells; the last cell of a row may have any length."""
    cells = [[Span(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    count = max((len(row) for row in cells), default=0)
    widths = [max((len(visible(row[i].text)) for row in cells if len(row) > i + 1), default=0) for i in range(count)]
    return [_aligned(row, widths, indent, gap) for row in cells]


def _aligned(row: list[Span], widths: list[int], indent: str, gap: int) -> Line:
    """Pad every cell but the last, outside its style."""
    pieces: list[str | Span] = []
    for i, span in enumerate(row):
        pieces.append(span)
        if i < len(row) - 1:
            pieces.append(" " * (widths[i] - len(visible(span.text)) + gap))
    return line(*pieces, indent=indent, hang=indent + "    ")
