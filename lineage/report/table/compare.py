"""The answer to `compare`: one sentence, what was measured, the outcome of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.comparing import facts, named, number, sampled, sentence
from lineage.report.phrases import counted, dated, location, size
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, dim, line, strong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_schemas.answers.compare import CompareAnswer, ComparedSide, DeclaredBetween

STYLES: dict[str, Style] = {
    "same_weights": "good", "derived": "good", "related": "good", "unclear": "warn", "not_comparable": "warn",
    "unrelated": "bad",
}  # fmt: skip
OUTCOMES: dict[str, tuple[str, Style]] = {
    "for": ("+", "good"), "against": ("-", "bad"), "neutral": ("·", "dim"), "unchecked": ("?", "warn"),
    "not_applicable": (" ", "dim"),
}  # fmt: skip


def compare(answer: CompareAnswer) -> Document:
    """Write the verdict on two models and what it rests on."""
    confidence = f" · confidence {answer.confidence:.2f}" if answer.confidence is not None else ""
    lines = [
        line(strong(sentence(answer))),
        line(Span(answer.verdict, STYLES[answer.verdict]), dim(confidence)),
        EMPTY,
        *columns(
            [(dim(name), named(side), facts(side), dim(sampled(side))) for name, side in _sides(answer)], indent="  "
        ),
    ]
    lines += _declared(answer.declared)
    rows = []
    for rule in answer.rules:
        if rule.outcome == "not_applicable":
            continue
        mark, style = OUTCOMES[rule.outcome]
        rows.append((Span(mark, style), rule.id, number(rule.value), dim(rule.detail)))
    lines += [EMPTY, *columns(rows, indent="  ")]
    cost = f"{size(answer.cost.bytes)} read in {counted(answer.cost.requests, 'request')}, {answer.cost.seconds:.1f} s"
    end = [*note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    return [*lines, *end, EMPTY, line(dim(cost)), line(dim(dated(answer, answer.a.model, answer.b.model)))]


def _sides(answer: CompareAnswer) -> Iterator[tuple[str, ComparedSide]]:
    """Yield each side with the name that it has in the answer."""
    yield "a", answer.a
    yield "b", answer.b
    for side in answer.others:
        yield "with", side


def _declared(declared: tuple[DeclaredBetween, ...]) -> list[Line]:
    """Write what the two declare about each other, and whether the weights agree."""
    if not declared:
        return []
    lines = [EMPTY]
    for each in declared:
        mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}[each.agrees]
        relation = f" ({each.relation})" if each.relation else ""
        where = dim(f" · {location(each.pointer, model=each.child)}")
        words = f" {each.child} declares {each.parent} as its parent{relation}: {each.reason}"
        lines.append(line(Span(mark, style), words, where))  # type: ignore[arg-type]
    return lines
