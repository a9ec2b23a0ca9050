"""Files that may name a parent and could not be read, out of the evidence that the store has of a model's head."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lineage.derivation.next_version import NEXT_VERSION_RULES

if TYPE_CHECKING:
    from lineage.store.interface import StoreView


def evidence_without_parent(view: StoreView, nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """List evidence at the models' heads that names no parent, or the model itself; older commits are ignored."""
    for row in view.find_any("Evidence", "child", nodes):
        evidence = row.properties
        parentless = evidence.get("parent") in (None, evidence["child"]) and evidence["rule"] not in NEXT_VERSION_RULES
        if parentless and evidence.get("child_revision") == nodes[evidence["child"]].get("head"):
            yield evidence


def unreadable_file(evidence: Mapping[str, Any]) -> str | None:
    """Describe the file that evidence reports as unreadable; None for evidence of any other rule."""
    if evidence["rule"] != "files.unreadable":
        return None
    return f"{evidence['pointer'].get('file')}: {evidence.get('value')}"


def unreadable_files(view: StoreView, keys: Collection[str]) -> Iterator[tuple[str, str]]:
    """List the files of models that may name a parent and could not be read, each with the model's key."""
    for evidence in evidence_without_parent(view, view.nodes("Model", keys)):
        if (detail := unreadable_file(evidence)) is not None:
            yield evidence["child"], detail
