"""What a suggestion could not judge, for the text formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lineage_schemas.version_level import VERSION_LEVELS, VersionLevel

if TYPE_CHECKING:
    from lineage_schemas.answers.suggest import SuggestAnswer
    from lineage_schemas.pointer import Pointer


class OpenItem(NamedTuple):
    """Hold what was not judged of one file, once, with the highest level that it could have."""

    reason: str
    pointer: Pointer
    could_be: VersionLevel | None


def open_items(answer: SuggestAnswer) -> list[OpenItem]:
    """List what was not judged: one file that several facets need is named once, the highest level first."""
    found: dict[tuple[str | None, str], OpenItem] = {}
    for each in sorted(answer.unjudged, key=lambda each: -_rank(each.could_be)):
        reason = each.reason.partition(f": {each.pointer.file}: ")[2] or each.reason
        found.setdefault((each.pointer.file, reason), OpenItem(reason, each.pointer, each.could_be))
    return list(found.values())


def _rank(level: VersionLevel | None) -> int:
    return VERSION_LEVELS.index(level) if level else -1
