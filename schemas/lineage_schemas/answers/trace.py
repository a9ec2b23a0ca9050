"""The answer to `lineage trace`: where a model comes from, or which models are built on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer, Finding, Incomplete
from lineage_schemas.derivation import Method, Relation, Status
from lineage_schemas.model import ModelState
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.variant import BaseFamily, Variant


class TracedModel(Record):
    """One model of the tree; `depth` is the smallest number of edges from the root.

    `family` is config.json's `model_type`. `base_family` is that or, if it is not known, the family that tags or the
    name state, with all places that name one. `variants` are the types that the model is stated to be. Both are in the
    JSON only if there are any.
    """

    id: str
    state: ModelState
    licence: str | None
    family: str | None
    revision: str | None
    depth: int
    base_family: BaseFamily | None = Field(default=None, exclude_if=lambda family: family is None)
    variants: tuple[Variant, ...] = Field(default=(), exclude_if=lambda variants: not variants)


class TracedEvidence(Record):
    """One piece of evidence for an edge, or against it; `supports` is null if the rule only reports."""

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
    """A declared parent that is not a repository: a local path, or not a valid id.

    `value` is empty where files show an adapter or a merge and name no base at all.
    """

    model: str
    value: str
    reason: str
    pointer: Pointer


class TraceAnswer(Answer):
    """Hold the requested part of the graph.

    `models` are in order of depth, then id; `derivations` by child, then parent. `direction` is `up` for ancestors,
    `down` for descendants, `paths` for the paths between `root` and `to`. `paths` lists them, each from child to
    ancestor. `counts` has the number of all descendants by relation (`none` for null), whatever limit the answer has.
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
