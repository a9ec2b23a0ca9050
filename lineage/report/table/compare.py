"""The answer to `compare`: one sentence, what was measured, the outcome of each rule."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from lineage.report.comparing import cost_words, declarations, facts, identified, number, read_when, sampled, sentence
from lineage.report.phrases import location, rounded_down
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut, dim, line, strong, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_schemas.answers.compare import CompareAnswer, ComparedSide, RuleOutcome

WIDTH = 100
"""Columns that the rules take at most in a pipe; a terminal wraps at its own width."""

SHOWN_DETAIL = 300
"""Characters of what a rule found that are shown; the JSON answer has all of it."""

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
    confidence = f" · confidence {rounded_down(answer.confidence)}" if answer.confidence is not None else ""
    lines = [
        *(
            line(strong(each))
            for each in textwrap.wrap(visible(sentence(answer)), WIDTH, break_long_words=False, break_on_hyphens=False)
        ),
        line(Span(answer.verdict, STYLES[answer.verdict]), dim(confidence)),
        EMPTY,
    ]
    for name, side in _sides(answer):
        lines += [
            line(dim(f"{name:<4}  "), identified(side), indent="  "),
            line(facts(side), indent=" " * 8),
            line(dim(sampled(side)), indent=" " * 8),
        ]
    end = [*note_lines(answer.notes), *unchecked_lines(answer.unchecked), EMPTY]
    return [
        *lines,
        *_declared(answer),
        EMPTY,
        *_rules(answer.rules),
        *end,
        line(dim(f"{cost_words(answer)}; {read_when(answer)}")),
    ]


def _rules(rules: Sequence[RuleOutcome]) -> list[Line]:
    """Write a row for each rule that applies; what it found goes on below itself where it is long."""
    shown = [rule for rule in rules if rule.outcome != "not_applicable"]
    rows = []
    for rule in shown:
        mark, style = OUTCOMES[rule.outcome]
        rows.append((Span(mark, style), rule.id, number(rule.value), ""))
    heads = columns(rows, indent="  ")
    lines = []
    for rule, head in zip(shown, heads, strict=True):
        indent = " " * (len(head.indent) + sum(len(span.text) for span in head.spans))
        room = max(WIDTH - len(indent), 40)
        first, *more = textwrap.wrap(cut(rule.detail, SHOWN_DETAIL), room, break_on_hyphens=False) or [""]
        lines.append(Line((*head.spans, dim(first)), head.indent, indent))
        lines += [line(dim(each), indent=indent, hang=indent) for each in more]
    return lines


def _sides(answer: CompareAnswer) -> Iterator[tuple[str, ComparedSide]]:
    """Yield each side with the name that it has in the answer."""
    yield "A", answer.a
    yield "B", answer.b
    for side in answer.others:
        yield "with", side


def _declared(answer: CompareAnswer) -> list[Line]:
    """Write what the two declare about each other, whether the weights agree, and where it is declared."""
    lines = []
    for each, pointers in declarations(answer):
        mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}[each.agrees]
        relation = f" ({each.relation})" if each.relation else ""
        where = ", ".join(dict.fromkeys(location(pointer, model=each.child) for pointer in pointers))
        words = f" {each.child} declares {each.parent} as its parent{relation}: {each.reason}"
        lines += [line(Span(mark, style), words), line(dim(where), indent="    ")]  # type: ignore[arg-type]
    return [EMPTY, *lines] if lines else []
