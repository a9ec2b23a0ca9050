"""The answer to `lineage history`: every push to a model's branches, with what it did to the weights."""

from __future__ import annotations

from datetime import datetime

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.check import ChangeCounts, PaperDefinition, WeightChange
from lineage_schemas.change import Unchecked
from lineage_schemas.record import Record
from lineage_schemas.ref import FormerTarget


class ListedPush(Record):
    """One push; `change` is null if no weight group was touched. `titles` are those of its commits, oldest first.

    `start` and `end` are null if the source has no dates.
    """

    revisions: tuple[str, ...]
    titles: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    tags: tuple[str, ...]
    files_changed: int
    change: WeightChange | None


class HistoryLine(Record):
    """One branch's first-parent line, pushes oldest first."""

    branch: str
    default: bool
    head: str
    commits: int
    pushes: tuple[ListedPush, ...]
    counts: ChangeCounts
    paper_definition: PaperDefinition


class MovedTag(Record):
    """One tag that moved or was removed since it was first recorded.

    `target` is its present commit, null if it no longer exists. `former` are the other commits at which earlier
    readings saw it, in order of their first reading.
    """

    name: str
    target: str | None
    former: tuple[FormerTarget, ...]


class HistoryAnswer(Answer):
    """Hold the lines of a model: the default or the requested branch, with `--all-branches` every branch.

    `moved_tags` are all tags of the model that are not where they were first recorded, in order of their names.
    """

    model: str
    source: str
    lines: tuple[HistoryLine, ...]
    unchecked: tuple[Unchecked, ...]
    moved_tags: tuple[MovedTag, ...] = ()
