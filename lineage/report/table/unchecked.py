"""What could not be checked, and the command that would decide it: the same form in every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report.phrases import shortened
from lineage.report.text import EMPTY, Line, Span, cut, dim, line

if TYPE_CHECKING:
    from lineage_schemas.unchecked import Unchecked


SHOWN_REASON = 160
"""Characters of a reason that are shown; the JSON answer has all of it."""


def unchecked_lines(unchecked: Sequence[Unchecked], *, indent: str = "") -> list[Line]:
    """Write what is unchecked with its reason; items with the same reason are grouped under one command."""
    if not unchecked:
        return []
    lines = [EMPTY, line(Span("Not checked:", "warn"), indent=indent)]
    reasons: dict[tuple[str, str | None], list[str]] = {}
    for each in unchecked:
        reasons.setdefault((each.reason, each.decide_with), []).append(each.what)
    for (reason, decide_with), things in reasons.items():
        why = f" · {cut(shortened(reason), SHOWN_REASON)}"
        lines += [line(shortened(what), why, indent=indent + "  ") for what in things]
        if decide_with:
            lines.append(line(dim("to decide: "), decide_with, indent=indent + "    "))
    return lines


def note_lines(notes: Sequence[str]) -> list[Line]:
    """Write what a reader should know beside the answer."""
    return [EMPTY, *(line(Span("Note: ", "warn"), shortened(note)) for note in notes)] if notes else []
