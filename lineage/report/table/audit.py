"""The answer to `audit`: the verdict first, one line a finding by model, what is unchecked, the summary last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.audited import described, grouped, places, unchecked_words, verdict_sentence
from lineage.report.findings import SEVERITY_STYLES, ignored, moved, settings_lines
from lineage.report.flagged import audit_summary
from lineage.report.phrases import dated
from lineage.report.table.unchecked import unchecked_lines
from lineage.report.text import EMPTY, Document, Line, Span, Style, dim, line, strong
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer, AuditFinding

MARKS: dict[str, tuple[str, Style]] = {
    "clean": ("✓", "good"),
    "findings": ("✗", "bad"),
    "unchecked": ("?", "warn"),
    "nothing_to_audit": ("?", "warn"),
}

SHOWN_UNCHECKED = 100
"""Rows of what is unchecked that are shown: a tree may hold thousands of files that are too large."""


def audit(answer: AuditAnswer) -> Document:
    """Write the audit of a product."""
    mark, style = MARKS[answer.verdict]
    lines = [line(Span(mark, style), " ", strong(answer.product), ": ", Span(verdict_sentence(answer), style))]
    for model, findings in grouped(answer):
        lines += [EMPTY, line(strong(described(answer, model))), *map(_finding, findings)]
    rest = [Unchecked(what=unchecked_words(each), reason=each.reason, decide_with=each.decide_with)
            for each in answer.unchecked]  # fmt: skip
    lines += unchecked_lines(rest[:SHOWN_UNCHECKED])
    if len(rest) > SHOWN_UNCHECKED:
        lines.append(line(dim(f"… {len(rest) - SHOWN_UNCHECKED:,} more; the JSON answer has all of them"), indent="  "))
    date = dim(f" · {dated(answer, *(each.id for each in answer.models))}")
    return [*lines, EMPTY, *settings_lines(answer.settings), line(strong(audit_summary(answer)), date)]


def _finding(each: AuditFinding) -> Line:
    """Write one finding: its severity, rule, message, and the places of the product."""
    notes = "".join(f" · {words}" for words in (places(each.places), moved(each), ignored(each)) if words)
    return line(
        Span(each.severity, SEVERITY_STYLES[each.severity]),
        f" {each.id} ({each.rule}) · {each.message}",
        dim(notes),
        indent="  ",
    )
