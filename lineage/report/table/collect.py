"""The answer to `collect`: one line per model, what could not be followed, how much was read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lineage.report.findings import settings_lines
from lineage.report.phrases import REASONS, at, cost_words, counted, dated, listed
from lineage.report.text import EMPTY, Document, Line, Span, Style, columns, dim, line, strong
from lineage_schemas.cost import Cost

if TYPE_CHECKING:
    from lineage_schemas.answers.collect import CollectAnswer, CollectedModel

OUTCOMES: dict[str, tuple[str, Style]] = {
    "collected": ("✓", "good"), "unchanged": ("=", "dim"), "named": ("·", "warn"), "failed": ("✗", "bad"),
}  # fmt: skip


WORDS = {"named": "named only (missing or gated)"}
"""Explanations of outcomes in the summary."""


def collect(answer: CollectAnswer) -> Document:
    """Write what a collection did."""
    totals: Counter[str] = Counter(each.outcome for each in answer.models)
    words = ", ".join(f"{totals[outcome]:,} {WORDS.get(outcome, outcome)}" for outcome in OUTCOMES if totals[outcome])
    lines = [line(strong(counted(len(answer.models), "model")), f": {words or 'nothing to do'}")]
    rows = columns([_row(each) for each in answer.models], indent="  ")
    for row, each in zip(rows, answer.models, strict=True):
        lines.append(row)
        if each.parents:
            lines.append(line(dim(f"from {listed(each.parents, 3)}"), indent="       "))
    lines += [*_samples(answer), *_incomplete(answer)]
    lines += [EMPTY, line(dim(f"{cost_words(answer.cost)} · store {answer.store}")), *settings_lines(answer.settings)]
    return [*lines, line(dim(dated(answer)))]


def _row(model: CollectedModel) -> tuple[str | Span, ...]:
    facts = []
    if model.commits is not None:
        facts.append(counted(model.commits, "commit"))
    if model.changes is not None:
        uploads = model.first_uploads or 0
        facts += [counted(uploads, "upload")] if uploads else []
        facts.append(counted(model.changes - uploads, "weight change"))
    if model.level:
        facts.append(f"level {model.level}")
    mark, style = OUTCOMES[model.outcome]
    return Span(mark, style), at(model.id, model.head), Span(model.outcome, style), " · ".join(facts)


def _samples(answer: CollectAnswer) -> list[Line]:
    """Write what samples were taken, and which groups have none and why."""
    samples = [(each.id, each.samples) for each in answer.models if each.samples]
    if not samples:
        return []
    groups = sum(each.groups for _, each in samples)
    cost = Cost.total((each.cost for _, each in samples), local=answer.cost.local)
    lines = [EMPTY, line(f"Sampled {counted(groups, 'weight group')} · {cost_words(cost)}")]
    for model, each in samples:
        lines += [
            line(dim(f"not sampled: {model} · {name}: {why}"), indent="  ") for name, why in each.not_sampled.items()
        ]
    return lines


def _incomplete(answer: CollectAnswer) -> list[Line]:
    if not answer.incomplete:
        return []
    lines = [EMPTY, line(Span("Incomplete:", "warn"))]
    for each in answer.incomplete:
        detail = f" · {each.detail}" if each.detail else ""
        lines.append(line(f"{each.model} · {REASONS[each.reason]}", dim(detail), indent="  "))
    return lines
