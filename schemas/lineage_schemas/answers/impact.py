"""The answer to `lineage impact`: which models stand on a model and are hit by changes of its weights."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.check import WeightChange
from lineage_schemas.answers.finding import Finding, Severity
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.derivation import Method, Relation, Status
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked


class BuiltOnRevision(Record):
    """Name the revision of the changed model that a descendant was built on, and how that is known."""

    revision: str | None
    how: Literal["declared", "inferred", "unknown"]


class HitModel(Record):
    """One descendant that was built before a change, or about which that is not known.

    `relation`, `method` and `status` are those of the edge by which it is reached, `built_on` is that of the model
    itself at depth 1, else that of the model through which it descends. `silent` says whether one of the changes that
    hit it was announced by nothing, or may be one of them where it is not known what the model was built on.
    `understated` says the same of versions that announce less than what changed; left out of the JSON if false.
    """

    model: str
    relation: Relation | None
    method: Method
    depth: int
    built_on: BuiltOnRevision
    silent: bool
    status: Status
    advice: str
    understated: bool = Field(default=False, exclude_if=lambda understated: not understated)


class ProductUse(Record):
    """Name a place of a recorded product that uses the model, or one that descends from it.

    `model` is the one that the product names, `revision` what it asks for. `recorded_at` is when the product was
    audited.
    """

    product: str
    model: str
    depth: int
    revision: str | None
    pinned: bool
    selector: str | None = None
    file: str | None
    line: int | None
    recorded_at: datetime


class ImpactAnswer(Answer):
    """Hold the changes of a model that count, and the descendants that they hit.

    `changes` are those of the default branch, after `since` if it is given. `hit` are in order of how soon they break:
    adapters, quantised models, merges, fine-tunes, others; then by depth and id. `counts` counts all of them by
    relation (`none` for null), whatever limit the answer has. `findings` are the understated versions after `since`;
    `fail_on` and `fail_on_rules` say which of them count, as in `check`. `unchecked` are versions that could not be
    judged, if findings about them would count. `products` are the places of recorded products that
    use the model or a descendant, whether or not a change hits them; in the JSON only if there are any.
    """

    model: str
    since: str | None = None
    changes: tuple[WeightChange, ...]
    hit: tuple[HitModel, ...]
    counts: dict[str, int]
    incomplete: tuple[Incomplete, ...] = ()
    findings: tuple[Finding, ...] = ()
    fail_on: Severity = "error"
    fail_on_rules: tuple[str, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    products: tuple[ProductUse, ...] = Field(default=(), exclude_if=lambda products: not products)
