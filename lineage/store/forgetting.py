"""What is deleted with a model: computed once for all backends, from a view inside the write transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.store.graph import ENDS
from lineage.store.merging import stub
from lineage_schemas.ids import model_key

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind, Properties
    from lineage.store.interface import StoreView
    from lineage_schemas.graph_batch import AttachmentKind

HOLDERS: dict[NodeKind, EdgeKind] = {
    "File": "CONTAINS", "Weights": "HAS_WEIGHTS", "MatchKey": "HAS_KEY", "Publisher": "PUBLISHED_BY",
}  # fmt: skip
"""Nodes that several models share, and the edge by which a model, a revision or weights use them."""

NAMING: tuple[EdgeKind, ...] = ("DERIVED_FROM", "NEXT_VERSION", "USES")
"""Edges by which another model or a product names a model: it stays as a stub while one of them leads to it."""

EDGES_OF_A_STUB: tuple[tuple[EdgeKind, int], ...] = (
    *((edge, 0) for edge, (source, _) in ENDS.items() if source == "Model"),
    ("RELATED_TO", 1),
)
"""Edges that are deleted when a model becomes a stub, and the end at which the model is (0 its source, 1 its target):
those that begin at it, and its relatives, because an edge without a direction belongs to both."""


@dataclass
class Forgetting:
    """Hold what is deleted: `nodes` with all edges that touch them, and `attachments`.

    `stubs` stay with their name only: the edges of EDGES_OF_A_STUB are deleted, others that lead to them are kept.
    """

    nodes: dict[NodeKind, set[str]] = field(default_factory=dict)
    stubs: dict[str, Properties] = field(default_factory=dict)
    attachments: set[tuple[AttachmentKind, str]] = field(default_factory=set)


def plan(view: StoreView, models: Collection[str], products: Collection[str] = ()) -> Forgetting:
    """Compute what is deleted with some models and products; those that are not stored are skipped.

    A model that is known by name only, and only through what is deleted, is deleted too.
    """
    known = view.nodes("Model", models)
    going = Forgetting(nodes={kind: _owned(view, kind, known) for kind in ("Ref", "Revision", "Change", "Evidence")})
    revisions = going.nodes["Revision"]
    going.nodes["File"] = _unheld(view, "File", revisions)
    going.nodes["Weights"] = _unheld(view, "Weights", revisions)
    going.nodes["MatchKey"] = _unheld(view, "MatchKey", going.nodes["Weights"])
    going.nodes["Publisher"] = _unheld(view, "Publisher", known)
    going.nodes["Product"] = set(view.nodes("Product", products))
    sources: dict[NodeKind, Collection[str]] = {"Model": known, "Product": going.nodes["Product"]}
    named = _named(view, known, sources)
    going.stubs = {key: stub(key) for key in sorted(named)}
    going.nodes["Model"] = (set(known) - named) | _left_alone(view, known, sources)
    going.attachments.update(_attachments(view, going, known))
    return going


def _owned(view: StoreView, kind: NodeKind, models: Iterable[str]) -> set[str]:
    """List the nodes of a kind that belong to these models only: each names its one model."""
    owner = "child" if kind == "Evidence" else "model"
    return {row.key for model in models for row in view.find(kind, {owner: model})}


def _unheld(view: StoreView, kind: NodeKind, holders: Collection[str]) -> set[str]:
    """List the nodes that only these holders use.

    A node with more holders than these has another one, so no more are read: 100,000 weights may have one key.
    """
    edge, going = HOLDERS[kind], set(holders)
    held = {target for _, target in view.neighbours(edge, going, "out")}
    users = view.neighbours_up_to(edge, held, "in", len(going))
    return {target for target in held if going.issuperset(users.get(target, ()))}


def namings(view: StoreView, models: Collection[str]) -> Iterator[tuple[NodeKind, str, str]]:
    """Yield what names some models: the kind and key of each model or product, and the key of the model it names."""
    for edge in NAMING:
        for source, target in view.neighbours(edge, models, "in"):
            yield ENDS[edge][0], source, target


def _named(view: StoreView, models: Collection[str], going: Mapping[NodeKind, Collection[str]]) -> set[str]:
    """List those of some models that a model or a product names which is not deleted."""
    return {model for kind, source, model in namings(view, models) if source not in going[kind]}


def _left_alone(view: StoreView, known: Collection[str], going: Mapping[NodeKind, Collection[str]]) -> set[str]:
    """List models that are known by name only, and that only the deleted models and products name."""
    targets = {target for edge in NAMING for _, target in view.neighbours(edge, going[ENDS[edge][0]], "out")} - set(
        known
    )
    found = view.nodes("Model", targets - _named(view, targets, going)).items()
    return {key for key, node in found if node.get("head") is None and node.get("collected_at") is None}


def _attachments(
    view: StoreView, going: Forgetting, known: dict[str, Properties]
) -> Iterable[tuple[AttachmentKind, str]]:
    """List the texts of deleted files, what is kept of deleted weights, and the aliases of deleted models."""
    for key, node in view.nodes("File", going.nodes["File"]).items():
        yield "text", key
        if node.get("alias"):
            yield "text", f"gitblob:{node['alias']}"
    for key in going.nodes["Weights"]:
        yield "tensors", key
        yield "sketch", key
    for key, node in known.items():
        for alias in node.get("aliases") or ():
            name = model_key(node["hub"], alias)
            if view.attachment("alias", name) == key.encode() and key not in going.stubs:
                yield "alias", name
