"""What the rules of levels find between two sides: rules that fired, and what could not be judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.rules.levels import LEVEL_BY_NAME
from lineage_schemas.version_level import VERSION_LEVELS, VersionLevel

if TYPE_CHECKING:
    from lineage.versioning.facets.side import Side
    from lineage_schemas.facet import Facet, FacetChange, FacetName
    from lineage_schemas.licence import LicenceRelation
    from lineage_schemas.pointer import Pointer


class Fired(NamedTuple):
    """Hold one rule that fired, with the change that it fired for; values are JSON text, null if absent."""

    rule: str
    pointer: Pointer
    field: str
    before: str | None = None
    after: str | None = None
    note: str | None = None


class Open(NamedTuple):
    """Hold what could not be judged; `most` is the highest level that it could be, None if it decides nothing."""

    facet: FacetName | None
    pointer: Pointer
    reason: str
    most: VersionLevel | None
    rule: str | None = None


Found = Fired | Open


@dataclass(frozen=True)
class Between:
    """Hold what the rules need of two sides: the facets, the sides themselves, and how the licences compare.

    `licence` is what the later licence permits relative to the earlier one, None if the cards declare the same.
    """

    before: Side
    after: Side
    facets: tuple[Facet, ...]
    licence: LicenceRelation | None = None

    def facet(self, name: FacetName) -> Facet:
        """Return one facet."""
        return next(each for each in self.facets if each.name == name)


@dataclass(frozen=True)
class Suggestion:
    """Hold the level of a change, the rules that fired, and what could not be judged.

    `moved` has the levels to which a project moves rules, by their names.
    """

    fired: tuple[Fired, ...]
    unjudged: tuple[Open, ...]
    moved: Mapping[str, VersionLevel] = field(default_factory=dict)

    def level_of(self, fired: Fired) -> VersionLevel:
        """Return the level of a rule, where the project has it."""
        return self.moved.get(fired.rule, LEVEL_BY_NAME[fired.rule].level)

    @property
    def level(self) -> VersionLevel | None:
        """Return the highest level that is known; None if no rule fired."""
        return max((self.level_of(each) for each in self.fired), key=VERSION_LEVELS.index, default=None)

    @property
    def at_most(self) -> VersionLevel | None:
        """Return the highest level that the change could have, with what was not judged; None for no change."""
        open_levels = [each.most for each in self.unjudged if each.most is not None]
        known = [self.level] if self.level else []
        return max([*known, *open_levels], key=VERSION_LEVELS.index, default=None)


def fire(rule: str, change: FacetChange, note: str | None = None) -> Fired:
    """Fire a rule for a change of a facet."""
    return Fired(rule, change.pointer, change.field, change.before, change.after, note or change.note)


def still_open(facet: Facet, most: VersionLevel | None) -> Iterator[Open]:
    """List what a facet could not compare, and changes that it does not list."""
    for each in facet.unjudged:
        yield Open(facet.name, each.pointer, each.reason, most)
    if facet.more_changes:
        yield Open(facet.name, facet.changes[-1].pointer, f"{facet.more_changes:,} more changes are not listed", most)


def value_of(text: str | None) -> Any:
    """Read a value of a change; None where it is absent, null or was cut."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_off(change: FacetChange) -> bool:
    """Return whether a field came or went with a value that means the same as none: null, false, or nothing in it.

    Newer libraries write such fields when a model is saved again.
    """
    if change.kind not in ("added", "removed"):
        return False
    text = change.after if change.kind == "added" else change.before
    return text in ("null", "false", "{}", "[]", '""')


def same_members(change: FacetChange) -> bool:
    """Return whether two values are one set: a list in another order, or a text and a list of it alone."""
    sides = [value_of(text) for text in (change.before, change.after)]
    as_lists = [side if isinstance(side, list) else [side] for side in sides]
    if None in sides or not any(isinstance(side, list) for side in sides):
        return False
    return sorted(map(str, as_lists[0])) == sorted(map(str, as_lists[1]))


def last_name(change: FacetChange) -> str:
    """Return the name of a field without the objects that hold it: `vocab_size` of `text_config.vocab_size`."""
    return change.field.rpartition(".")[2]


Judge = Callable[[Between, "Facet"], Iterator[Found]]
"""A function that fires the rules of one facet."""
