"""Targets of a list: one a line, each with the commit that the user pinned and the line that named it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lineage_schemas.answers.incomplete import NamedAt

_OPTION = re.compile(r"(?P<text>.*\S)\s+--since(?:\s+|=)(?P<since>\S+)", re.DOTALL)
_COLUMNS = re.compile(r"(?P<text>[^\s./~]\S*)\s+(?P<since>[^\s-]\S*)")


@dataclass(frozen=True)
class ListedTarget:
    """Hold a target as written, the start of its check if it has its own, and the place that named it."""

    text: str
    since: str | None = None
    named_at: NamedAt | None = None

    def __str__(self) -> str:
        return self.text


def read_list(lines: Iterable[tuple[int, str]], file: str | None) -> Iterator[ListedTarget]:
    """Read the targets of a list from its lines, which have no comments any more, with their numbers.

    `ORG/NAME --since REV` and `ORG/NAME REV` name the start of the model's check. The name of a folder may hold
    blanks: behind one only `--since` does. `file` is None for standard input, which no later reader can open.
    """
    for number, line in lines:
        found = _OPTION.fullmatch(line) or _COLUMNS.fullmatch(line)
        text, since = (found["text"], found["since"]) if found else (line, None)
        yield ListedTarget(text, since, NamedAt(file=file, line=number) if file else None)
