"""The recipes of a document: statements of Cypher, each with the table that it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

BLOCK = re.compile(
    r"### (?P<title>.+?)\n(?P<words>.*?)```cypher\n(?P<statement>.*?)```\n(?:\n```text\n(?P<shown>.*?)```\n)?",
    re.DOTALL,
)


class Recipe(NamedTuple):
    """Hold one recipe as the document has it."""

    title: str
    statement: str
    shown: str


def recipes(text: str) -> list[Recipe]:
    """Read the recipes of a document."""
    return [Recipe(b["title"], b["statement"], b["shown"] or "") for b in BLOCK.finditer(text)]


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write an answer in columns."""
    cells = [list(names), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in cells)


def rewritten(text: str, answer: Callable[[str], str]) -> str:
    """Write a document again with the tables that its statements give now."""

    def block(found: re.Match[str]) -> str:
        start = f"### {found['title']}\n{found['words']}```cypher\n{found['statement']}```\n"
        return f"{start}\n```text\n{answer(found['statement'])}```\n"

    return BLOCK.sub(block, text)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(map(_cell, value)))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
