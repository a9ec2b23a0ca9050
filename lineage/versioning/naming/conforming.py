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

    None if nothing of it is left that a name on the Hub may hold, or if it would be too long.
    """
    texts = [_allowed(parsed, type_) for type_ in ORDER]
    name = "-".join(text for text in texts if text)
    return name if name and len(name) <= LONGEST else None


def _allowed(parsed: ParsedName, type_: SegmentType) -> str:
    """Return the text of a segment in the characters of the Hub; a version of the base goes with the base."""
    own, based = ([v.text for v in parsed.versions if v.of_base is flag and v.kind != "date"] for flag in (False, True))
    if type_ == "version":
        text = "-".join(own)
    else:
        text = parsed.text_of(type_) or ""
        if type_ == "base-model":
            text = "-".join([text, *(version for version in based if version not in text)])
    return _NOT_ALLOWED.sub("-", text).replace("..", ".").strip("-.")
