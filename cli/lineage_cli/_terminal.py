"""Colour and wrapping for a terminal; the only module that prints answers with rich."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from lineage.report.text import Document, Line, visible
from lineage_cli._streams import fitting

STYLES = {"": "", "strong": "bold", "dim": "dim", "good": "green", "bad": "bold red", "warn": "yellow"}

NARROWEST = 20
"""With fewer columns left beside the guides of a deep tree, wrapping is left to the terminal."""


def write_styled(document: Document) -> None:
    """Write lines in colour (unless NO_COLOR is set), wrapped so that a tree's guides continue on each row."""
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    for each in document:
        for text in _wrapped(each, console):
            console.print(text, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)


def _wrapped(each: Line, console: Console) -> list[Text]:
    """Wrap one line to the width of the terminal."""
    body = Text()
    for span in each.spans:
        body.append(fitting(visible(span.text), sys.stdout), style=STYLES[span.style])
    body.rstrip()
    indent, hang = (fitting(guide, sys.stdout) for guide in (each.indent, each.hang))
    room = console.width - max(len(indent), len(hang))
    if room < NARROWEST or len(indent) + body.cell_len <= console.width:
        return [Text.assemble((indent, "dim"), body)]
    pieces = body.wrap(console, room)
    return [Text.assemble((hang if position else indent, "dim"), piece) for position, piece in enumerate(pieces)]
