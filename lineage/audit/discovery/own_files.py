"""Files that lineage wrote: answers and baselines, which repeat the models that the sources name."""

from __future__ import annotations

import json
import re
from typing import Any

_MARKS = ('"schema"', '"accepted"', '"driver"')
_SCHEMA = re.compile(r"[a-z][a-z_-]*\.v\d+")
_HEAD = frozenset({"schema", "tool", "hub", "collected_at"})
"""Fields that every answer has."""

_OF_BASELINE = frozenset({"version", "accepted"})
_OF_ENTRY = frozenset({"rule", "model", "file", "severity"})
NAME = "model-lineage"
"""How answers and reports name the program."""


def is_own_file(body: str) -> bool:
    """Return whether a text is an answer of lineage (JSON, JSON lines or SARIF) or a baseline, whatever its name.

    The whole text must be one: a configuration that merely has a key `schema` is a source as any other.
    """
    if body.lstrip()[:1] != "{" or not any(mark in body for mark in _MARKS):
        return False
    values = _values(body)
    return bool(values) and all(isinstance(each, dict) and _is_own(each) for each in values)


def _values(body: str) -> list[Any]:
    """Parse a text of JSON, or of one value a line; empty if it is neither."""
    for texts in ([body], [line for line in body.splitlines() if line.strip()]):
        try:
            return [json.loads(each) for each in texts]
        except (ValueError, RecursionError):
            continue
    return []


def _is_own(value: dict[str, Any]) -> bool:
    return _is_answer(value) or _is_baseline(value) or _is_sarif(value)


def _is_answer(value: dict[str, Any]) -> bool:
    tool, schema = value.get("tool"), value.get("schema")
    is_ours = isinstance(tool, dict) and tool.get("name") == NAME and isinstance(schema, str)
    return is_ours and value.keys() >= _HEAD and _SCHEMA.fullmatch(value["schema"]) is not None


def _is_baseline(value: dict[str, Any]) -> bool:
    accepted = value.get("accepted")
    if value.keys() != _OF_BASELINE or type(value["version"]) is not int or not isinstance(accepted, list):
        return False
    return all(isinstance(each, dict) and {"rule", "model"} <= each.keys() <= _OF_ENTRY for each in accepted)


def _is_sarif(value: dict[str, Any]) -> bool:
    runs = value.get("runs")
    if not isinstance(runs, list) or not runs:
        return False
    tools = [each.get("tool") if isinstance(each, dict) else None for each in runs]
    drivers = [each.get("driver") if isinstance(each, dict) else None for each in tools]
    return all(isinstance(each, dict) and each.get("name") == NAME for each in drivers)
