"""Relatedness: models whose weights are related although neither is known to come from the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from lineage_schemas.derivation import Method
from lineage_schemas.record import Record

RelatedKind = Literal["sibling", "near_twin", "direction_unknown"]
"""Sibling: both come from the same parent. Near twin: nearer to each other than a fine-tuned model is to its parent.
Direction unknown: one comes from the other, and nothing tells which."""


class Relatedness(Record):
    """Keep one relation between two models that has no direction, once for each pair.

    `model` is the smaller of the two keys by code point and `other` the larger one, so that a pair is stored once;
    `of_pair` puts them in order. `model_revision` and `other_revision` are the commits that were compared,
    `confidence` is between 0 and 1, `method` is how they were compared, and `evidence` lists the ids of all evidence.
    """

    model: str
    other: str
    kind: RelatedKind
    confidence: float | None = None
    method: Method = "unknown"
    model_revision: str | None = None
    other_revision: str | None = None
    evidence: tuple[str, ...] = ()

    @classmethod
    def of_pair(cls, revisions: Mapping[str, str | None], **fields: Any) -> Self:
        """Make the record of two models in either order, given as a map from their keys to their revisions."""
        (model, model_revision), (other, other_revision) = sorted(revisions.items())
        pair = {"model": model, "other": other, "model_revision": model_revision, "other_revision": other_revision}
        return cls.model_validate({**pair, **fields})

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.model >= self.other:
            raise ValueError(f"{self.model} and {self.other} are not two models in order of their keys")
        return self
