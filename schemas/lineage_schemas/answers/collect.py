"""The answer to `lineage collect`: what was read and stored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.cost import Cost
from lineage_schemas.level import Level
from lineage_schemas.record import Record

CollectOutcome = Literal["collected", "unchanged", "named", "failed"]
"""Named: an ancestor that is missing or gated, recorded by its name. Failed: a target, or a model that the Hub could
not be asked about."""


class CollectedSamples(Record):
    """What was sampled of a model's weights in this run: how many groups, and what that cost.

    `not_sampled` maps groups without a sample to the reason.
    """

    groups: int
    cost: Cost
    not_sampled: dict[str, str] = {}


class CollectedModel(Record):
    """One model that the run reached.

    `samples` is in the JSON only where samples were taken, or were to be taken.
    `changes` are the pushes of the default branch that touched weights; `first_uploads` of them brought the first ones.
    """

    id: str
    outcome: CollectOutcome
    head: str | None
    level: Level | None
    commits: int | None
    changes: int | None
    parents: tuple[str, ...]
    detail: str | None = None
    first_uploads: int | None = None
    samples: CollectedSamples | None = Field(default=None, exclude_if=lambda samples: samples is None)


class CollectAnswer(Answer):
    """Hold what a collection did, models in the order in which they were finished."""

    store: str
    targets: tuple[str, ...]
    models: tuple[CollectedModel, ...]
    cost: Cost
    incomplete: tuple[Incomplete, ...]
