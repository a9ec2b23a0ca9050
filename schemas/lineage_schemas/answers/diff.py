"""The answer to `lineage diff`: what differs between two revisions or models."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.digests import Digests
from lineage_schemas.facet import Facet
from lineage_schemas.licence import LicenceComparison
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked

WeightsDiffKind = Literal[
    "equal", "reserialised", "renamed", "partial", "retrained", "reshaped", "cast", "requantised", "replaced", "unknown"
]


class DiffSide(Record):
    """Describe one side: a model at a commit, its main weight group and that group's digests."""

    model: str
    revision: str
    group: str | None = None
    digests: Digests | None = None


class RenamedTensor(Record):
    """A tensor whose bytes are on both sides under two names."""

    before: str
    after: str


class TensorsDiff(Record):
    """Sort tensors by what happened to them; `equal` is a count, the others list names in order.

    The lists are never null: below level full only names, dtypes and shapes are compared, and `compared` is `layout`.
    """

    compared: Literal["bytes", "layout"]
    equal: int
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[RenamedTensor, ...]


class WeightsDiff(Record):
    """Compare the main weight groups; `tensors` is null unless the headers of both sides could be read."""

    kind: WeightsDiffKind
    tensors: TensorsDiff | None


class FacetDiff(Record):
    """One field that differs: `config.vocab_size`, `card.license`, `tokenizer.tokenizer.json`.

    `before` and `after` are the values as JSON text, null if the field is absent. Tokenizer files are compared by
    hash.
    """

    name: str
    before: str | None
    after: str | None
    pointer: Pointer


class LicenceDiff(LicenceComparison):
    """What the licence of `b` is relative to that of `a`, and the terms that differ.

    `before` and `after` are what the cards declare, null where they declare nothing. `pointer` is the field of the card
    that differs, or the file of a licence's text if only that differs; the relation is `unknown` then.
    """

    before: str | None
    after: str | None
    pointer: Pointer


class DiffAnswer(Answer):
    """Hold the differences from `a` to `b`: `facets` are the fields that differ, `by_facet` judges every facet.

    `licences` is null if nothing that declares a licence differs.
    """

    a: DiffSide
    b: DiffSide
    weights: WeightsDiff
    facets: tuple[FacetDiff, ...]
    by_facet: tuple[Facet, ...] = ()
    licences: LicenceDiff | None = None
    unchecked: tuple[Unchecked, ...]
    notes: Notes = ()
