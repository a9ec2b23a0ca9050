"""Find the renderer for an answer and a format; a renderer's module is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from lineage.errors import InputError

if TYPE_CHECKING:
    from lineage.report.text import Document
    from lineage_schemas.record import Record

RENDERERS: dict[tuple[str, str], str] = {
    ("TraceAnswer", "tree"): "tree:trace",
    ("TraceAnswer", "markdown"): "markdown.trace:trace",
    ("TraceAnswer", "mermaid"): "mermaid:mermaid",
    ("TraceAnswer", "dot"): "dot:dot",
    ("ImpactAnswer", "table"): "table.impact:impact",
    ("ImpactAnswer", "markdown"): "markdown.impact:impact",
    ("CheckAnswer", "table"): "table.check:check",
    ("CheckAnswer", "markdown"): "markdown.check:check",
    ("CheckAnswer", "sarif"): "sarif:check",
    ("CheckAnswer", "github"): "github:check",
    ("CheckAnswer", "jsonl"): "json:to_json_lines",
    ("CheckAnswers", "table"): "table.check:check_several",
    ("CheckAnswers", "markdown"): "markdown.check:check_several",
    ("CheckAnswers", "sarif"): "sarif:check",
    ("CheckAnswers", "github"): "github:check",
    ("CheckAnswers", "jsonl"): "json:to_json_lines",
    ("AuditAnswer", "table"): "table.audit:audit",
    ("AuditAnswer", "markdown"): "markdown.audit:audit",
    ("AuditAnswer", "sarif"): "sarif:audit",
    ("AuditAnswer", "github"): "github:audit",
    ("AuditAnswer", "jsonl"): "json:audit_as_json_lines",
    ("HistoryAnswer", "table"): "table.history:history",
    ("HistoryAnswer", "markdown"): "markdown.history:history",
    ("DiffAnswer", "table"): "table.diff:diff",
    ("DiffAnswer", "markdown"): "markdown.diff:diff",
    ("SuggestAnswer", "table"): "table.suggest:suggest",
    ("SuggestAnswer", "markdown"): "markdown.suggest:suggest",
    ("SuggestAnswer", "commands"): "suggested:commands",
    ("SuggestAnswer", "card"): "suggested:card",
    ("CompareAnswer", "table"): "table.compare:compare",
    ("CompareAnswer", "markdown"): "markdown.compare:compare",
    ("FingerprintAnswer", "table"): "table.fingerprint:fingerprint",
    ("VerifyAnswer", "table"): "table.verify:verify",
    ("CollectAnswer", "table"): "table.collect:collect",
    ("LockAnswer", "table"): "table.lock:lock",
    ("StoreInfoAnswer", "table"): "table.store:store_info",
    ("StoreForgetAnswer", "table"): "table.store:store_forget",
    ("StoreCopyAnswer", "table"): "table.store:store_copy",
    ("StoreExportAnswer", "table"): "table.store:store_export",
    ("StoreImportAnswer", "table"): "table.store:store_import",
    ("StoreCheckAnswer", "table"): "table.store:store_check",
    ("StoreRederiveAnswer", "table"): "table.store:store_rederive",
    ("RulesAnswer", "table"): "table.rules:rules",
    ("RulesAnswer", "markdown"): "markdown.rules:rules",
    ("NamesAnswer", "table"): "table.name:names",
    ("NamesAnswer", "jsonl"): "rows:names_as_json_lines",
    ("NamesAnswer", "csv"): "rows:names_as_csv",
    ("DemoAnswer", "table"): "table.demo:demo",
    ("CompatAnswer", "table"): "table.compat:compat",
    ("CompatAnswer", "markdown"): "markdown.compat:compat",
    ("CompatAnswer", "csv"): "csv:compat",
    ("CompatAnswer", "html"): "html:compat",
    ("CompatClaimsAnswer", "table"): "table.compat:claims",
    ("CompatClaimsAnswer", "markdown"): "markdown.compat:claims",
    ("CompatClaimsAnswer", "csv"): "csv:claims",
}
"""Record and format to module and function in this package. JSON is the same for all: `json.to_json`."""

IN_DETAIL: dict[tuple[str, str], str] = {
    ("CheckAnswers", "table"): "table.check:check_several_in_detail",
    ("CheckAnswers", "markdown"): "markdown.check:check_several_in_detail",
    ("AuditAnswer", "table"): "table.audit:audit_in_detail",
    ("AuditAnswer", "markdown"): "markdown.audit:audit_in_detail",
}
"""Renderers that leave nothing out, for answers whose usual form does."""


def render(answer: Record, to_format: str, *, in_detail: bool = False) -> str | Document:
    """Write an answer in a format: as text, or as lines whose styles the caller may show.

    `in_detail` takes the form that leaves nothing out, if the format has one. Raises InputError if this kind of
    answer has no such format.
    """
    if to_format == "json":
        from lineage.report.json import to_json

        return to_json(answer)
    case = (type(answer).__name__, to_format)
    found = (IN_DETAIL.get(case) if in_detail else None) or RENDERERS.get(case)
    if found is None:
        raise InputError(f"the format {to_format!r} is not available for this answer", hint="choose another --format")
    module, function = found.split(":")
    renderer = cast("Callable[[Any], str | Document]", getattr(import_module(f"lineage.report.{module}"), function))
    return renderer(answer)
