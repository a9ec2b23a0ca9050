"""Versions that tags and cards name along a line, and those that name revisions with different weights."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from lineage.hub.bounds import BoundError
from lineage.versioning.card_fields import CARD_VERSION_FIELDS, version_fields
from lineage.versioning.line import Line
from lineage.versioning.texts import CARD
from lineage.versioning.words import is_date, version_of
from lineage_schemas.change import Change

Cards = Mapping[str, str]
"""Texts of cards by the identity of the file, such as `gitblob:…`; those that are not known are missing."""


class NamedVersion(NamedTuple):
    """Hold a version that a tag or a card names at a position of a line; `source` quotes the tag or the field."""

    version: str
    position: int
    source: str
    file: str | None = None


class Reused(NamedTuple):
    """Hold one version that is named at two positions of a line, between which a change counts."""

    first: NamedVersion
    again: NamedVersion


def card_versions(card: str) -> dict[str, str]:
    """Return the versions that the fields of a card name, by the field as it is written, such as `version: 1.10`.

    Values that are not a version are left out. Empty for metadata that cannot be read.
    """
    try:
        fields = version_fields(card)
    except BoundError:
        return {}
    named = {f"{name}: {text}": version_of(text, needs_mark=False) for name, text in fields.items()}
    return {written: version for written, version in named.items() if version}


def has_version(card: str) -> bool:
    """Return whether a card names a version in a field."""
    return any(name in card for name in CARD_VERSION_FIELDS) and bool(card_versions(card))


def card_identities(line: Line) -> list[str | None]:
    """Return the identity of the card at each position of a line; None where there is none, or it is not known."""
    at: str | None = None
    found = []
    for commit in line.commits:
        for change in commit.changes or ():
            if change.path == CARD:
                at = change.new.identity if change.new else None
        found.append(at if commit.changes is not None else None)
    return found


def named_versions(line: Line, tags: Mapping[str, Iterable[str]], cards: Cards) -> list[NamedVersion]:
    """List the versions that tags name, and those that cards name newly, in order of the line.

    A card that keeps its version names it once. `tags` are short names by commit; a commit that was merged has the
    position of its merge.
    """
    found = [
        NamedVersion(version, position, f"the tag {tag}")
        for position, arrived in enumerate(line.arrived)
        for commit in arrived
        for tag in tags.get(commit.id, ())
        if (version := version_of(tag))
    ]
    before: set[str] = set()
    for position, identity in enumerate(card_identities(line)):
        card = cards.get(identity or "")
        named = {} if card is None else card_versions(card)
        found += [
            NamedVersion(version, position, f"the card ({written})", CARD)
            for written, version in named.items()
            if version not in before
        ]
        before = set(named.values())
    return sorted(found, key=lambda each: (each.position, each.file is not None, each.source))


def reused(named: Iterable[NamedVersion], line: Line, changes: Iterable[Change]) -> Iterator[Reused]:
    """Find the versions that are named again after a change that counts, each time with its first naming.

    Commits of one push hold one state: within it a version may be named twice.
    """
    state = _states(line, changes)
    first: dict[str, NamedVersion] = {}
    for each in named:
        known = first.setdefault(each.version, each)
        if state(known.position) != state(each.position):
            yield Reused(known, each)


def _states(line: Line, changes: Iterable[Change]) -> Callable[[int], int]:
    """Count the changes that count up to a position, from the first commit of their pushes on."""
    positions = {commit.id: i for i, commit in enumerate(line.commits)}
    starts = (positions.get(change.revisions[0]) for change in changes if change.counts)
    known = sorted(start for start in starts if start is not None)
    return lambda position: bisect_right(known, position)


def differing(tags: Iterable[str], card: str) -> tuple[str, str] | None:
    """Return the tag and the card's field that name different versions of one commit; None if they agree.

    They agree if one of the tags names a version of the card. A date and a number are not compared.
    """
    by_tag = {tag: version for tag in tags if (version := version_of(tag))}
    fields = card_versions(card)
    if set(by_tag.values()) & set(fields.values()):
        return None
    for tag, version in by_tag.items():
        for written, other in fields.items():
            if is_date(version) == is_date(other):
                return tag, written
    return None
