"""The answer to `verify`: one sentence, then the revisions that match or the places that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import at, counted, dated
from lineage.report.table.fingerprint import digest_lines
from lineage.report.table.unchecked import unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.verify import VerifyAnswer

SENTENCES: dict[str, tuple[str, Style, str]] = {
    "equal": ("✓", "good", "has the same weight files as"),
    "reserialised": ("✓", "good", "has the same parameters, in other files, as"),
    "different": ("✗", "bad", "differs from"),
    "known": ("✓", "good", "has weights that are in the store:"),
    "not_known": ("✗", "bad", "has weights that no revision in the store has"),
    "unchecked": ("?", "warn", "could not be compared with"),
}

NOT_ASKED = "looked up in the store; no Hub was asked"
"""Under a search: its models are written as on the Hub that the answer names, and that Hub had no part in it."""

SHOWN_DIFFERENCES = 5
SHOWN_VALUE = 24


def verify(answer: VerifyAnswer) -> Document:
    """Write what a folder's or file's weights are."""
    mark, style, words = SENTENCES[answer.verdict]
    if answer.against:
        words = f"{words} {at(answer.against, answer.revision)}"
    elif answer.verdict == "unchecked":
        words = "could not be checked"
    lines = [line(Span(mark, style), " ", strong(answer.path), " ", Span(words, style))]
    lines += _matches(answer) + _differences(answer)
    digests = digest_lines(answer.digests, indent="  ")
    if digests:
        lines += [EMPTY, line(dim("Its digests:")), *digests]
    asked = dated(answer) if answer.against else NOT_ASKED
    return [*lines, *unchecked_lines(answer.unchecked), EMPTY, line(dim(asked))]


def _matches(answer: VerifyAnswer) -> list[Line]:
    """List the known revisions with these weights, and which digest says so."""
    meanings = {"files": "same files", "weights": "same parameters", "content": "same values under other names"}
    rows = [(at(each.model, each.revision), each.group, dim(meanings[each.by])) for each in answer.matches]
    return columns(rows, indent="  ")


def _differences(answer: VerifyAnswer) -> list[Line]:
    """Sum up in one line what differs, then show the first places."""
    if not answer.differences:
        return []
    title = answer.summary or counted(len(answer.differences), "difference")
    lines = [EMPTY, line(strong(f"{title}:"))]
    for each in answer.differences[:SHOWN_DIFFERENCES]:
        expected, found = (cut(side, SHOWN_VALUE) if side else "nothing" for side in (each.expected, each.found))
        lines.append(line(each.what, dim(f" · expected {expected}, found {found}"), indent="  "))
    rest = len(answer.differences) - SHOWN_DIFFERENCES
    if rest > 0:
        lines.append(line(dim(f"… {rest:,} more; --format json lists all"), indent="  "))
    return lines
