"""The answer to `diff`: the weights in one line, tensors, what changed by facet, then every field that differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.report import facets
from lineage.report.phrases import at, counted, dated, kind_words, licence_term, licence_words, tensor_summary
from lineage.report.table.unchecked import note_lines, unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.diff import DiffAnswer, FacetDiff, LicenceDiff, TensorsDiff
    from lineage_schemas.facet import Facet

KIND_STYLES: dict[str, Style] = {
    "equal": "good",
    "reserialised": "good",
    "renamed": "good",
    "partial": "warn",
    "retrained": "warn",
    "reshaped": "warn",
    "cast": "warn",
    "requantised": "warn",
    "replaced": "warn",
    "unknown": "warn",
}

SHOWN_NAMES = 5
SHOWN_CHANGES = 3
FACET_LINE = 68
FACET_REASON = 160
ONE_LINE = 60
CUT = 88


def diff(answer: DiffAnswer) -> Document:
    """Write what differs from `a` to `b`."""
    a, b = at(answer.a.model, answer.a.revision), at(answer.b.model, answer.b.revision)
    style = KIND_STYLES[answer.weights.kind]
    words = kind_words(answer.weights)
    lines = [line(strong(a), " → ", strong(b)), line("weights: ", Span(answer.weights.kind, style), f" · {words}")]
    if answer.a.group != answer.b.group:
        lines.append(line(dim(f"main group: {answer.a.group or 'none'} → {answer.b.group or 'none'}"), indent="  "))
    if answer.weights.tensors:
        lines += tensor_lines(answer.weights.tensors, cast=answer.weights.kind == "cast")
    if answer.licences:
        lines += [EMPTY, *_licences(answer.licences)]
    lines += _by_facet(answer.by_facet)
    if answer.facets:
        lines += [EMPTY, line(strong(f"{counted(len(answer.facets), 'field')} differ{_s(answer.facets)}:"))]
        for facet in answer.facets:
            lines += _facet(facet)
    else:
        lines += [EMPTY, line("No field of card, config or tokenizer differs.")]
    end = [*note_lines(answer.notes), *unchecked_lines(answer.unchecked)]
    return [*lines, *end, EMPTY, line(dim(dated(answer, answer.a.model, answer.b.model)))]


def _s(things: Sequence[object]) -> str:
    return "s" if len(things) == 1 else ""


def tensor_lines(tensors: TensorsDiff, *, cast: bool = False) -> list[Line]:
    """Write tensors by what happened to them."""
    lines = [line(tensor_summary(tensors, cast=cast), indent="  ")]
    renamed = [f"{each.before} → {each.after}" for each in tensors.renamed]
    for word, names in (
        ("rounded" if cast else "changed", tensors.changed),
        ("added", tensors.added),
        ("removed", tensors.removed),
        ("renamed", renamed),
    ):
        if names:
            lines.append(line(f"{len(names):,} {word}:", indent="    "))
            lines += [line(dim(name), indent="      ") for name in names[:SHOWN_NAMES]]
            if len(names) > SHOWN_NAMES:
                lines.append(line(dim(f"… {len(names) - SHOWN_NAMES:,} more"), indent="      "))
    return lines


def _licences(found: LicenceDiff) -> list[Line]:
    """Write what the licence became, and each term that differs."""
    names = [cut(name, ONE_LINE) if name else "(none declared)" for name in (found.before, found.after)]
    style: Style = "good" if found.relation in {"same", "wider"} else "warn"
    words = licence_words(found)
    lines = [line(f"licence: {names[0]} → {names[1]} · ", Span(found.relation, style), f" · {words}")]
    for term in found.terms:
        name, before, after = licence_term(term)
        lines.append(line(f"{name}  {before} → {after}", indent="  "))
    return lines


def _by_facet(judged: Sequence[Facet]) -> list[Line]:
    """Write what changed in each facet and what was not judged; those that are the same are counted."""
    if not judged:
        return []
    rows = [row for each in judged for row in _facet_rows(each)]
    return [EMPTY, line(strong(facets.counts(judged))), *columns(rows, indent="  ")]


def _facet_rows(facet: Facet) -> list[tuple[Span, Span]]:
    """Write one line for the changes of a facet, and one for what of it was not judged."""
    spans = []
    if facet.changes:
        words = [facets.change(each) for each in facet.changes[:SHOWN_CHANGES]]
        while len(words) > 1 and len("; ".join(words)) > FACET_LINE:
            words.pop()
        more = len(facet.changes) + facet.more_changes - len(words)
        spans.append(Span(cut("; ".join(words), FACET_LINE) + (f"; {more:,} more" if more else "")))
    if facet.unjudged:
        spans.append(Span(cut(facets.unjudged(facet), FACET_REASON), "warn"))
    return [(Span("" if number else facets.NAMES[facet.name]), span) for number, span in enumerate(spans)]


def _facet(facet: FacetDiff) -> list[Line]:
    """Write a field on one line if both values are short, else each value on its own line."""
    before, after = _value(facet.before), _value(facet.after)
    if len(facet.name) + len(before) + len(after) <= ONE_LINE:
        return [line(facet.name, f"  {before} → {after}", indent="  ")]
    return [
        line(facet.name, indent="  "),
        line(Span(f"- {before}", "bad"), indent="    "),
        line(Span(f"+ {after}", "good"), indent="    "),
    ]


def _value(value: str | None) -> str:
    return "(absent)" if value is None else cut(value, CUT)
