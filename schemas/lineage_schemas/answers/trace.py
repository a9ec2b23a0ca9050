"""The answer to `lineage trace`: where a model comes from, or who stands on it."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer, Finding, Incomplete
from lineage_schemas.derivation import Method, Relation, Status
from lineage_schemas.model import ModelState
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record


class TracedModel(Record):
    """One model of the tree; `depth` counts edges from the root, at its nearest."""

    id: str
    state: ModelState
    licence: str | None
    family: str | None
    revision: str | None
    depth: int


class TracedEvidence(Record):
    """One finding behind an edge; `supports` is null where the rule only reports."""

    id: str
    rule: str
    supports: bool | None
    pointer: Pointer
    value: str | None


class TracedDerivation(Record):
    """One edge of the tree, child to parent."""

    child: str
    parent: str
    relation: Relation | None
    relation_declared: Relation | None
    method: Method
    status: Status
    confidence: float | None
    parent_revision: str | None
    child_revision: str | None
    evidence: tuple[TracedEvidence, ...]


class RelatedPair(Record):
    """Two models that share weights while neither is known to descend from the other."""

    a: str
    b: str
    confidence: float | None


class Unresolvable(Record):
    """A declared parent that is no repository: a local path, or no id at all.

    `value` is empty where files show an adapter or a merge and name no base at all.
    """

    model: str
    value: str
    reason: str
    pointer: Pointer


class TraceAnswer(Answer):
    """Hold the walked part of the graph.

    `models` are in order of depth, then id; `derivations` by child, then parent. `direction` is `up` for ancestors,
    `down` for descendants, `paths` for what lies between `root` and `to`. `paths` lists the ways between
    them, each from child to ancestor. `counts` tells the descendants by relation (`none` where null), before any cap.
    """

    root: str
    to: str | None = None
    direction: Literal["up", "down", "paths"]
    models: tuple[TracedModel, ...]
    derivations: tuple[TracedDerivation, ...]
    paths: tuple[tuple[str, ...], ...] = ()
    counts: dict[str, int] = {}
    related: tuple[RelatedPair, ...] = ()
    unresolvable: tuple[Unresolvable, ...] = ()
    findings: tuple[Finding, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()
