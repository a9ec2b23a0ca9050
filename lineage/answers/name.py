"""`lineage name`: what the names of models say, and which parts are missing."""

from __future__ import annotations

from collections.abc import Iterable

import lineage
from lineage.hub.target import repository_id_problem
from lineage.versioning.names import parse_name
from lineage.versioning.naming.conforming import conforming
from lineage.versioning.naming.parsed import Version
from lineage_schemas.answers.answer import Tool
from lineage_schemas.answers.name import NamesAnswer, ReadName
from lineage_schemas.model_name import NameSegment, NameVersion


def read_names(models: Iterable[str]) -> NamesAnswer:
    """Read each name; no store and no Hub is opened, and a text that cannot be a name is read as far as it goes."""
    return NamesAnswer(
        schema_id="names.v1",
        tool=Tool(version=lineage.__version__),
        hub=None,
        collected_at=None,
        names=tuple(map(_read, models)),
    )


def _read(model: str) -> ReadName:
    # A slash at the end belongs to a path: the shell completes `./models/colours/` with one.
    parsed = parse_name(model.rstrip("/"))
    return ReadName(
        model=model,
        segments=tuple(NameSegment(type=segment.type, text=segment.text) for segment in parsed.segments),
        convention=parsed.convention,
        version=_version(parsed.version) if parsed.version else None,
        base_versions=tuple(_version(each) for each in parsed.versions if each.of_base),
        missing=parsed.missing,
        conforming=conforming(parsed),
        problem=repository_id_problem(model),
    )


def _version(version: Version) -> NameVersion:
    return NameVersion(**version._asdict())
