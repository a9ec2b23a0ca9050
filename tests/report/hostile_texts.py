"""Answers whose free texts are hostile: what an attacker can put into titles, names and files."""

from __future__ import annotations

from typing import Any

from lineage_schemas.answers.answer import Answer
from tests.report.traces import HOSTILE


def hostile(record: Answer) -> Answer:
    """Put hostile text into every free text of an answer, but not into enumerations and digests."""
    return type(record).model_validate(_poisoned(record.model_dump(by_alias=True)))


FREE = {
    "id", "root", "to", "model", "models", "value", "reason", "licence", "family", "child", "parent", "field", "file",
    "tensor", "message", "detail", "title", "titles", "tags", "group", "files", "note", "path", "what", "decide_with",
    "branch", "since", "target", "targets", "name", "before", "after", "changed", "added", "removed", "a", "b", "store",
    "url", "backend", "forgotten", "kept_as_stub", "not_found", "against", "expected", "found", "hub_folder", "method",
    "next_commands", "parents", "rule", "flags", "format", "source", "hub", "identity", "declares", "paths", "head",
    "about", "command", "task", "metric", "filter", "old", "new", "reference", "programs", "regime_reason", "dataset",
    "config", "split", "claimed", "notes", "product", "unresolved", "canonical", "selector", "filename", "subfolder",
    "locked", "now", "commit",
}  # fmt: skip


def _poisoned(value: Any, free: bool = False) -> Any:
    if isinstance(value, dict):
        enumerated = {"reason"} if "detail" in value else {"name"} if "unjudged" in value else set()
        enumerated |= {"field"} if "locked" in value else {"reason"} if value.keys() == {"path", "reason"} else set()
        free_here = FREE - enumerated  # reasons of Incomplete and LeftOut, names of facets, fields of locks
        return {key: _poisoned(each, key in free_here) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_poisoned(each, free) for each in value]
    return value + HOSTILE if free and isinstance(value, str) else value
