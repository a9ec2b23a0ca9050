"""The answer to `lineage history`: every push to a model's branches, with what it did to the weights."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.answers.check import ChangeCounts, CheckedGroup, PaperDefinition, WeightChange
from lineage_schemas.answers.finding import Finding
from lineage_schemas.bounded import Count
from lineage_schemas.change import ChangeKind, Verdict
from lineage_schemas.commit_class import CommitCategory, CommitClass, Phase
from lineage_schemas.facet import FacetChange, FacetName
from lineage_schemas.next_version import VersionBasis
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record
from lineage_schemas.ref import FormerTarget
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_level import VersionLevel
from lineage_schemas.version_signal import VersionSignal


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


class NotedFacet(Record):
    """What changed of one facet; `more_changes` counts those that are not listed."""

    name: FacetName
    changes: tuple[FacetChange, ...]
    more_changes: Count = 0


class HistoryRow(Record):
    """One push after which a user gets something different, or may get it.

    `kind` is that of the weights, `behaviour` if only files that change behaviour are different, `unjudged` if such
    files differ and what changed in them is not known. `base` is the commit before the push, null for the first one.
    `version` is the one that was announced for the push (`announced`), else the one that its `level` gives; null if the
    level is not known. `at_least` says that something was not judged, so that the level may be higher. `verdict` is
    null for what does not count among the changes of weights.
    """

    kind: ChangeKind | Literal["behaviour", "unjudged"]
    base: str | None
    revision: str
    start: datetime | None
    end: datetime | None
    title: str
    tags: tuple[str, ...]
    version: str | None
    announced: bool
    level: VersionLevel | None
    at_least: bool
    verdict: Verdict | None
    groups: tuple[CheckedGroup, ...]
    signals: tuple[VersionSignal, ...]
    changed: tuple[NotedFacet, ...]
    unjudged: tuple[Unchecked, ...]


class ReleaseParts(Record):
    """Tell which parts of a release are there, by the definition of the study; null is unknown.

    `version`: its identifier is a version, and no other revision has it. `datasets`: the card names data sets.
    `earlier_release`: the card names the release before; null too for the first one.
    """

    version: bool
    weights: bool | None
    configuration: bool | None
    documentation: bool | None
    datasets: bool | None
    earlier_release: bool | None


class Release(Record):
    """One declared release: a tag, or a revision at which the card has a new version or DOI.

    `names` quotes what declares it. `version` is null if none of them is a version. `pushes` counts those since the
    release before, `changes` the changes of weights among them that count, `weights` is the strongest kind of these.
    `changed` has what differs between the two releases, whatever happened between.
    """

    version: str | None
    names: tuple[str, ...]
    revision: str
    date: datetime | None
    pushes: Count
    changes: Count
    weights: ChangeKind | None
    verdicts: dict[Verdict, Count]
    changed: tuple[NotedFacet, ...]
    unjudged: tuple[Unchecked, ...]
    parts: ReleaseParts


class HistoryLine(Record):
    """One branch's first-parent line, pushes oldest first.

    `classified_commits` is null, and not in the JSON, unless the commits were asked for, and so are `releases`. `rows`
    are the release notes of the line, null if all pushes were asked for instead.
    """

    branch: str
    default: bool
    head: str
    commits: int
    pushes: tuple[ListedPush, ...]
    counts: ChangeCounts
    paper_definition: PaperDefinition
    classified_commits: CommitsOfLine | None = Field(default=None, exclude_if=lambda found: found is None)
    rows: tuple[HistoryRow, ...] | None = None
    releases: tuple[Release, ...] | None = Field(default=None, exclude_if=lambda found: found is None)


class MovedTag(Record):
    """One tag that moved or was removed since it was first recorded.

    `target` is its present commit, null if it no longer exists. `former` are the other commits at which earlier
    readings saw it, in order of their first reading.
    """

    name: str
    target: str | None
    former: tuple[FormerTarget, ...]


class OtherVersion(Record):
    """One repository that is the version before or after the model; `basis` says by what it is known."""

    model: str
    is_next: bool
    basis: VersionBasis
    confidence: float | None
    pointer: Pointer | None


class HistoryAnswer(Answer):
    """Hold the lines of a model: the default or the requested branch, with `--all-branches` every branch.

    `moved_tags` are all tags of the model that are not where they were first recorded, in order of their names.
    `other_versions` are repositories that are the version before or after this one. `findings` are about announced
    versions that do not fit what changed, and about the block of the card; left out of the JSON if there are none.
    """

    model: str
    source: str
    lines: tuple[HistoryLine, ...]
    unchecked: tuple[Unchecked, ...]
    moved_tags: tuple[MovedTag, ...] = ()
    other_versions: tuple[OtherVersion, ...] = ()
    findings: tuple[Finding, ...] = Field(default=(), exclude_if=lambda findings: not findings)
    notes: Notes = ()
