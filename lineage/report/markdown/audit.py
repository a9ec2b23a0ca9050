"""An audit as Markdown, for a job summary or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.audit_sections import Sections, Shared, sections
from lineage.report.audited import described, places, verdict_sentence
from lineage.report.findings import ignored, moved
from lineage.report.flagged import audit_summary, left_out_words
from lineage.report.markdown import parts
from lineage.report.markdown.write import code, document, prose, table
from lineage.report.phrases import counted, short, shortened

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer, AuditFinding

MARKS = {"clean": "✅", "findings": "❌", "unchecked": "❔", "nothing_to_audit": "❔"}

SHOWN_MODELS = 100
"""Rows of the table of models; a job summary has 1 MB, and `--verbose` shows all."""

MORE = "`--verbose` lists all"


def audit(answer: AuditAnswer) -> str:
    """Write the audit of a product."""
    return _audit(answer, sections(answer), SHOWN_MODELS)


def audit_in_detail(answer: AuditAnswer) -> str:
    """Write the audit of a product with every model and every row."""
    return _audit(answer, sections(answer, in_detail=True), len(answer.models))


def _audit(answer: AuditAnswer, found: Sections, rows: int) -> str:
    words = left_out_words(answer)
    return document(
        [f"## {MARKS[answer.verdict]} {prose(answer.product)}: {prose(verdict_sentence(answer))}"],
        [f"{prose(audit_summary(answer))}."],
        [f"{prose(words[0].upper() + words[1:])}."] if words else [],
        _models(answer, rows),
        *(_of_model(answer, model, each, found) for model, each in found.models),
        [f"… {counted(found.left, 'further model')} with findings; {MORE}"] if found.left else [],
        *map(_absent, found.absent),
        _unchecked(found),
        parts.settings(answer.settings),
        parts.footer(answer, *(each.id for each in answer.models)),
    )


def _models(answer: AuditAnswer, shown: int) -> list[str]:
    """Write the models as a table; nothing if there are none."""
    rows = [
        (
            code(each.id), "used" if each.used else "ancestor", code(short(each.commit)) if each.commit else "",
            each.state, prose(each.licence or "none declared"),
        )
        for each in answer.models[:shown]
    ]  # fmt: skip
    left = len(answer.models) - len(rows)
    more = ["", f"… {counted(left, 'further model')}; {MORE}"] if left else []
    return [*table(("model", "role", "commit", "state", "licence"), rows), *more] if rows else []


def _of_model(answer: AuditAnswer, model: str, findings: list[AuditFinding], found: Sections) -> list[str]:
    lines = [_finding(each, found.decides.get(each)) for each in findings]
    return [f"**{prose(described(answer, model))}**", "", *lines]


def _finding(each: AuditFinding, decide_with: str | None) -> str:
    notes = "".join(f"; {prose(words)}" for words in (moved(each), ignored(each)) if words)
    where = places(each.places)
    at = f" ({prose(where)})" if where else ""
    decide = f"; to decide: {code(decide_with)}" if decide_with else ""
    return f"- {each.severity} {code(each.id)} ({code(each.rule)}): {prose(shortened(each.message))}{at}{notes}{decide}"


def _absent(shared: Shared) -> list[str]:
    each = shared.finding
    assert each is not None
    notes = "".join(f"; {prose(words)}" for words in (moved(each), ignored(each)) if words)
    title = f"{each.severity} {code(each.id)} ({code(each.rule)}): {prose(shared.words)}{notes}"
    return [f"**{counted(shared.number, 'model')}**: {title}", "", *_rows(shared, "")]


def _unchecked(found: Sections) -> list[str]:
    """List what could not be checked, grouped by the reason."""
    if not found.unchecked:
        return []
    lines = ["**Not checked**", ""]
    for each in found.unchecked:
        rule = f", {code(each.finding.id)} ({code(each.finding.rule)})" if each.finding else ""
        if each.number > 1:
            lines += [f"- {prose(each.words)}{rule} ({each.number:,})", *_rows(each, "  ")]
        else:
            decide = f"; to decide: {code(each.decide_with)}" if each.decide_with else ""
            lines.append(f"- {code(each.rows[0])}: {prose(each.words)}{rule}{decide}")
    return lines + ([f"- … {found.unshown:,} more; {MORE}"] if found.unshown else [])


def _rows(shared: Shared, indent: str) -> list[str]:
    lines = [f"{indent}- {code(row)}" for row in shared.rows]
    lines += [f"{indent}- … {shared.left:,} more; {MORE}"] if shared.left else []
    return lines + ([f"{indent}- to decide the first: {code(shared.decide_with)}"] if shared.decide_with else [])
