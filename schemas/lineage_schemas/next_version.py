"""Next versions: a model that its publisher released as a later version of another one, in a repository of its own."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record

VersionBasis = Literal["declared", "config", "name"]
"""What it is known by, the strongest first. Declared: the card's `new_version`. Config: `_name_or_path`. Name: names of
one owner that are equal but for the segment with the version."""


class NextVersion(Record):
    """Keep that `next` is the version after `model`, one edge for each pair. Both are keys of models.

    `basis` is the strongest of what was found, `pointer` where it can be checked, `confidence` between 0 and 1, null if
    it was declared, and `evidence` lists the ids of all evidence.
    """

    model: str
    next: str
    basis: VersionBasis
    pointer: Pointer | None = None
    confidence: float | None = None
    evidence: tuple[str, ...] = ()
