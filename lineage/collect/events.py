"""Events of a collection: what the pipeline tells while it works."""

from __future__ import annotations

from dataclasses import dataclass

from lineage_schemas.answers.answer import IncompleteReason
from lineage_schemas.level import Level


@dataclass(frozen=True)
class Started:
    """A model is being read."""

    model: str


@dataclass(frozen=True)
class Lacking:
    """Something of a model is not at hand; `decides` says whether that leaves open what the model is or comes from."""

    detail: str
    decides: bool


@dataclass(frozen=True)
class Stored:
    """A model was read and written; `parents` are keys, `bytes_here` what was read of weights on this machine.

    `lacks` says what of it is not at hand: each what, and whether the reading has failed for it.
    """

    model: str
    head: str
    level: Level
    commits: int
    changes: int
    first_uploads: int
    parents: tuple[str, ...]
    bytes_here: int = 0
    lacks: tuple[Lacking, ...] = ()


@dataclass(frozen=True)
class Unchanged:
    """A model is as it was at the last collection; its parents are followed all the same."""

    model: str
    head: str
    level: Level | None
    parents: tuple[str, ...]


@dataclass(frozen=True)
class NotRead:
    """A model could not be read; what is known of it stays. `asked` says whether it was a target itself."""

    model: str
    reason: IncompleteReason
    detail: str
    asked: bool
    hint: str | None = None


@dataclass(frozen=True)
class Capped:
    """The run stopped following at a limit; `waiting` models were not read."""

    waiting: tuple[str, ...]
    limit: str


Event = Started | Stored | Unchanged | NotRead | Capped
