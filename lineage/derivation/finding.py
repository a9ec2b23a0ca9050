"""Making evidence: one record for each finding, with an id that is computed from its content."""

from __future__ import annotations

from typing import Any

from lineage.derivation.facts import ChildFacts
from lineage.hub.declared.declaration import Declaration
from lineage.hub.revisions import is_commit_id
from lineage_schemas.evidence import Evidence, evidence_id
from lineage_schemas.pointer import Pointer

ITSELF = "it is the model itself"
"""The reason why a name that means the child is not a parent."""


def make_evidence(**fields: Any) -> Evidence:
    """Make a record of evidence with the id that its content gives."""
    unnamed = Evidence(id="", **fields)
    return unnamed.model_copy(update={"id": evidence_id(unnamed)})


def from_parent(child: ChildFacts, declaration: Declaration, **changes: Any) -> Evidence:
    """Make the evidence of a declaration that names a parent; it supports the parent where the name means a model.

    A card that names its own model as base declares no parent, and that is reported. `_name_or_path` is not: a training
    that continues from its own last state writes its own name there.
    """
    parent, problem = child.resolve(declaration.name, declaration.problem)
    if parent == child.key and declaration.file is not None and declaration.rule.startswith(("card.", "project.")):
        problem = ITSELF
    return from_declaration(
        child,
        declaration,
        parent,
        supports=True if parent and problem is None else None,
        unresolvable=problem,
        parent_revision=commit_of(declaration.revision),
        **changes,
    )


def from_declaration(child: ChildFacts, declaration: Declaration, parent: str | None, **changes: Any) -> Evidence:
    """Make evidence about one parent out of what a declaration says."""
    fields: dict[str, Any] = {
        "rule": declaration.rule,
        "child": child.key,
        "parent": parent,
        "supports": None,
        "value": declaration.value,
        "pointer": Pointer(model=child.key, revision=child.head, file=declaration.file, field=declaration.field),
        "relation": declaration.relation,
        "declared": declaration.by_publisher and declaration.relation is not None,
        "method": declaration.method or "unknown",
        "child_revision": child.head,
    }
    return make_evidence(**{**fields, **changes})


def commit_of(revision: str | None) -> str | None:
    """Return a revision if it is written as a commit, else None: a branch has moved since."""
    return revision if is_commit_id(revision) else None
