"""The impact of a model's changes as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.impacted import built_on, used_at, used_revision
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import REASONS, counted, span_of

if TYPE_CHECKING:
    from lineage_schemas.answers.impact import ImpactAnswer


def impact(answer: ImpactAnswer) -> str:
    """Write the changes and one row for each model that they hit."""
    since = f" since {code(answer.since)}" if answer.since else ""
    hit = sum(answer.counts.values())
    rows = [
        (code(each.model), each.relation or prose(each.method), str(each.depth), prose(built_on(each)), each.status,
         prose(each.advice))
        for each in answer.hit
    ]  # fmt: skip
    uses = [
        (prose(each.product), code(each.model), prose(used_revision(each)), code(used_at(each)))
        for each in answer.products
    ]
    return document(
        [f"## Impact of {code(answer.model)}"],
        [f"{counted(len(answer.changes), 'weight change')}{since}, {counted(hit, 'model')} hit"],
        [f"- {code(span_of(each.revisions))}: {each.kind}, {each.verdict or 'unchecked'}" for each in answer.changes],
        table(("model", "relation", "depth", "built on", "status", "advice"), rows) if rows else [],
        table(("product", "model", "revision", "place"), uses) if uses else [],
        [f"- {code(each.model)}: {REASONS[each.reason]} ({prose(each.detail or '')})" for each in answer.incomplete],
        parts.findings(answer.findings),
        parts.unchecked(answer.unchecked),
        parts.settings(answer.settings),
        parts.footer(answer, answer.model),
    )
