"""The answer to `lineage lock`: which models are locked, and what changed in the lock."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.answers.incomplete import NamedAt
from lineage_schemas.lock import LockDifference
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked

LockVerdict = Literal["current", "changed", "unchecked"]
"""Current: the lock is what the sources ask for. Changed: it was written anew, or with `--check` would be. Unchecked:
it did not change, and some of it could not be read."""

LockOutcome = Literal["added", "moved", "kept", "removed", "unresolved"]
"""Moved: to another commit. Unresolved: its commit could not be found, and what was locked of it stays."""


class LockState(Record):
    """Name one model of the lock, what happened to it, and the places that use it."""

    id: str
    hub: str | None = None
    revision: str | None = None
    commit: str | None = None
    outcome: LockOutcome
    places: tuple[NamedAt, ...] = ()


class Behind(Record):
    """Name a model whose revision points at another commit than the locked one; null `revision`: its default branch."""

    model: str
    hub: str | None = None
    revision: str | None = None
    locked: str
    now: str


class LockAnswer(Answer):
    """Hold the result for the sources in `path`, whose lock is `file`.

    `written` is whether the file was written. `differences` are those between the lock file and what it should be.
    `behind` are models that moved since they were locked: they stay until `--upgrade` names them. `notes` name the
    places that load a model which the sources do not show.
    """

    path: str
    file: str
    verdict: LockVerdict
    written: bool
    models: tuple[LockState, ...]
    differences: tuple[LockDifference, ...] = ()
    behind: tuple[Behind, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    notes: Notes = ()
