"""An audit as Markdown, for a job summary or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.audited import described, grouped, places, unchecked_words, verdict_sentence
from lineage.report.findings import ignored, moved
from lineage.report.flagged import audit_summary
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import short, shortened
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer, AuditFinding

MARKS = {"clean": "✅", "findings": "❌", "unchecked": "❔", "nothing_to_audit": "❔"}


def audit(answer: AuditAnswer) -> str:
    """Write the audit of a product."""
    rest = [Unchecked(what=unchecked_words(each), reason=each.reason, decide_with=each.decide_with)
            for each in answer.unchecked]  # fmt: skip
    return document(
        [f"## {MARKS[answer.verdict]} {prose(answer.product)}: {verdict_sentence(answer)}"],
        [f"{prose(audit_summary(answer))}."],
        _models(answer),
        *([f"**{prose(described(answer, model))}**", "", *map(_finding, each)] for model, each in grouped(answer)),
        parts.unchecked(rest),
        parts.settings(answer.settings),
        parts.footer(answer, *(each.id for each in answer.models)),
    )


def _models(answer: AuditAnswer) -> list[str]:
    """Write the models as a table; nothing if there are none."""
    rows = [
        (
            code(each.id), "used" if each.used else "ancestor", code(short(each.commit)) if each.commit else "",
            each.state, prose(each.licence or "none declared"),
        )
        for each in answer.models
    ]  # fmt: skip
    return table(("model", "role", "commit", "state", "licence"), rows) if rows else []


def _finding(each: AuditFinding) -> str:
    notes = "".join(f"; {prose(words)}" for words in (moved(each), ignored(each)) if words)
    where = places(each.places)
    at = f" ({prose(where)})" if where else ""
    return f"- {each.severity} {code(each.id)} ({code(each.rule)}): {prose(shortened(each.message))}{at}{notes}"
