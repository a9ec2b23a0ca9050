"""The answer to `lineage trace`: where a model comes from, or which models are built on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.finding import Finding, Severity
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.derivation import Method, Relation, Status
from lineage_schemas.model import ModelState
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.relatedness import RelatedKind
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
    """One piece of evidence for an edge, or against it; `supports` is null if the rule only reports.

    `score` is the number that a rule about weights measured (docs/evidence.md), in the JSON only if there is one.
    """

    id: str
    rule: str
    supports: bool | None
    pointer: Pointer
    value: str | None
    score: float | None = Field(default=None, exclude_if=lambda score: score is None)


class Deciding(Record):
    """Name the rule about weights that decided on the status of an edge, with its number and its words."""

    rule: str
    score: float | None
    value: str | None


class TracedDerivation(Record):
    """One edge of the tree, child to parent.

    `decided_by` is what the weights say of it, in the JSON only where they were compared.
    """

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
    decided_by: Deciding | None = Field(default=None, exclude_if=lambda decided: decided is None)


class RelatedPair(Record):
    """Two models that share weights while neither is known to descend from the other.

    `a` is a model that the question names. `score` is the number of the rule `rule`, most often the median cosine.
    """

    a: str
    b: str
    confidence: float | None
    kind: RelatedKind = "direction_unknown"
    rule: str | None = None
    score: float | None = None


class UnrelatedPair(Record):
    """A declared parent whose weights were compared and are foreign."""

    child: str
    parent: str
    status: Status
    decided_by: Deciding


class Unmeasured(Record):
    """A declared edge of which the weights say nothing so far, with the reason and the command that compares them.

    `parent` is null for a model whose values were not sampled: parents that nothing declares were not sought.
    """

    child: str
    parent: str | None
    reason: str
    command: str


class HiddenEdges(Record):
    """Count what `min_status` hides: weaker edges, and models that only they lead to."""

    min_status: Status
    edges: int
    models: int


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
    ancestor. `counts` has the number of all descendants by relation (`none` for null), whatever limit the answer has;
    a model whose edge is contradicted is shown and not counted, and nothing is shown beyond it. `related` are the
    relatives of `root` and `to`, the most similar first. `unrelated`, if asked for, are the declared parents among
    `derivations` whose weights are foreign. `hidden` is what a wanted status hides. `fail_on` and `fail_on_rules` are
    the findings that end the command with 1; none without `--fail-on`. These four are in the JSON only if asked for.
    `unmeasured` lists what the weights did not decide, upwards and for paths, in the JSON only if there is any.
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
    unrelated: tuple[UnrelatedPair, ...] | None = Field(default=None, exclude_if=lambda pairs: pairs is None)
    unmeasured: tuple[Unmeasured, ...] = Field(default=(), exclude_if=lambda edges: not edges)
    hidden: HiddenEdges | None = Field(default=None, exclude_if=lambda hidden: hidden is None)
    fail_on: Severity | None = Field(default=None, exclude_if=lambda severity: severity is None)
    fail_on_rules: tuple[str, ...] = Field(default=(), exclude_if=lambda rules: not rules)
