"""Graph batches: what one transaction writes."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.change import Change
from lineage_schemas.derivation import Derivation
from lineage_schemas.evidence import Evidence
from lineage_schemas.file_node import FileNode
from lineage_schemas.match_key import WeightsKeys
from lineage_schemas.model import Model, Publisher
from lineage_schemas.next_version import NextVersion
from lineage_schemas.product import Product, Use
from lineage_schemas.record import Record
from lineage_schemas.ref import Ref
from lineage_schemas.relatedness import Relatedness
from lineage_schemas.revision import Revision, Tree
from lineage_schemas.weights import GroupWeights, Weights

AttachmentKind = Literal["text", "tensors", "alias", "sketch"]


class Attachment(Record):
    """Keep bytes that no walk over the graph reads; a newer value replaces the older one.

    By kind: a small text under its content hash, a group's tensor table and its sketch (a sample of its values) each
    under its files digest, the key of a model under another name of that model on its Hub.
    """

    kind: AttachmentKind
    key: str
    data: bytes


class GraphBatch(Record):
    """Carry records into a store, all of them or none.

    `models` replace what was known of them; `stubs` are models known by name only and are written only if nothing
    is known yet. Everything else is added or, with the same key, merged: see docs/reference/store.md.

    A field `replace_…` lists nodes whose stored edges are deleted unless this batch writes them again:
    `replace_derivations_of` children and their edges to parents (also children that are not among `models`),
    `replace_changes_of` models and their changes, `replace_keys_of` weights and their match keys, `replace_uses_of`
    products and the models that they use. Relatedness and next versions concern both models alike: for each model in
    `replace_related_of` or `replace_next_versions_of` its edges in both directions are replaced. `drop_evidence` lists
    ids of evidence that is deleted unless this batch writes it: what was measured can be worked out again.
    """

    models: tuple[Model, ...] = ()
    stubs: tuple[Model, ...] = ()
    publishers: tuple[Publisher, ...] = ()
    refs: tuple[Ref, ...] = ()
    revisions: tuple[Revision, ...] = ()
    trees: tuple[Tree, ...] = ()
    files: tuple[FileNode, ...] = ()
    weights: tuple[Weights, ...] = ()
    group_weights: tuple[GroupWeights, ...] = ()
    changes: tuple[Change, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    match_keys: tuple[WeightsKeys, ...] = ()
    related: tuple[Relatedness, ...] = ()
    next_versions: tuple[NextVersion, ...] = ()
    products: tuple[Product, ...] = ()
    uses: tuple[Use, ...] = ()
    replace_derivations_of: tuple[str, ...] = ()
    replace_changes_of: tuple[str, ...] = ()
    drop_evidence: tuple[str, ...] = ()
    replace_keys_of: tuple[str, ...] = ()
    replace_related_of: tuple[str, ...] = ()
    replace_next_versions_of: tuple[str, ...] = ()
    replace_uses_of: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
