"""A diff as Markdown: tensors in a list, fields in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report import facets
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import at, counted, kind_words, licence_term, licence_words, tensor_summary
from lineage.report.text import cut

if TYPE_CHECKING:
    from lineage_schemas.answers.diff import DiffAnswer, LicenceDiff, TensorsDiff
    from lineage_schemas.facet import Facet

SHOWN_NAMES = 20
SHOWN_CHANGES = 10


def diff(answer: DiffAnswer) -> str:
    """Write what differs from `a` to `b`."""
    a, b = at(answer.a.model, answer.a.revision), at(answer.b.model, answer.b.revision)
    rows = [
        (code(each.name), _value(each.before), _value(each.after), parts.pointer(each.pointer))
        for each in answer.facets
    ]
    return document(
        [f"## {code(a)} → {code(b)}"],
        [f"Weights: **{answer.weights.kind}**, {kind_words(answer.weights)}."],
        _tensors(answer.weights.tensors, cast=answer.weights.kind == "cast") if answer.weights.tensors else [],
        _licences(answer.licences) if answer.licences else [],
        _by_facet(answer.by_facet),
        table(("field", "before", "after", "where"), rows)
        if rows
        else ["No field of card, config or tokenizer differs."],
        parts.notes(answer.notes),
        parts.unchecked(answer.unchecked),
        parts.footer(answer, answer.a.model, answer.b.model),
    )


def _licences(found: LicenceDiff) -> list[str]:
    names = [code(cut(name, 88)) if name else "*none declared*" for name in (found.before, found.after)]
    rows = [(name, prose(before), prose(after)) for name, before, after in map(licence_term, found.terms)]
    lines = [f"Licence: {names[0]} → {names[1]}: **{found.relation}**, {prose(licence_words(found))}."]
    return [*lines, "", *table(("term", "before", "after"), rows)] if rows else lines


def _by_facet(judged: Sequence[Facet]) -> list[str]:
    """Write a row for each facet that changed or was not judged; those that are the same are counted."""
    if not judged:
        return []
    rows = [(facets.NAMES[each.name], each.state, _facet_cell(each)) for each in judged if each.state != "same"]
    return [f"{facets.counts(judged)}.", *(["", *table(("facet", "state", "what"), rows)] if rows else [])]


def _facet_cell(facet: Facet) -> str:
    shown = [code(facets.change(each)) for each in facet.changes[:SHOWN_CHANGES]]
    more = len(facet.changes) + facet.more_changes - len(shown)
    parts = [*shown, *([f"{more:,} more"] if more else [])]
    if facet.unjudged:
        parts.append(prose(facets.unjudged(facet)))
    return "<br>".join(parts)


def _value(value: str | None) -> str:
    return "*absent*" if value is None else code(cut(value, 88))


def _tensors(tensors: TensorsDiff, *, cast: bool) -> list[str]:
    lines = [f"- {tensor_summary(tensors, cast=cast)}"]
    for word, names in (
        ("rounded" if cast else "changed", tensors.changed),
        ("added", tensors.added),
        ("removed", tensors.removed),
    ):
        if names:
            rest = len(names) - SHOWN_NAMES
            shown = ", ".join(code(name) for name in names[:SHOWN_NAMES])
            lines.append(f"- {len(names):,} {word}: {shown}" + (f" and {rest:,} more" if rest > 0 else ""))
    if tensors.renamed:
        shown = ", ".join(f"{code(each.before)} → {code(each.after)}" for each in tensors.renamed[:SHOWN_NAMES])
        lines.append(f"- {counted(len(tensors.renamed), 'tensor')} renamed: {shown}")
    return lines
