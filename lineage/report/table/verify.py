"""The answer to `verify`: one sentence, then the revisions that match or the differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import at, counted, dated
from lineage.report.table.fingerprint import digest_lines
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut_pair, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.verify import VerifyAnswer

SENTENCES: dict[str, tuple[str, Style, str]] = {
    "equal": ("✓", "good", "has the same weight files as"),
    "reserialised": ("✓", "good", "has the same parameters, in different files, as"),
    "different": ("✗", "bad", "differs from"),
    "known": ("✓", "good", "has weights that are in the store:"),
    "not_known": ("✗", "bad", "has weights that are not in the store"),
    "unchecked": ("?", "warn", "could not be compared with"),
}

NO_REQUEST = "no request was sent to the Hub"

NOT_ASKED = f"searched in the store; {NO_REQUEST}"
"""The footer of a search: the Hub that the answer names only determines how model ids are written."""

SHOWN_DIFFERENCES = 5
SHOWN_VALUE = 24


def verify(answer: VerifyAnswer) -> Document:
    """Write the result for a folder or a file."""
    mark, style, words = SENTENCES[answer.verdict]
    if answer.lock:
        words = _with_lock(answer)
    elif answer.against:
        words = f"{words} {at(answer.against, answer.revision)}"
    elif answer.verdict == "unchecked":
        words = "could not be checked"
    lines = [line(Span(mark, style), " ", strong(answer.path), " ", Span(words, style))]
    lines += _matches(answer) + _differences(answer)
    digests = digest_lines(answer.digests, indent="  ")
    if digests:
        lines += [EMPTY, line(dim("Digests:")), *digests]
    asked = (
        f"compared with {answer.lock}; {NO_REQUEST}" if answer.lock else dated(answer) if answer.against else NOT_ASKED
    )
    return [*lines, *note_lines(answer.notes), *unchecked_lines(answer.unchecked), EMPTY, line(dim(asked))]


def _with_lock(answer: VerifyAnswer) -> str:
    """Say how all files compare with those of a locked model."""
    if answer.against is None:
        return f"is not a model of {answer.lock}: it has the weights of none"
    words = {"equal": "has the files of", "reserialised": SENTENCES["reserialised"][2], "different": "differs from"}
    return f"{words.get(answer.verdict, 'could not be compared whole with')} {at(answer.against, answer.revision)}"


def _matches(answer: VerifyAnswer) -> list[Line]:
    """List the known revisions with these weights, and by which digest they match."""
    meanings = {"files": "same files", "weights": "same parameters", "content": "same values under different names"}
    rows = [(at(each.model, each.revision), each.group, dim(meanings[each.by])) for each in answer.matches]
    differs = answer.against and answer.verdict in ("different", "unchecked")
    title = [EMPTY, line(strong("The model has these weights in another revision:"))] if differs and rows else []
    return [*title, *columns(rows, indent="  ")]


def _differences(answer: VerifyAnswer) -> list[Line]:
    """Summarise in one line what differs, then list the first differences."""
    if not answer.differences:
        return []
    title = answer.summary or counted(len(answer.differences), "difference")
    lines = [EMPTY, line(strong(f"{title}:"))]
    for each in answer.differences[:SHOWN_DIFFERENCES]:
        expected, found = cut_pair(each.expected or "nothing", each.found or "nothing", SHOWN_VALUE)
        lines.append(line(each.what, dim(f" · expected {expected}, found {found}"), indent="  "))
    rest = len(answer.differences) - SHOWN_DIFFERENCES
    if rest > 0:
        lines.append(line(dim(f"… {rest:,} more; --format json lists all"), indent="  "))
    return lines
