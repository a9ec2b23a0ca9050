"""Markdown that foreign text cannot break: it is put into code spans or escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.report.text import visible


def code(text: str) -> str:
    """Write foreign text as code, in which no markup, link or mention is interpreted.

    Backticks, pipes and backslashes mean different things to different renderers inside a table; text with one of
    them becomes an HTML code element in which every punctuation mark is a character reference.
    """
    shown = visible(text)
    if not shown.strip():
        return ""
    if set(shown) & set("`|\\"):
        return f"<code>{_references(shown)}</code>"
    return f"`{shown.strip()}`"


def prose(text: str) -> str:
    """Write foreign text inside a sentence: punctuation that Markdown or a forge could interpret is escaped.

    In a text that could contain a link, so is the punctuation that would make it one.
    """
    shown = visible(text)
    harmless = " " if "://" in shown or "www." in shown.lower() else " ,.:;()'/-"
    return _references(shown, harmless)


def _references(text: str, harmless: str = " ") -> str:
    return "".join(each if each.isalnum() or each in harmless else f"&#{ord(each)};" for each in text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table; cells are finished Markdown without a bare pipe."""
    lines = [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def document(*blocks: Sequence[str]) -> str:
    """Join blocks of lines with an empty line between them."""
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
