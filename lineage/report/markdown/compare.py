"""A comparison of two models as Markdown: the sentence, both sides, a row for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.comparing import declarations, facts, identified, named, number, sampled, sentence
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import rounded_down

if TYPE_CHECKING:
    from lineage_schemas.answers.compare import CompareAnswer


def compare(answer: CompareAnswer) -> str:
    """Write the verdict on two models and what it rests on."""
    sides = [("a", answer.a), ("b", answer.b), *(("with", each) for each in answer.others)]
    rows = [(name, code(identified(side)), prose(facts(side)), prose(sampled(side))) for name, side in sides]
    rules = [
        (code(rule.id), rule.outcome, number(rule.value), prose(rule.detail))
        for rule in answer.rules
        if rule.outcome != "not_applicable"
    ]
    declared = [
        f"- {code(each.child)} declares {code(each.parent)} as its parent: {prose(each.reason)} "
        f"{', '.join(parts.pointer(pointer) for pointer in pointers)}"
        for each, pointers in declarations(answer)
    ]
    confidence = f", confidence {rounded_down(answer.confidence)}" if answer.confidence is not None else ""
    return document(
        [f"## {code(named(answer.a))} and {code(named(answer.b))}"],
        [f"{prose(sentence(answer))}"],
        [f"Verdict: **{answer.verdict}**{confidence}."],
        table(("", "model", "weights", "sample"), rows),
        declared,
        table(("rule", "outcome", "value", "what was found"), rules),
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
        parts.footer(answer, answer.a.model, answer.b.model),
    )
