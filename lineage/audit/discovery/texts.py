"""Texts: what a parser reads, and where each of its characters is in the file.

A notebook's cells, a fenced block of a README, the script after `run: |` and the program after `python -c` are texts
inside a file. Each parser reads a Text, so that it works on the whole file and on such a piece alike, and the places
that it reports are always those of the file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from lineage_schemas.reference import Place


class Row(NamedTuple):
    """Say where one line of a text is: the line of the file, and the column of the line's first character, from 1.

    `cell` is the notebook's cell, from 1. `columns` are the columns of all characters, for a line whose characters are
    not side by side in the file: an escaped quote is two characters of a JSON string, and one of the text in it.
    `lines` are the lines of all characters, for a line that the file has as several: a folded text of YAML is one.
    """

    line: int
    column: int = 1
    cell: int | None = None
    columns: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()

    def line_of(self, column: int) -> int:
        """Return the file's line of the character that is in this column of the line, which counts from 1."""
        return self.lines[min(column, len(self.lines)) - 1] if self.lines else self.line

    def column_of(self, column: int) -> int:
        """Return the file's column of the character that is in this column of the line; both count from 1."""
        if self.columns:
            return self.columns[min(column, len(self.columns)) - 1] + max(0, column - len(self.columns))
        return self.column + column - 1

    def without(self, characters: int) -> Row:
        """Return the row of the same line without its first characters."""
        if self.columns:
            return self._replace(
                line=self.line_of(characters + 1),
                column=self.column_of(characters + 1),
                columns=self.columns[characters:],
                lines=self.lines[characters:],
            )
        return self._replace(column=self.column + characters)


class Text:
    """Hold a text and the file that it is in; lines end in a line feed and nothing else.

    `file` is the path from the root of the tree, with slashes. Lines and columns that methods take count from 1.
    """

    def __init__(self, file: str, body: str, rows: Sequence[Row] | None = None) -> None:
        """Make the text of a whole file, or with `rows` that of a piece: one row for each line of `body`."""
        self.file = file
        self.body = body
        self._rows = rows

    @classmethod
    def of_lines(cls, file: str, lines: Sequence[tuple[str, Row]]) -> Text:
        """Make the text of lines that may come from anywhere in the file."""
        return cls(file, "\n".join(line for line, _ in lines), [row for _, row in lines])

    @property
    def is_whole(self) -> bool:
        """Tell whether this is the text of a whole file."""
        return self._rows is None

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines without their ends."""
        return self.body.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        """Return the offset at which each line begins."""
        starts, at = [], 0
        for line in self.lines:
            starts.append(at)
            at += len(line) + 1
        return starts

    def row(self, line: int) -> Row:
        """Return where a line is; for a line behind the last one, where the last one is."""
        if self._rows is None:
            return Row(line)
        return self._rows[min(line, len(self._rows)) - 1] if self._rows else Row(1)

    def place(self, line: int, column: int = 1) -> Place:
        """Return the place in the file of a line and column of the text."""
        row = self.row(line)
        return Place(file=self.file, line=row.line_of(column), column=row.column_of(column), cell=row.cell)

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and the column of an offset in `body`."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int) -> int:
        """Return the offset in `body` at which a line begins."""
        return self._starts[min(line, len(self._starts)) - 1]

    def place_at(self, offset: int) -> Place:
        """Return the place in the file of an offset in `body`."""
        return self.place(*self.position(offset))

    def part(self, start: int, end: int) -> Text:
        """Return the text between two offsets."""
        first, column = self.position(start)
        body = self.body[start:end]
        rows = [self.row(line) for line in range(first, first + body.count("\n") + 1)]
        rows[0] = rows[0].without(column - 1)
        return Text(self.file, body, rows)

    def block(self, first: int, last: int, indent: int = 0) -> Text:
        """Return the lines from `first` to `last`, both included, each without up to `indent` spaces in front."""
        lines = []
        for number in range(first, min(last, len(self.lines)) + 1):
            line = self.lines[number - 1]
            cut = min(indent, len(line) - len(line.lstrip(" \t")))
            lines.append((line[cut:], self.row(number).without(cut)))
        return Text.of_lines(self.file, lines)
