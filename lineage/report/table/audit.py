"""The answer to `audit`: the verdict first, one line a finding by model, what is unchecked, the summary last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.audit_sections import Sections, Shared, sections
from lineage.report.audited import described, places, verdict_sentence
from lineage.report.findings import SEVERITY_STYLES, ignored, moved, settings_lines
from lineage.report.flagged import audit_summary, left_out_words
from lineage.report.phrases import counted, dated
from lineage.report.table.unchecked import SHOWN_REASON
from lineage.report.text import EMPTY, Document, Line, Span, Style, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer, AuditFinding

MARKS: dict[str, tuple[str, Style]] = {
    "clean": ("✓", "good"),
    "findings": ("✗", "bad"),
    "unchecked": ("?", "warn"),
    "nothing_to_audit": ("?", "warn"),
}

MORE = "--verbose lists all"


def audit(answer: AuditAnswer) -> Document:
    """Write the audit of a product."""
    return _audit(answer, sections(answer))


def audit_in_detail(answer: AuditAnswer) -> Document:
    """Write the audit of a product with every model and every row."""
    return _audit(answer, sections(answer, in_detail=True))


def _audit(answer: AuditAnswer, parts: Sections) -> Document:
    mark, style = MARKS[answer.verdict]
    lines = [line(Span(mark, style), " ", strong(answer.product), ": ", Span(verdict_sentence(answer), style))]
    for model, findings in parts.models:
        lines += [EMPTY, line(strong(described(answer, model)))]
        for each in findings:
            lines += _finding(each, parts.decides.get(each))
    if parts.left:
        lines += [EMPTY, line(dim(f"… {counted(parts.left, 'further model')} with findings; {MORE}"))]
    for shared in parts.absent:
        lines += _absent(shared)
    lines += _unchecked(parts)
    words = left_out_words(answer)
    date = dim(f" · {dated(answer, *(each.id for each in answer.models))}")
    lines += [EMPTY, *settings_lines(answer.settings), *([line(dim(words))] if words else [])]
    return [*lines, line(strong(audit_summary(answer)), date)]


def _finding(each: AuditFinding, decide_with: str | None) -> list[Line]:
    """Write one finding: its severity, rule, message, the places of the product, and the command that decides it."""
    notes = "".join(f" · {words}" for words in (places(each.places), moved(each), ignored(each)) if words)
    lines = [line(_severity(each), f" {each.id} ({each.rule}) · {each.message}", dim(notes), indent="  ")]
    return lines + ([line(dim("to decide: "), decide_with, indent="    ")] if decide_with else [])


def _severity(each: AuditFinding) -> Span:
    return Span(each.severity, SEVERITY_STYLES[each.severity])


def _absent(shared: Shared) -> list[Line]:
    """Write models that share one finding: the finding once, and one row a model."""
    each = shared.finding
    assert each is not None
    notes = "".join(f" · {words}" for words in (moved(each), ignored(each)) if words)
    title = line(strong(counted(shared.number, "model")), " · ", _severity(each),
                 f" {each.id} ({each.rule}) · {cut(shared.words, SHOWN_REASON)}", dim(notes))  # fmt: skip
    return [EMPTY, title, *_rows(shared, "  ")]


def _unchecked(parts: Sections) -> list[Line]:
    """Write what was not checked: one line each, or one row each under a reason that several share."""
    if not parts.unchecked:
        return []
    lines = [EMPTY, line(Span("Not checked:", "warn"))]
    for each in parts.unchecked:
        why = cut(each.words, SHOWN_REASON) + (f" · {each.finding.id} ({each.finding.rule})" if each.finding else "")
        if each.number > 1:
            lines += [line(why, f" ({each.number:,})", indent="  "), *_rows(each, "    ")]
            continue
        lines.append(line(each.rows[0], f" · {why}", indent="  "))
        if each.decide_with:
            lines.append(line(dim("to decide: "), each.decide_with, indent="    "))
    return lines + ([line(dim(f"… {parts.unshown:,} more; {MORE}"), indent="  ")] if parts.unshown else [])


def _rows(shared: Shared, indent: str) -> list[Line]:
    lines = [line(row, indent=indent) for row in shared.rows]
    if shared.left:
        lines.append(line(dim(f"… {shared.left:,} more; {MORE}"), indent=indent))
    if shared.decide_with:
        lines.append(line(dim("to decide the first: "), shared.decide_with, indent=indent))
    return lines
