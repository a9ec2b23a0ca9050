"""What is deleted with a model: computed once for all backends, from a view inside the write transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.store.merging import stub
from lineage_schemas.ids import model_key

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind, Properties
    from lineage.store.interface import StoreView
    from lineage_schemas.graph_batch import AttachmentKind

HOLDERS: dict[NodeKind, EdgeKind] = {"File": "CONTAINS", "Weights": "HAS_WEIGHTS", "Publisher": "PUBLISHED_BY"}
"""Nodes that several models share, and the edge by which a model or revision uses them."""


@dataclass
class Forgetting:
    """Hold what is deleted: `nodes` with all edges that touch them, and `attachments`.

    `stubs` stay with their name only: edges from them are deleted, edges to them are kept.
    """

    nodes: dict[NodeKind, set[str]] = field(default_factory=dict)
    stubs: dict[str, Properties] = field(default_factory=dict)
    attachments: set[tuple[AttachmentKind, str]] = field(default_factory=set)


def plan(view: StoreView, models: Collection[str]) -> Forgetting:
    """Compute what is deleted with some models; models that are not stored are skipped.

    A parent that is known by name only, and only through a deleted child, is deleted with it.
    """
    known = view.nodes("Model", models)
    going = Forgetting(nodes={kind: _owned(view, kind, known) for kind in ("Ref", "Revision", "Change", "Evidence")})
    revisions = going.nodes["Revision"]
    going.nodes["File"] = _unheld(view, "File", revisions)
    going.nodes["Weights"] = _unheld(view, "Weights", revisions)
    going.nodes["Publisher"] = _unheld(view, "Publisher", known)
    named = {target for source, target in view.neighbours("DERIVED_FROM", known, "in") if source not in known}
    going.stubs = {key: stub(key) for key in sorted(named)}
    going.nodes["Model"] = (set(known) - named) | _left_alone(view, known)
    going.attachments.update(_attachments(view, going, known))
    return going


def _owned(view: StoreView, kind: NodeKind, models: Iterable[str]) -> set[str]:
    """List the nodes of a kind that belong to these models only: each names its one model."""
    owner = "child" if kind == "Evidence" else "model"
    return {row.key for model in models for row in view.find(kind, {owner: model})}


def _unheld(view: StoreView, kind: NodeKind, holders: Collection[str]) -> set[str]:
    """List the nodes that only these holders use."""
    edge = HOLDERS[kind]
    held = {target for _, target in view.neighbours(edge, holders, "out")}
    return held - {target for source, target in view.neighbours(edge, held, "in") if source not in holders}


def _left_alone(view: StoreView, known: Collection[str]) -> set[str]:
    """List parents that are known by name only, and that no model but the deleted ones names."""
    parents = {target for _, target in view.neighbours("DERIVED_FROM", known, "out")} - set(known)
    others = {target for source, target in view.neighbours("DERIVED_FROM", parents, "in") if source not in known}
    named = view.nodes("Model", parents - others).items()
    return {key for key, node in named if node.get("head") is None and node.get("collected_at") is None}


def _attachments(
    view: StoreView, going: Forgetting, known: dict[str, Properties]
) -> Iterable[tuple[AttachmentKind, str]]:
    """List the texts of deleted files, the tensor tables of deleted weights and the aliases of deleted models."""
    for key, node in view.nodes("File", going.nodes["File"]).items():
        yield "text", key
        if node.get("alias"):
            yield "text", f"gitblob:{node['alias']}"
    for key in going.nodes["Weights"]:
        yield "tensors", key
    for key, node in known.items():
        for alias in node.get("aliases") or ():
            name = model_key(node["hub"], alias)
            if view.attachment("alias", name) == key.encode() and key not in going.stubs:
                yield "alias", name
