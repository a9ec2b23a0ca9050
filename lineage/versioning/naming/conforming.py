"""A name in the order that the naming study asks for, made of what the name says and of nothing else."""

from __future__ import annotations

import re

from lineage.versioning.naming.parsed import MINIMAL, ParsedName
from lineage_schemas.model_name import SegmentType

LONGEST = 96
"""Characters that a name on the Hub may have."""

ORDER: tuple[SegmentType, ...] = (
    *MINIMAL, "variant-type", "dataset", "task", "language", "description", "others", "version", "creation-date",
)  # fmt: skip
"""The minimal segments first, the version and the date last."""

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9.]+")


def conforming(parsed: ParsedName) -> str | None:
    """Return the same segments in the recommended order; what the name does not say is left out, never invented.

    None if a segment has no character that a name on the Hub may hold, or if the name would be too long.
    """
    has = {segment.type for segment in parsed.segments}
    own = any(not version.of_base and version.kind != "date" for version in parsed.versions)
    texts = [_allowed(parsed, type_) for type_ in ORDER if type_ in has and (type_ != "version" or own)]
    name = "-".join(texts)
    return name if name and all(texts) and len(name) <= LONGEST else None


def _allowed(parsed: ParsedName, type_: SegmentType) -> str:
    """Return the text of a segment in the characters of the Hub; a version of the base goes with the base."""
    text = parsed.text_of(type_) or ""
    if type_ == "version":
        text = "-".join(each.text for each in parsed.versions if not each.of_base and each.kind != "date")
    elif type_ == "base-model":
        text = "-".join([text, *(each.text for each in parsed.versions if each.of_base and each.text not in text)])
    return _NOT_ALLOWED.sub("-", text).replace("..", ".").strip("-.")
