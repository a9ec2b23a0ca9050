"""Versions that a publisher announced along a line: which, in which order, and at which revision each is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from lineage.hub.bounds import BoundError
from lineage.versioning.card_fields import version_fields
from lineage.versioning.line import Line, pushes
from lineage.versioning.named_versions import Cards, card_identities
from lineage.versioning.names import parse_name
from lineage.versioning.numbers import Number, of_numbers, read_number
from lineage_schemas.change import Change

AnnouncedBy = Literal["tag", "card", "name"]
"""What announces a version, the strongest first."""

_RANK: dict[AnnouncedBy, int] = {"tag": 0, "card": 1, "name": 2}


class Announced(NamedTuple):
    """Hold one announced version: its number, and the revision that a user of it gets, by position on the line.

    `source` quotes the strongest announcement: the tag `v1.0`, the card's `version: 1.0`, or the name.
    """

    number: Number
    position: int
    revision: str
    by: AnnouncedBy
    source: str


def announced_versions(
    line: Line, tags: Mapping[str, Iterable[str]], cards: Cards, changes: Sequence[Change] = ()
) -> list[Announced]:
    """List the announced versions of a line, in the order of their revisions, each once.

    `tags` are short names by commit, `cards` texts by identity, `changes` those of the line: the version in the
    repository's name speaks for the first upload of weights. A tag names its commit exactly. A card that names a
    version newly speaks for the push that it came with, so that weights which follow within the hour belong to it; it
    ends before the next tagged commit. A version that is announced twice is that of the tag, else of the card, else the
    first one. Numbers of one commit that abbreviate another one (`v1` beside `v1.2.3`) are left out; others are in
    ascending order. The number in the name counts only if no tag or card announces a lower one later.
    """
    tagged = _tagged(line, tags)
    carded = _carded(line, cards, {each.position for each in tagged})
    found = _once([*tagged, *carded])
    named = _named(line, changes)
    if named and not any(_is_lower(each.number, named.number) for each in found):
        found = _once([*found, named])
    return sorted(_without_short(found), key=lambda each: (each.position, _order(each.number), _RANK[each.by]))


def other_tags(tags: Mapping[str, Iterable[str]]) -> list[str]:
    """List the tags that are not versions, such as `fp16` or `main-backup`, by name."""
    return sorted({tag for names in tags.values() for tag in names if read_number(tag) is None})


def current_version(announced: Sequence[Announced], position: int) -> Announced | None:
    """Return the version of a position of the line: the last one that was announced up to there; None without any."""
    return next((each for each in reversed(announced) if each.position <= position), None)


def _tagged(line: Line, tags: Mapping[str, Iterable[str]]) -> list[Announced]:
    """Read the tags; a commit that was merged has the position of its merge, and is the tag's revision all the same."""
    return [
        Announced(number, position, commit.id, "tag", tag)
        for position, arrived in enumerate(line.arrived)
        for commit in arrived
        for tag in tags.get(commit.id, ())
        if (number := read_number(tag))
    ]


def _carded(line: Line, cards: Cards, tagged: set[int]) -> list[Announced]:
    """Read the versions that cards name newly, at the ends of their pushes."""
    ends = _ends_of_pushes(line)
    before: list[Number] = []
    found = []
    for position, identity in enumerate(card_identities(line)):
        card = cards.get(identity or "")
        if card is None and identity is not None:
            continue
        named = [] if card is None else _numbers_of_card(card)
        for source, number in named:
            if not any(number.same_as(each) for each in before):
                end = next((each for each in range(position, ends[position]) if each in tagged), ends[position])
                found.append(Announced(number, end, line.commits[end].id, "card", source))
        before = [number for _, number in named]
    return found


def _numbers_of_card(card: str) -> list[tuple[str, Number]]:
    """Read the numbers in the fields of a card, each with the field as it is written."""
    try:
        fields = version_fields(card)
    except BoundError:
        return []
    numbers = {f"{name}: {text}": read_number(text, needs_mark=False) for name, text in fields.items()}
    return [(written, number) for written, number in numbers.items() if number]


def _named(line: Line, changes: Iterable[Change]) -> Announced | None:
    """Read the model's own version in its name; it speaks for the first upload, or the first commit without one."""
    version = parse_name(line.model).version
    if version is None or not line.commits:
        return None
    first = next((change.revisions[-1] for change in changes if change.kind == "first_upload"), None)
    position = (line.position(first) if first else None) or 0
    number = of_numbers(version.text, version.numbers, is_date=version.kind == "date")
    return Announced(number, position, line.commits[position].id, "name", version.text)


def _ends_of_pushes(line: Line) -> list[int]:
    """Return for each position of a line the last one of its push."""
    return [push.last for push in pushes(line, lambda path: False) for _ in range(push.first, push.last + 1)]


def _once(found: Iterable[Announced]) -> list[Announced]:
    """Keep each version once: the announcement by the strongest source, then the first one."""
    kept: list[Announced] = []
    for each in sorted(found, key=lambda each: (_RANK[each.by], each.position)):
        if not any(each.number.same_as(other.number) for other in kept):
            kept.append(each)
    return kept


def _without_short(found: Sequence[Announced]) -> list[Announced]:
    """Leave out numbers that abbreviate another one of the same commit."""
    return [
        each
        for each in found
        if not any(
            each.position == other.position and each is not other and each.number.is_short_for(other.number)
            for other in found
        )
    ]


def _is_lower(number: Number, other: Number) -> bool:
    return other.is_after(number) is True


def _order(number: Number) -> tuple[object, ...]:
    """Order numbers of one commit: ascending, dates after semantic versions."""
    return (number.scheme == "calendar", number.numbers, number.stage is None, number.stage or "", number.rest)
