"""What a name says: its segments in order, and the versions in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lineage_schemas.model_name import NameVersionKind, SegmentType

MINIMAL: tuple[SegmentType, ...] = ("identifier", "base-model", "size", "training-mechanism")
"""The segments that the naming study asks every name to have."""


class Segment(NamedTuple):
    """One segment; pieces of one type that are apart are joined by `…` in `text`."""

    type: SegmentType
    text: str


class Version(NamedTuple):
    """A version in a name; `of_base` is true if it is the version of the base model, not the model's own.

    `numbers` are those of the version in order; of a date they are year, month and day.
    """

    text: str
    kind: NameVersionKind
    numbers: tuple[int, ...]
    of_base: bool


@dataclass(frozen=True)
class ParsedName:
    """Hold what one name says; `name` is the part after the owner. Each type has one segment, in order of its start."""

    name: str
    segments: tuple[Segment, ...]
    versions: tuple[Version, ...]

    @property
    def convention(self) -> str:
        """Return the study's naming convention: `{identifier}{base-model}{size}`."""
        return "".join(f"{{{segment.type}}}" for segment in self.segments)

    @property
    def version(self) -> Version | None:
        """Return the model's own version: the last number, else the last date; None if the name carries none."""
        own = [version for version in self.versions if not version.of_base]
        numbers = [version for version in own if version.kind != "date"]
        found = numbers or own
        return found[-1] if found else None

    @property
    def missing(self) -> tuple[SegmentType, ...]:
        """List the minimal segments that the name lacks."""
        has = {segment.type for segment in self.segments}
        return tuple(type_ for type_ in MINIMAL if type_ not in has)

    def text_of(self, type_: SegmentType) -> str | None:
        """Return the text of a segment; None if the name has none of that type."""
        return next((segment.text for segment in self.segments if segment.type == type_), None)
