"""The answer to `lineage suggest`: which version a change deserves, and whether announced versions fit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.facet import FacetName
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_level import AnnouncedVerdict, MeasuredLevel, VersionLevel

AnnouncedBy = Literal["tag", "card", "name", "start", "user"]
"""What announces a version. Start: nothing does, and numbering begins with 1.0.0. User: the number that is planned."""


class SuggestSide(Record):
    """Describe one side: a model at a commit."""

    model: str
    revision: str


class CurrentVersion(Record):
    """Describe the current version: what announces it, the text of that, and the revision that has it.

    `coerced` says that the text is not semver as it is written: `v2` is 2.0.0. `calendar` versions stay dates.
    """

    by: AnnouncedBy
    text: str | None = None
    revision: str | None = None
    coerced: bool = False
    calendar: bool = False


class FiredRule(Record):
    """Describe one rule of levels that fired, and the change that it fired for.

    `id` is the code (`SV004`), `name` its name. `moved` is the level that the rule has by itself, if a project file
    moved it to `level`; else null. `before` and `after` are JSON text, null if absent, and cut like those of a facet.
    """

    id: str
    name: str
    level: VersionLevel
    source: str
    field: str
    pointer: Pointer
    before: str | None = None
    after: str | None = None
    note: str | None = None
    moved: VersionLevel | None = None


class UnjudgedRule(Record):
    """Describe what could not be judged, and the highest level that it could have; null if it decides nothing.

    `facet` is null for the flip rate; `rule` is the code of the rule that stays open, if it is a single one.
    """

    facet: FacetName | None
    pointer: Pointer
    reason: str
    could_be: VersionLevel | None
    rule: str | None = None


class JudgedVersion(Record):
    """Judge one announced version by what changed since the version announced before it.

    `announced_level` is what the step of the number announces, null for the first version and for calendar versions,
    which name no level. `measured_level` is null for the first one, and where the two revisions were not compared.
    """

    version: str
    revision: str
    by: AnnouncedBy
    text: str
    announced_level: MeasuredLevel | None
    measured_level: MeasuredLevel | None
    verdict: AnnouncedVerdict
    note: str | None = None


class SuggestAnswer(Answer):
    """Suggest a version for the change from `from` to `to`.

    `current` is the version of `from`, `suggested` the one that the change deserves; the same if the level is `none`,
    and null if nothing is known to differ and not all could be compared. `level` is the highest level of the rules that
    fired: what is `unjudged` can raise it. `announced` judges the versions of the line in its order, the planned one
    (`--announce`) last, which `verdict` repeats. `other_tags` are tags that are not versions. `commands` publish the
    suggested version. `card` is the block for the card (lineage-card.v1), if it was requested, as YAML.
    """

    model: str
    from_: SuggestSide = Field(alias="from")
    to: SuggestSide
    current: str
    current_version: CurrentVersion
    suggested: str | None
    level: MeasuredLevel
    rules: tuple[FiredRule, ...]
    unjudged: tuple[UnjudgedRule, ...]
    announced: tuple[JudgedVersion, ...]
    verdict: AnnouncedVerdict | None = None
    other_tags: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    card: str | None = Field(default=None, exclude_if=lambda card: card is None)
    unchecked: tuple[Unchecked, ...] = ()
    notes: Notes = ()
