"""Real commits of the Hub: each changed field is found in the facet that a reader expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lineage.versioning.facets.judge import judge
from lineage_schemas.facet import Facet, FacetName
from tests.support.shared import SHARED, needs_shared
from tests.support.sides import Content, side_of

EXPECTED = {
    "f1f716c22479": ("architecture", "weights"),
    "568be09f88c3": ("architecture", "weights"),
    "46af646a05fc": ("architecture", "weights"),
    "24ef49e00fb5": ("architecture", "weights"),
    "ae6fc380295e": ("architecture", "base_model", "context_length", "tokenizer", "weights"),
    "d7e8e24173a6": ("tokenizer",),
    "ace525c87e17": ("tokenizer",),
    "12a4e5cdd8a0": ("weights",),
    "c7362f896bbc": ("generation", "library"),
    "ce50bbd82b1a": ("tokenizer",),
    "88c5c5881607": ("base_model",),
    "08fdbde5eea1": ("library",),
}
"""The facets that change, by commit; a file of which only the path is recorded gets other bytes."""


def cases() -> list[dict[str, Any]]:
    """Read the recorded commits that EXPECTED names, where the recorded data are."""
    path = SHARED / "data/commits/commit_cases.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [case for case in map(json.loads, lines) if case["commit"][:12] in EXPECTED]


def set_field(fields: dict[str, Any], name: str, value: Any) -> None:
    """Set a field as it is recorded, `decoder.vocab_size` inside its object; null is a field that is not there."""
    *folders, last = name.split(".")
    for folder in folders:
        fields = fields.setdefault(folder, {})
    if value is not None:
        fields[last] = value


def content(file: dict[str, Any], side: int) -> Content:
    """Make the content of a file on one side: its recorded fields, or bytes that stand for its id."""
    if "diff" not in file:
        return f"{side} {file.get(('lfs_oid_old', 'lfs_oid_new')[side])}" if file["path"][-5:] != ".json" else "{}"
    fields: dict[str, Any] = {}
    for name, values in file["diff"].items():
        set_field(fields, name, values[side])
    return f"---\n{json.dumps(fields)}\n---\n" if file["path"] == "README.md" else fields


@needs_shared
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["commit"][:12])
def test_a_real_commit_changes_its_facets(case: dict[str, Any]) -> None:
    """The recorded fields and files of a commit change exactly the expected facets, and each field has both values."""
    known = [file for file in case["files"] if "diff" in file or not file["path"].endswith(".json")]
    sides = [side_of({file["path"]: content(file, side) for file in known}) for side in (0, 1)]
    found = {each.name: each for each in judge(*sides) if each.state == "changed"}
    assert tuple(sorted(found)) == EXPECTED[case["commit"][:12]]
    for file in known:
        for name, values in file.get("diff", {}).items():
            assert values_of(found, file["path"], name) == tuple(None if v is None else json.dumps(v) for v in values)


def values_of(found: Mapping[FacetName, Facet], path: str, field: str) -> tuple[str | None, str | None]:
    """Find the change that points to a field, and return its values."""
    changes = [each for facet in found.values() for each in facet.changes]
    change = next(each for each in changes if (each.pointer.file, each.pointer.field) == (path, field))
    return change.before, change.after
