"""The impact of a model's changes as a table: what changed, and who is hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.findings import finding_lines, settings_lines
from lineage.report.impacted import built_on, used_at, used_revision
from lineage.report.phrases import REASONS, counted, dated, period, span_of
from lineage.report.table.unchecked import unchecked_lines
from lineage.report.text import EMPTY, Document, columns, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.impact import ImpactAnswer


def impact(answer: ImpactAnswer) -> Document:
    """Write the changes, then the models that they hit, those that break first at the top."""
    since = f" since {answer.since}" if answer.since else ""
    lines = [line(strong(answer.model), f" · {counted(len(answer.changes), 'weight change')}{since}")]
    if not answer.changes and not answer.incomplete:
        lines.append(line("Its weights never changed" + (since or " after the first upload") + ".", indent="  "))
    lines += [
        line(
            f"{span_of(each.revisions)} · {period(each.start, each.end)} · {each.kind} · {each.verdict or 'unchecked'}",
            indent="  ",
        )
        for each in answer.changes
    ]
    if answer.changes:
        counts = ", ".join(f"{number:,} {relation}" for relation, number in answer.counts.items())
        total = counted(sum(answer.counts.values()), "model")
        lines += [EMPTY, line(strong(f"Hit: {total}{f' ({counts})' if counts else ''}"))]
        rows = [
            (each.model, each.relation or each.method, f"depth {each.depth}", built_on(each), each.status)
            for each in answer.hit
        ]
        lines += columns(rows, indent="  ")
        advice = dict.fromkeys((each.relation or "none", each.advice) for each in answer.hit if each.depth == 1)
        lines += [line(dim(f"{relation}: {text}"), indent="  ") for relation, text in advice]
    if answer.products:
        lines += [
            EMPTY,
            line(strong(f"Used by {counted(len({each.product for each in answer.products}), 'product')}:")),
        ]
        uses = [(each.product, each.model, used_revision(each), used_at(each)) for each in answer.products]
        lines += columns(uses, indent="  ")
    left = [line(f"{each.model} · {REASONS[each.reason]} · {each.detail}", indent="  ") for each in answer.incomplete]
    lines += [EMPTY, line(strong("Incomplete:")), *left] if left else []
    if answer.findings:
        lines += [EMPTY, line(strong("Findings:")), *finding_lines(answer.findings)]
    lines += [*unchecked_lines(answer.unchecked), EMPTY]
    return [*lines, *settings_lines(answer.settings), line(dim(dated(answer, answer.model)))]
