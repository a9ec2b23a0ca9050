"""The answer to `lineage name`: what the names of models say."""

from __future__ import annotations

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.model_name import NameSegment, NameVersion, SegmentType
from lineage_schemas.record import Record


class ReadName(Record):
    """Hold what one name says.

    `segments` are in the order in which they begin, each type once. `version` is the model's own, null if the name
    carries none; `base_versions` are those of the base model. `missing` are the minimal segments of the naming study
    (identifier, base model, size, training mechanism) that the name lacks. `conforming` is a name of the same segments
    in the recommended order, null if nothing is left that a name on the Hub may hold. `problem` says why the name
    cannot be the id of a model, and is not in the JSON of one that can.
    """

    model: str
    segments: tuple[NameSegment, ...]
    convention: str
    version: NameVersion | None
    base_versions: tuple[NameVersion, ...] = ()
    missing: tuple[SegmentType, ...]
    conforming: str | None
    problem: str | None = Field(default=None, exclude_if=lambda problem: problem is None)


class NamesAnswer(Answer):
    """Hold the names in the order in which they were given. No Hub is asked: `hub` and `collected_at` are null."""

    names: tuple[ReadName, ...]
