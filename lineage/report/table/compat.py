"""The answers to `compat`: one line a task, then flips; for claims, one line a claim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.report import compat as words
from lineage.report.phrases import counted, dated
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.compat import ComparedTask, CompatAnswer, CompatClaimsAnswer, Compatible, Flip

MARKS: dict[str, tuple[str, Style]] = {
    "within": ("✓", "good"), "above": ("✗", "bad"), "unjudged": ("·", "dim"),
    "confirmed": ("✓", "good"), "contradicted": ("✗", "bad"), "unverified": ("?", "warn"),
}  # fmt: skip

SHOWN_NAME = 36
SHOWN_ANSWER = 28


def compat(answer: CompatAnswer) -> Document:
    """Write the comparison of two versions."""
    lines = [line(strong(answer.old.path), " → ", strong(answer.new.path)), line(words.headline(answer))]
    lines += _tasks(answer)
    lines += _flips(answer)
    lines += _compatible(answer.compatible) if answer.compatible else []
    lines += [*note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    lines += [EMPTY, *(line(dim(f"{short}: {meaning}")) for short, meaning in words.EXPLANATIONS)]
    return [*lines, line(dim(words.regime(answer))), line(dim(words.settings(answer)))]


def _tasks(answer: CompatAnswer) -> list[Line]:
    """Write a table, and under it what its columns do not hold."""
    if not answer.tasks:
        return []
    header = ("", "task and metric", "n", "mean", "NFR %", "PFR %", "NFRmc %", "BTC %")
    rows: list[tuple[str | Span, ...]] = [tuple(dim(each) for each in header)]
    for task in answer.tasks:
        rates = (words.bare(words.percent(words.value_of(each))) for each in (task.pfr, task.nfr_mc, task.btc))
        shown = strong(cut(words.name(task), SHOWN_NAME))
        rows.append(
            (
                Span(*MARKS[task.verdict]),
                shown,
                f"{task.n:,}",
                words.means(task),
                words.bare(words.rate(task.nfr)),
                *rates,
            )
        )
    details = [(name, dim(text)) for task in answer.tasks for name, text in _details(task)]
    return [EMPTY, *columns(rows), *([EMPTY] if details else []), *columns(details, indent="  ")]


def _details(task: ComparedTask) -> Iterator[tuple[str, str]]:
    """List what the columns of a task do not hold."""
    left_out = words.left_out(task)
    for text in (words.beside(task), f"not compared: {left_out}" if left_out else "", words.repeated(task)):
        if text:
            yield cut(words.name(task), SHOWN_NAME), text


def _flips(answer: CompatAnswer) -> list[Line]:
    """List flipped instances with both answers."""
    lines: list[Line] = []
    for task in answer.tasks:
        if task.flips:
            lines += [EMPTY, line(strong(f"Flips of {words.name(task)}:"))]
            lines += columns([_flip(each) for each in task.flips], indent="  ")
    return lines


def _flip(flip: Flip) -> tuple[str | Span, ...]:
    mark = Span("✗", "bad") if flip.direction == "negative" else Span("✓", "good")
    before, after = (
        cut(text, SHOWN_ANSWER) if text is not None else words.grade(score)
        for text, score in ((flip.old, flip.score_old), (flip.new, flip.score_new))
    )
    expected = dim(f"expected {cut(flip.reference, SHOWN_ANSWER)}") if flip.reference is not None else ""
    return mark, dim(cut(flip.id, 12)), f"{before} → {after}", expected


def _compatible(found: Compatible) -> list[Line]:
    """Write the comparison with the third model."""
    lines = [EMPTY, line(strong(f"{found.results.path} instead of the new version:"))]
    rows: list[tuple[str | Span, ...]] = [
        tuple(dim(each) for each in ("task and metric", "n", "mean", "NFR", "NFRc", "change", "relative"))
    ]
    for task in found.tasks:
        delta = words.UNKNOWN if task.delta is None else f"{100 * task.delta:+.1f} points"
        relative = words.UNKNOWN if task.delta_percent is None else f"{task.delta_percent:+.1f} %"
        rates = (words.percent(words.value_of(task.nfr)), words.rate(task.nfr_c))
        rows.append((cut(words.name(task), SHOWN_NAME), f"{task.n:,}", words.grade(task.acc), *rates, delta, relative))
    return [*lines, *columns(rows, indent="  ")]


def claims(answer: CompatClaimsAnswer) -> Document:
    """Write the check of a card's claims."""
    counts = {
        verdict: sum(each.verdict == verdict for each in answer.claims) for verdict in ("confirmed", "contradicted")
    }
    total = counted(len(answer.claims), "claim")
    summary = f"{total}, {counts['confirmed']:,} confirmed, {counts['contradicted']:,} contradicted"
    lines = [line(strong(answer.model), f" against {answer.results.path}: {summary}"), EMPTY]
    rows = [
        (
            Span(*MARKS[each.verdict]),
            strong(cut(words.claim_name(each), 48)),
            f"claims {cut(words.claim_value(each), 12)}",
            Span(words.claim_measured(each), "" if each.measured else "dim"),
        )
        for each in answer.claims
    ]
    notes = [*note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    shown = columns(rows) if rows else [line("The card claims no results.")]
    return [*lines, *shown, *notes, EMPTY, line(dim(dated(answer, answer.model)))]
