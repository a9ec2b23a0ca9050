"""What a model is by origin: its base family and the variants that it is stated to be, each with where it is stated."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

VariantType = Literal["fine-tuned", "quantised", "distilled", "deduplicated", "adapter", "merged", "pruned"]
"""The four types that the naming study found on its data, then three of ours."""

Where = Literal["weights", "config", "files", "card", "tags", "name", "project"]
"""The tensor types of the main weights, a config, another file of the repository, the card's fields, the tags, the name
of the repository, or a project file."""


class Statement(Record):
    """Quote where something is stated, and its text there."""

    where: Where
    text: str


class BaseFamily(Record):
    """Name the family, as a `model_type`; `statements` are all places that name one, the one that decided first.

    The family is not a parent: `llama` is the family of every model with that architecture.
    """

    value: str
    statements: tuple[Statement, ...]


class Variant(Record):
    """Name one type of variant with all places that state it.

    `basis` is `measured` if the weights show it, `declared` if a file or the card's fields state it, `worded` if only
    words of the name or the tags do: those may be about the base model.
    """

    type: VariantType
    basis: Literal["measured", "declared", "worded"]
    statements: tuple[Statement, ...]
