"""Encode records as rows: which nodes and edges a batch writes, the same on every backend.

Edges that records imply, and the stored edges that they replace:

| from | edge | replaces |
|---|---|---|
| `Model.aliases` | none: attachments by which `lineage.store.aliases` finds the model | |
| `Model.publisher` | `PUBLISHED_BY`, and the publisher's node | the model's earlier one |
| `Revision.model`, `Change.model` | `HAS_REVISION`, `HAS_CHANGE` | |
| `Revision.parents` | `HAS_PARENT` | the revision's earlier ones |
| `Ref.target` | `POINTS_TO` | the ref's earlier one |
| `Tree` | `CONTAINS`, its name a path, and the files' nodes | the revision's earlier ones |
| `GroupWeights` | `HAS_WEIGHTS`, its name a group, and the weights' node | the same group's earlier one |
| `Derivation` | `DERIVED_FROM`, and both models' nodes, by name only | as `replace_derivations_of` says |
| `WeightsKeys` | `HAS_KEY`, and the keys' nodes | as `replace_keys_of` says |
| `Relatedness` | `RELATED_TO`, and both models' nodes, by name only | as `replace_related_of` says |
| `NextVersion` | `NEXT_VERSION`, and both models' nodes, by name only | as `replace_next_versions_of` says |
| `Use` | `USES`, its name a place, and the model's node, by name only | as `replace_uses_of` says |

An edge may be written before its ends: readers see it once both are stored. So the order of batches makes no
difference, and a parent commit that is never read adds no node.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lineage.store.merging import merged, stub
from lineage.store.promoted import FILE_KEY
from lineage.store.rows import Rows
from lineage_schemas.ids import model_key, revision_key, split_model_key

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKey, EdgeKind, NodeKind, Properties
    from lineage_schemas.file import FileEntry
    from lineage_schemas.graph_batch import GraphBatch
    from lineage_schemas.record import Record


def encode(batch: GraphBatch) -> Rows:
    """Encode a batch as rows. Raises ValueError for a file whose key is not a hash: an error of the caller."""
    rows = Rows()
    _models(rows, batch)
    _histories(rows, batch)
    _contents(rows, batch)
    _derivations(rows, batch)
    _relatives(rows, batch)
    _products(rows, batch)
    rows.attachments.update({(a.kind, a.key): a.data for a in batch.attachments})
    return rows


def _models(rows: Rows, batch: GraphBatch) -> None:
    for publisher in batch.publishers:
        _node(rows, "Publisher", publisher)
    for model in batch.models:
        _node(rows, "Model", model)
        rows.replace("PUBLISHED_BY", model.key)
        _publish(rows, model.key, model.hub, model.publisher)
    for model in (*batch.models, *batch.stubs):
        names = (model_key(model.hub, alias) for alias in model.aliases)
        rows.attachments.update({("alias", name): model.key.encode() for name in names})
    for model in batch.stubs:
        if model.key not in rows.nodes.get("Model", {}):
            rows.stubs.setdefault("Model", {}).setdefault(model.key, _properties(model))


def _publish(rows: Rows, key: str, hub: str, publisher: str | None) -> None:
    if publisher is None:
        return
    name = split_model_key(publisher)[1]
    target = model_key(hub, name)
    rows.stubs.setdefault("Publisher", {})[target] = {"hub": hub, "name": name}
    _edge(rows, "PUBLISHED_BY", key, target)


def _histories(rows: Rows, batch: GraphBatch) -> None:
    for ref in batch.refs:
        _node(rows, "Ref", ref)
    for key, properties in rows.nodes.get("Ref", {}).items():
        rows.replace("POINTS_TO", key)
        rows.edges.setdefault("POINTS_TO", {})[_pointer(key, properties)] = {}
    for revision in batch.revisions:
        _node(rows, "Revision", revision)
        _edge(rows, "HAS_REVISION", revision.model, revision.key)
        rows.replace("HAS_PARENT", revision.key)
        for parent in revision.parents:
            _edge(rows, "HAS_PARENT", revision.key, revision_key(revision.model, parent))
    for change in batch.changes:
        _node(rows, "Change", change)
        _edge(rows, "HAS_CHANGE", change.model, change.key)
    rows.replaced_changes.update(batch.replace_changes_of)
    rows.dropped_evidence.update(batch.drop_evidence)


def _pointer(key: str, ref: Properties) -> EdgeKey:
    """Return the one edge from a ref to the revision of its target."""
    return key, revision_key(ref["model"], ref["target"]), ""


def settled(rows: Rows, stored: Callable[[NodeKind, Collection[str]], Mapping[str, Properties]]) -> Rows:
    """Return the rows with POINTS_TO edges to the targets that their refs have once they are merged with stored refs.

    A ref that is written may have been read before the stored one; then the stored target stays
    (`lineage/store/merging.py`), and so must the edge. Every backend calls this inside the transaction of a write;
    `stored` fetches the properties of nodes by key.
    """
    refs = rows.nodes.get("Ref", {})
    written = {key: refs[key] for key in rows.replaced.get("POINTS_TO", {}) if key in refs}
    if not written:
        return rows
    found = {key: merged("Ref", old, written[key]) for key, old in stored("Ref", written).items()}
    kept = {key: ref for key, ref in found.items() if ref["target"] != written[key]["target"]}
    edges = {edge: empty for edge, empty in rows.edges.get("POINTS_TO", {}).items() if edge[0] not in kept}
    edges.update({_pointer(key, ref): {} for key, ref in kept.items()})
    return replace(rows, edges={**rows.edges, "POINTS_TO": edges})


def _contents(rows: Rows, batch: GraphBatch) -> None:
    for file in batch.files:
        if not FILE_KEY.fullmatch(file.key):
            raise ValueError(f"{file.key!r} is not the key of a file: sha256: and 64 hex digits, or gitblob: and 40")
        _node(rows, "File", file)
    for tree in batch.trees:
        rows.replace("CONTAINS", tree.revision)
        for entry in tree.entries:
            _contained(rows, tree.revision, entry)
    for weights in batch.weights:
        _node(rows, "Weights", weights)
    for placed in batch.group_weights:
        rows.replace("HAS_WEIGHTS", placed.revision, placed.group.name)
        _merge(rows, "Weights", placed.weights, dict(_WEIGHTS_BY_NAME))
        group = placed.group.model_dump(mode="json")
        _edge(rows, "HAS_WEIGHTS", placed.revision, placed.weights, placed.group.name, group)


_WEIGHTS_BY_NAME: Properties = {
    **dict.fromkeys(
        (
            "weights",
            "content",
            "layout",
            "format",
            "tensor_count",
            "parameter_count",
            "byte_size",
            "dtypes",
            "arch",
            "sketch",
            "calls",
        )
    ),
    "level": "metadata",
}
"""The properties of weights of which only the files are known."""


def _contained(rows: Rows, revision: str, entry: FileEntry) -> None:
    """Add a file to a tree. Its key is a hash of its content or, where none is known, its path."""
    key = entry.identity
    if key is None or not FILE_KEY.fullmatch(key) or key.startswith("at:"):
        key = f"at:{revision}/{entry.path}"
    alias = entry.blob_id if key.startswith("sha256:") else None
    _merge(rows, "File", key, {"size": entry.size, "alias": alias})
    _edge(rows, "CONTAINS", revision, key, entry.path, {"xet_hash": entry.xet_hash} if entry.xet_hash else {})


def _derivations(rows: Rows, batch: GraphBatch) -> None:
    for evidence in batch.evidence:
        _merge(rows, "Evidence", evidence.id, _properties(evidence, "id"))
    for child in batch.replace_derivations_of:
        rows.replace("DERIVED_FROM", child)
    for derivation in batch.derivations:
        _stubs(rows, (derivation.child, derivation.parent))
        _edge(rows, "DERIVED_FROM", derivation.child, derivation.parent, "", _properties(derivation, "child", "parent"))


def _relatives(rows: Rows, batch: GraphBatch) -> None:
    """Encode what is known of weights and models that are alike: keys to find them by, relatives, next versions."""
    for listed in batch.match_keys:
        for key in listed.keys:
            _node(rows, "MatchKey", key)
            _edge(rows, "HAS_KEY", listed.weights, key.key)
    for weights in batch.replace_keys_of:
        rows.replace("HAS_KEY", weights)
    for pair in batch.related:
        _stubs(rows, (pair.model, pair.other))
        _edge(rows, "RELATED_TO", pair.model, pair.other, "", _properties(pair, "model", "other"))
    for version in batch.next_versions:
        _stubs(rows, (version.model, version.next))
        _edge(rows, "NEXT_VERSION", version.model, version.next, "", _properties(version, "model", "next"))
    touched: tuple[tuple[EdgeKind, tuple[str, ...]], ...] = (
        ("RELATED_TO", batch.replace_related_of),
        ("NEXT_VERSION", batch.replace_next_versions_of),
    )
    rows.replaced_touching.update({kind: set(models) for kind, models in touched if models})


def _products(rows: Rows, batch: GraphBatch) -> None:
    for product in batch.products:
        _node(rows, "Product", product)
    for use in batch.uses:
        _stubs(rows, (use.model,))
        _edge(rows, "USES", use.product, use.model, use.place, _properties(use, "product", "model", "place"))
    for key in batch.replace_uses_of:
        rows.replace("USES", key)


def _stubs(rows: Rows, keys: Iterable[str]) -> None:
    for key in keys:
        if key not in rows.nodes.get("Model", {}) and key not in rows.stubs.get("Model", {}):
            rows.stubs.setdefault("Model", {})[key] = stub(key)


def _properties(record: Record, *left_out: str) -> Properties:
    return record.model_dump(mode="json", exclude=set(left_out or ("key",)))


def _node(rows: Rows, kind: NodeKind, record: Any) -> None:
    _merge(rows, kind, record.key, _properties(record))


def _merge(rows: Rows, kind: NodeKind, key: str, properties: Properties) -> None:
    nodes = rows.nodes.setdefault(kind, {})
    nodes[key] = merged(kind, nodes[key], properties) if key in nodes else properties


def _edge(
    rows: Rows, kind: EdgeKind, source: str, target: str, name: str = "", properties: Properties | None = None
) -> None:
    rows.edges.setdefault(kind, {})[source, target, name] = properties or {}
