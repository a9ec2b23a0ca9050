"""The project file: what `lineage.toml`, or `[tool.lineage]` of `pyproject.toml`, may say."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from lineage_schemas.derivation import Relation
from lineage_schemas.record import Record

RuleValue = Literal["info", "warning", "error", "major", "minor", "patch"]
"""What a rule may be moved to: a severity, or for rules of the family SV a level of versions."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that says something: it is not blank."""

Day = Annotated[date, Field(strict=True)]
"""A date of TOML, without quotes; a number is not one."""

Fraction = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


def _as_text(value: object) -> object:
    """Take a date of TOML for the text that it is written as: `since = 2024-09-06`."""
    return value.isoformat() if type(value) is date else value


Start = Annotated[Text, BeforeValidator(_as_text)]
"""Where a check starts; a date may be written with or without quotes."""


class FileRecord(Record):
    """Hold a table of the file; keys are accepted as they are written there, and not by another name."""

    model_config = ConfigDict(populate_by_name=False)


class IgnoreEntry(FileRecord):
    """Name findings that do not count: those of `rule` (name or code) about `model`, `org/name` or `org/*`.

    After `until`, the last day, they count again. `reason` is for those who read the file and the answers.
    """

    rule: Text
    model: Text
    reason: Text
    until: Day | None = None


class ProjectModel(FileRecord):
    """Say how `lineage check` without a target checks a model.

    `revision` is a branch, tag or commit, `since` what `--since` takes, `hub` what `--hub` takes; a relative folder is
    relative to the file.
    """

    revision: Text | None = None
    since: Start | None = None
    hub: Text | None = None


class LicenceLists(FileRecord):
    """List identifiers of licences that the project allows or denies."""

    allow: tuple[Text, ...] = ()
    deny: tuple[Text, ...] = ()


class AllowDeny(FileRecord):
    """List what `lineage audit` allows or denies: owners of models, or formats of weights.

    With `allow`, everything else is denied.
    """

    allow: tuple[Text, ...] = ()
    deny: tuple[Text, ...] = ()


class Signer(FileRecord):
    """Name who must have signed the models of an owner, or one model: a public key, or an identity of Sigstore.

    `key` is a PEM file, relative to the project file.
    """

    key: Text | None = None
    identity: Text | None = None
    issuer: Text | None = None


class CompatLimits(FileRecord):
    """Limit how much a new version may break: `max-nfr` is the negative flip rate, a fraction of 1."""

    max_nfr: Fraction | None = Field(default=None, alias="max-nfr")


class ProjectParent(FileRecord):
    """Name a parent that the card of the child does not name: evidence of the rule `project.declared`.

    `parent` may end with a commit, `org/name@COMMIT`. `relation` is left out for a copy, a cast or a conversion.
    """

    child: Text
    parent: Text
    reason: Text
    relation: Relation | None = None


class ProjectFile(FileRecord):
    """Hold the settings of a project; every table may be missing."""

    rules: dict[str, RuleValue] = {}
    ignore: tuple[IgnoreEntry, ...] = ()
    models: dict[str, ProjectModel] = {}
    licences: LicenceLists = LicenceLists()
    publishers: AllowDeny = AllowDeny()
    formats: AllowDeny = AllowDeny()
    signing: dict[str, Signer] = {}
    compat: CompatLimits = CompatLimits()
    parents: tuple[ProjectParent, ...] = ()
