"""The block under the key `lineage:` of a card: which version this is, and what it is compatible with."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from lineage_schemas.record import Record
from lineage_schemas.version_level import MeasuredLevel


class CardBase(Record):
    """Name a model that this one was built from, at a commit if that is known."""

    model: str
    commit: str | None = None


class CardBlock(Record):
    """Describe a version in the front matter of a card; a program that reads it ignores fields that it does not know.

    `compatible_with` is the version before, unless the change is major; then it is null. `changes` are the names of
    the rules of levels that fired. `weights` is the weights digest of the main group (docs/reference/digests.md), null
    if its tensors were not read.
    """

    model_config = ConfigDict(extra="ignore")

    schema_id: Literal["lineage-card.v1"] = Field(default="lineage-card.v1", alias="schema")
    version: str
    compatible_with: str | None = None
    level: MeasuredLevel | None = None
    changes: tuple[str, ...] = ()
    architecture: str | None = None
    task: str | None = None
    base_model: tuple[CardBase, ...] = ()
    weights: str | None = None
