"""Events that the pipeline reports during a collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from lineage.collect.samples import Samples
from lineage_schemas.answers.incomplete import IncompleteReason
from lineage_schemas.level import Level


@dataclass(frozen=True)
class Started:
    """A model is being read."""

    model: str


@dataclass(frozen=True)
class Lacking:
    """A part of a model is not available; `decides` is True if that leaves open what the model is or comes from."""

    detail: str
    decides: bool


@dataclass(frozen=True)
class Stored:
    """A model was read and written; `parents` are keys, `bytes_here` the bytes of weights read on this machine.

    `lacks` lists the parts that are not available, and whether the reading failed because of them. `samples`
    are those that were taken of its weights.
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
    samples: Samples = field(default_factory=Samples)


@dataclass(frozen=True)
class Unchanged:
    """A model has not changed since the last collection; its parents are followed anyway."""

    model: str
    head: str
    level: Level | None
    parents: tuple[str, ...]


@dataclass(frozen=True)
class NotRead:
    """A model could not be read; what is stored of it is kept. `asked` is True for a target itself."""

    model: str
    reason: IncompleteReason
    detail: str
    asked: bool
    hint: str | None = None


@dataclass(frozen=True)
class Capped:
    """The run reached a limit; the `waiting` models were not read."""

    waiting: tuple[str, ...]
    limit: str


Event = Started | Stored | Unchanged | NotRead | Capped
