"""The answer to `lineage audit`: the models that a product uses, what is wrong with them, and what is unchecked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.finding import Finding, Severity
from lineage_schemas.answers.trace import TracedDerivation
from lineage_schemas.bounded import Count
from lineage_schemas.derivation import Method, Relation, Status
from lineage_schemas.left_out import LeftOut, LeftOutReason
from lineage_schemas.level import Level
from lineage_schemas.model import ModelState
from lineage_schemas.record import Record
from lineage_schemas.reference import Place, Reference
from lineage_schemas.unchecked import Unchecked

AuditVerdict = Literal["clean", "findings", "unchecked", "nothing_to_audit"]


class AuditedWeights(Record):
    """Name one weight group of a model at a commit, with its digests as far as it was read."""

    group: str
    format: str
    main: bool
    files: str
    weights: str | None = None
    level: Level | None = None


class Modification(Record):
    """Name one step between two models: how `model` was made from `parent`."""

    model: str
    parent: str
    relation: Relation | None
    method: Method
    status: Status


class AuditedModel(Record):
    """Hold one model that a product uses, or that such a model descends from.

    `used` says whether the product names it; `depth` is the smallest number of edges from a model that it names.
    `revision` is what the product asks for (null for none), and `commit` is the one that was judged: the commit that
    the product loads, of an ancestor the one that was read. `weights` are its groups.
    `modifications` lead from the roots down to the model.
    """

    id: str
    used: bool
    depth: Count
    commit: str | None
    revision: str | None = None
    state: ModelState
    licence: str | None
    weights: tuple[AuditedWeights, ...] = ()
    modifications: tuple[Modification, ...] = ()


class AuditFinding(Finding):
    """Report one problem of a product's models with the places of the product that use the model.

    A finding about an ancestor has the places of the models that descend from it.
    """

    places: tuple[Place, ...] = ()


class AuditUnchecked(Unchecked):
    """Describe what of a product could not be checked; `places` are those of the product that it is about."""

    places: tuple[Place, ...] = ()


class AuditSummary(Record):
    """Count what an audit saw.

    `used` and `ancestors` count models, each once at however many commits. `findings` counts by severity those that
    are not ignored; `counting` are those of them that make the verdict. `left_out` counts by reason the files and
    folders that were not searched; a folder counts once.
    """

    references: Count
    used: Count
    ancestors: Count
    findings: dict[Severity, Count]
    counting: Count
    ignored: Count
    unchecked: Count
    left_out: dict[LeftOutReason, Count] = {}


class AuditAnswer(Answer):
    """Hold what a product's models are, and what is wrong with them.

    `product` is the name under which it is recorded, else the name of its folder, and `path` that folder as the user
    wrote it. `verdict` is `findings` if a finding counts: one at least as severe as `fail_on`, or of one of
    `fail_on_rules`, that neither the settings nor `baseline` ignore; then `unchecked`, then `clean`.
    `nothing_to_audit` says that no reference to a model was found, and everything could be read. `models` are in order
    of depth, then id. `baseline` and `lock` are the files that were compared with, in the
    JSON only if there are any. `left_out` names the first files and folders of each reason that were not searched;
    those that the user did not choose are unchecked. `allow_empty` says that the user accepts
    `nothing_to_audit`, in the JSON only if so. `recorded` says whether the product was written to the store.
    """

    product: str
    path: str
    verdict: AuditVerdict
    fail_on: Severity = "warning"
    fail_on_rules: tuple[str, ...] = ()
    references: tuple[Reference, ...]
    models: tuple[AuditedModel, ...]
    derivations: tuple[TracedDerivation, ...]
    findings: tuple[AuditFinding, ...]
    unchecked: tuple[AuditUnchecked, ...]
    left_out: tuple[LeftOut, ...] = ()
    summary: AuditSummary
    baseline: str | None = Field(default=None, exclude_if=lambda baseline: baseline is None)
    lock: str | None = Field(default=None, exclude_if=lambda lock: lock is None)
    allow_empty: bool = Field(default=False, exclude_if=lambda allow_empty: not allow_empty)
    recorded: bool = Field(default=False, exclude_if=lambda recorded: not recorded)
