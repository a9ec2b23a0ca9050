"""The answer to `lock`: one line per model, what changes in the lock, which models have moved since."""

from __future__ import annotations

from collections import Counter
from shlex import quote
from typing import TYPE_CHECKING

from lineage.report.findings import settings_lines
from lineage.report.phrases import at, counted, dated, listed, short
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut_pair, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.lock import LockAnswer, LockState
    from lineage_schemas.lock import LockDifference

OUTCOMES: dict[str, tuple[str, Style]] = {
    "added": ("+", "good"), "moved": ("~", "warn"), "removed": ("-", "warn"), "unresolved": ("?", "warn"),
    "kept": ("=", "dim"),
}  # fmt: skip
"""Marks of what happened to a model, in the order in which the summary counts them."""

SHOWN_DIFFERENCES = 10
"""Differences of one model that are listed; the JSON answer has all."""

SHOWN_VALUE = 60
SHOWN_PLACES = 2


def lock(answer: LockAnswer) -> Document:
    """Write what was locked, or with `--check` what would be."""
    mark, style, words = _summary(answer)
    totals: Counter[str] = Counter(each.outcome for each in answer.models)
    counts = ", ".join(f"{totals[outcome]:,} {outcome}" for outcome in OUTCOMES if totals[outcome])
    lines = [
        line(Span(mark, style), " ", strong(answer.file), f" {words}"),
        line(f"{counted(len(answer.models), 'model')}: {counts}"),
    ]
    rows = sorted(answer.models, key=lambda each: (each.id, each.revision or ""))
    lines += columns([_row(each) for each in rows], indent="  ")
    lines += [*_differences(answer), *_behind(answer), *note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    return [*lines, EMPTY, *settings_lines(answer.settings), line(dim(dated(answer)))]


def _summary(answer: LockAnswer) -> tuple[str, Style, str]:
    """Say in a few words what became of the lock."""
    if answer.written:
        return ("?", "warn", "was written, not whole") if answer.unchecked else ("✓", "good", "was written")
    if answer.verdict == "changed":
        return "✗", "bad", "is not what the sources ask for"
    return ("?", "warn", "was not checked whole") if answer.unchecked else ("✓", "good", "is current")


def _row(model: LockState) -> tuple[str | Span, ...]:
    mark, style = OUTCOMES[model.outcome]
    asked = f"asked for as {model.revision}" if model.revision and model.revision != model.commit else ""
    places = listed([f"{place.file}:{place.line}" for place in model.places], SHOWN_PLACES)
    return (
        Span(mark, style),
        at(model.id, model.commit),
        Span(model.outcome, style),
        dim(" · ".join(filter(None, (asked, places)))),
    )


def _differences(answer: LockAnswer) -> list[Line]:
    """List what changes inside models that were locked before; added and removed models have a line already."""
    by_model: dict[str, list[LockDifference]] = {}
    for each in answer.differences:
        if each.field != "model":
            by_model.setdefault(at(each.model, each.revision), []).append(each)
    lines: list[Line] = [EMPTY] if by_model else []
    for model, found in by_model.items():
        lines.append(line(strong(model), " changes:"))
        lines += [line(*_difference(each), indent="  ") for each in found[:SHOWN_DIFFERENCES]]
        if len(found) > SHOWN_DIFFERENCES:
            lines.append(line(dim(f"… {len(found) - SHOWN_DIFFERENCES:,} more; --format json lists all"), indent="  "))
    return lines


def _difference(each: LockDifference) -> tuple[str | Span, ...]:
    what = each.field.replace("_", " ") + (f" {each.name}" if each.name else "")
    if each.field == "commit" and each.now is None:
        return what, dim(f" · {each.locked} is no longer on the Hub")
    locked, now = cut_pair(each.locked or "nothing", each.now or "nothing", SHOWN_VALUE)
    return what, dim(f" · locked {locked}, now {now}")


def _behind(answer: LockAnswer) -> list[Line]:
    """List the models that moved since they were locked."""
    if not answer.behind:
        return []
    lines = [EMPTY, line(strong("Moved since they were locked:"))]
    for each in answer.behind:
        where = each.revision or "the default branch"
        lines.append(line(f"{each.model} · {where} is at {short(each.now)}, locked {short(each.locked)}", indent="  "))
        where = "" if answer.path == "." else f" {quote(answer.path)}"
        lines.append(line(dim("to move it: "), f"lineage lock{where} --upgrade {each.model}", indent="    "))
    return lines
