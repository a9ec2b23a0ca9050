"""A trace as Markdown: one row per edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.deciding import (
    deciding_words,
    hidden_words,
    legend,
    related_words,
    unmeasured_words,
    unrelated_words,
)
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import REASONS, at, counted, relation_words, status_words, were_read

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer


def trace(answer: TraceAnswer) -> str:
    """Write a trace: edges with their evidence, then paths, then what is left out."""
    return document(
        [f"## {_title(answer)}"],
        _counts(answer),
        _edges(answer),
        [f"{n}. {' → '.join(code(model) for model in path)}" for n, path in enumerate(answer.paths, 1)],
        _rest(answer),
        [prose(text) for text in filter(None, [hidden_words(answer.hidden)])],
        [f"- {prose(text)}" for text in legend(answer.derivations)],
        parts.findings(answer.findings),
        parts.settings(answer.settings),
        parts.footer(answer, *were_read(answer)),
    )


def _title(answer: TraceAnswer) -> str:
    if answer.direction == "paths":
        return f"Between {code(answer.root)} and {code(answer.to or '')}: {counted(len(answer.paths), 'path')}"
    return f"{'Descendants' if answer.direction == 'down' else 'Ancestors'} of {code(answer.root)}"


def _counts(answer: TraceAnswer) -> list[str]:
    if answer.direction != "down":
        return []
    named = [f"{number:,} {'no relation' if word == 'none' else word}" for word, number in answer.counts.items()]
    return [
        f"{counted(sum(answer.counts.values()), 'descendant')} known" + (f": {', '.join(named)}." if named else ".")
    ]


def _edges(answer: TraceAnswer) -> list[str]:
    if not answer.derivations:
        return ["No edge is known."]
    models = {model.id: model for model in answer.models}
    far = "child" if answer.direction == "down" else "parent"
    rows = []
    for edge in answer.derivations:
        model = models.get(edge.child if far == "child" else edge.parent)
        facts = [code(fact) for fact in (model.family, model.licence) if fact] if model else []
        if model and model.state != "present":
            facts.insert(0, model.state)
        rows.append(
            (
                code(at(edge.child, edge.child_revision)),
                code(at(edge.parent, edge.parent_revision)),
                prose(relation_words(edge)),
                f"~~{status_words(edge)}~~" if edge.status == "contradicted" else status_words(edge),
                prose(deciding_words(edge)),
                parts.evidence(edge),
                " ".join(facts),
            )
        )
    return table(
        ("child", "parent", "relation", "status", "decided by", "evidence", f"the {far}'s family and licence"), rows
    )


def _rest(answer: TraceAnswer) -> list[str]:
    """List names that are not repositories, related models, and models that could not be followed."""
    lines = [
        f"- {code(each.model)} names {code(each.value)} in {parts.pointer(each.pointer)}: {prose(each.reason)}"
        for each in answer.unresolvable
        if each.value
    ]
    lines += [
        f"- {code(each.model)}: {prose(each.reason)} ({parts.pointer(each.pointer)})"
        for each in answer.unresolvable
        if not each.value
    ]
    lines += [
        f"- {code(each.a)} and {code(each.b)} share weights: {prose(related_words(each))}" for each in answer.related
    ]
    lines += [
        f"- {code(each.child)} and {code(each.parent)} were compared and are foreign: "
        f"{prose(unrelated_words(each.decided_by))}"
        for each in answer.unrelated or ()
    ]
    lines += [
        f"- not measured: {prose(unmeasured_words(each))}; {code(each.command)} decides" for each in answer.unmeasured
    ]
    for each in answer.incomplete:
        detail = f" ({prose(each.detail)})" if each.detail else ""
        lines.append(f"- {code(each.model)}: {REASONS[each.reason]}{detail}")
    return lines
