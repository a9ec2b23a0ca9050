"""Parts of a repository's name: the twelve types of the naming study, and the version that a name carries."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record

SegmentType = Literal[
    "identifier", "base-model", "size", "training-mechanism", "description", "variant-type", "version", "task",
    "language", "dataset", "others", "creation-date",
]  # fmt: skip
"""The twelve types, spelled as in conventions such as `{identifier}{base-model}{size}`."""

NameVersionKind = Literal["major", "minor", "patch", "date"]
"""How many numbers a version in a name has (one, two, three or more), or that it is a date."""


class NameSegment(Record):
    """One segment of a name; pieces of one type that are apart are joined by `…`."""

    type: SegmentType
    text: str


class NameVersion(Record):
    """Hold a version that a name carries.

    `numbers` are its numbers in order; of a date year, month and day. `of_base` is true if it is the version of the
    base model (`Mistral-7B-v0.1` inside a longer name), false if it is the model's own.
    """

    text: str
    kind: NameVersionKind
    numbers: tuple[Count, ...]
    of_base: bool
