"""Pieces: texts that a file holds in another form, such as a string with escapes, as texts with places of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lineage.audit.discovery.texts import Row, Text


def decoded(source: Text, body: str, offsets: Sequence[int]) -> Text:
    """Make the text of characters of `source`: `offsets` has the offset there of each character of `body`."""
    if not body:
        return Text(source.file, "", [Row(1)])
    if offsets[-1] - offsets[0] == len(body) - 1 and source.body.startswith(body, offsets[0]):
        return source.part(offsets[0], offsets[0] + len(body))
    lines, at = [], 0
    for line in body.split("\n"):
        lines.append((line, _row(source, offsets[at : at + len(line)] or offsets[at : at + 1] or offsets[-1:])))
        at += len(line) + 1
    return Text.of_lines(source.file, lines)


def _row(source: Text, offsets: Sequence[int]) -> Row:
    """Return where a line is whose characters have these offsets, which may be on several lines of the source."""
    line, column = source.position(offsets[0])
    row = source.row(line).without(column - 1)
    if source.position(offsets[-1])[0] == line:
        if offsets[-1] - offsets[0] == len(offsets) - 1:
            return row
        if not row.columns:  # the usual case, without a call for each character
            first, column = offsets[0], row.column
            return row._replace(columns=tuple([column + max(0, offset - first) for offset in offsets]))
        return row._replace(columns=tuple(row.column_of(max(0, offset - offsets[0]) + 1) for offset in offsets))
    places = [source.position(offset) for offset in offsets]
    rows = {each: source.row(each) for each, _ in places}
    return row._replace(
        columns=tuple(rows[each].column_of(column) for each, column in places),
        lines=tuple(rows[each].line_of(column) for each, column in places),
    )


def respelled(source: Text, pattern: re.Pattern[str], spell: Callable[[re.Match[str]], tuple[str, int]]) -> Text:
    """Make a text in which each match is spelt otherwise.

    `spell` returns how, and the offset of the first of the new characters; the others are taken to follow it.
    """
    parts, offsets, at = [], [], 0
    for match in pattern.finditer(source.body):
        text, first = spell(match)
        parts += [source.body[at : match.start()], text]
        offsets += [*range(at, match.start()), *(min(first + each, match.end() - 1) for each in range(len(text)))]
        at = match.end()
    parts.append(source.body[at:])
    offsets += range(at, len(source.body))
    return decoded(source, "".join(parts), offsets)


def aligned(source: str, start: int, end: int, value: str, *, escapes: bool) -> list[int]:
    """Return for each character of a decoded value where it is in the source between two offsets.

    `escapes` says that a backslash begins one of JSON's escapes. Folded line ends and indents are passed over.
    """
    offsets, at = [], start
    for char in value:
        if escapes and at < end and source[at] == "\\":
            offsets.append(at)
            at += _ESCAPE_LENGTHS.get(source[at + 1 : at + 2], 2)
            continue
        if at < end and source[at] != char and not char.isspace():
            found = source.find(char, at, end)
            at = at if found < 0 else found
        offsets.append(min(at, max(start, end - 1)))
        if at < end and (source[at] == char or source[at].isspace()):
            at += 1
    return offsets


_ESCAPE_LENGTHS = {"u": 6, "U": 10, "x": 4}
