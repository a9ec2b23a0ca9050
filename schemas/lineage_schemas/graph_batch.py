"""Graph batches: what one transaction writes."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.change import Change
from lineage_schemas.derivation import Derivation
from lineage_schemas.evidence import Evidence
from lineage_schemas.file import FileNode
from lineage_schemas.model import Model, Publisher
from lineage_schemas.record import Record
from lineage_schemas.ref import Ref
from lineage_schemas.revision import Revision, Tree
from lineage_schemas.weights import GroupWeights, Weights

AttachmentKind = Literal["text", "tensors", "alias"]


class Attachment(Record):
    """Keep bytes that no walk over the graph reads; a newer value replaces the older one.

    By kind: a small text under its content hash, a group's tensor table under its files digest, the key of a model
    under another name of that model on its Hub.
    """

    kind: AttachmentKind
    key: str
    data: bytes


class GraphBatch(Record):
    """Carry records into a store, all of them or none.

    `models` replace what was known of them; `stubs` are models known by name only and are written only if nothing
    is known yet. `replace_derivations_of` lists children whose edges are all replaced by those in `derivations`,
    `replace_changes_of` lists models whose changes are all replaced by those in `changes`. Everything else is added
    or, with the same key, merged: see docs/reference/store.md.
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
    replace_derivations_of: tuple[str, ...] = ()
    replace_changes_of: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
