"""The answer to `lineage history`: every push to a model's branches, with what it did to the weights."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.check import ChangeCounts, PaperDefinition, WeightChange
from lineage_schemas.bounded import Count
from lineage_schemas.change import Unchecked
from lineage_schemas.commit_class import CommitCategory, CommitClass, Phase
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


class ClassifiedCommit(CommitClass):
    """One commit of a line with what it changes. `date` is null if the source has no dates."""

    revision: str
    date: datetime | None
    title: str


class PeriodCounts(Record):
    """Count the commits of one month (`2024-09`, in UTC) by category and by phase; null is for those without a date.

    Commits of the category `Unknown` have no phase.
    """

    month: str | None
    commits: Count
    categories: dict[CommitCategory, Count]
    phases: dict[Phase, Count]


class CommitsOfLine(Record):
    """Hold the commits of a line, oldest first, with their counts by category, by phase, and by month."""

    classified: tuple[ClassifiedCommit, ...]
    categories: dict[CommitCategory, Count]
    phases: dict[Phase, Count]
    over_time: tuple[PeriodCounts, ...]


class HistoryLine(Record):
    """One branch's first-parent line, pushes oldest first.

    `classified_commits` is null, and not in the JSON, unless the commits were asked for.
    """

    branch: str
    default: bool
    head: str
    commits: int
    pushes: tuple[ListedPush, ...]
    counts: ChangeCounts
    paper_definition: PaperDefinition
    classified_commits: CommitsOfLine | None = Field(default=None, exclude_if=lambda found: found is None)


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
