"""The answer to `lineage check`: weight changes, and whether they were announced."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.answers.finding import Finding, Severity
from lineage_schemas.answers.incomplete import NamedAt
from lineage_schemas.change import ChangeKind, Replacement, Verdict
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_signal import VersionSignal

CheckVerdict = Literal["clean", "findings", "unchecked"]


class CheckedGroup(Record):
    """What happened to one weight group in a push."""

    group: str
    kind: ChangeKind
    files: tuple[str, ...]
    note: str | None = None


class WeightChange(Record):
    """One push that changed weights; `verdict` is null if the kind does not count, or a text is too long to be read.

    `revisions` are all commits of the push, oldest first.
    """

    revisions: tuple[str, ...]
    start: datetime
    end: datetime
    kind: ChangeKind
    verdict: Verdict | None
    counts: bool
    replacements: tuple[Replacement, ...]
    groups: tuple[CheckedGroup, ...]
    signals: tuple[VersionSignal, ...]


class ChangeCounts(Record):
    """Count the changes that count: `versioned + documented + silent = after_first_upload`."""

    after_first_upload: int
    versioned: int
    documented: int
    silent: int


class PaperDefinition(Record):
    """Count as the study of 52,227 models did (docs/concepts.md): file changes, first uploads included.

    `model_file_changes` of `all_file_changes` touch files that the study counts as model files; `share` is their
    quotient, null if nothing changed. `not_in_name` counts the model file changes that the repository's name
    does not announce with a version.
    """

    model_file_changes: int
    all_file_changes: int
    share: float | None
    not_in_name: int


class CheckedRange(Record):
    """Name the commits of a branch that were checked in full: those behind `after` (null: all of them) up to `until`.

    Commits with something undecided are not among them, nor are later ones.
    """

    after: str | None
    until: str


class CheckAnswer(Answer):
    """Hold the weight changes on one branch of a model.

    `branch` is the full ref name of the branch, `since` is the requested start and `since_revision` the commit that
    it resolves to (changes after it are in range), null for the whole history; a tag resolves to the commit at which it
    was first recorded, which `notes` say if the tag is elsewhere now. `head` is the branch's last commit.
    `verdict` is `findings` if a finding counts: one at least as severe as `fail_on`,
    or of one of `fail_on_rules`, that the settings do not ignore.
    `covers` is the range that was checked: once this answer was written in full, the next `--since last` starts behind
    it, unless that would leave a gap. Null if the answer covers nothing of the branch as it is now.
    `named_at` is where the model was named, if a file named it: a list of targets or the project file.
    `derivation` is true, and in the JSON only then, if the model's parents were judged too.
    """

    model: str
    branch: str | None
    head: str | None
    since: str | None = None
    since_revision: str | None = None
    covers: CheckedRange | None = None
    fail_on: Severity = "error"
    fail_on_rules: tuple[str, ...] = ()
    verdict: CheckVerdict
    weight_changes: tuple[WeightChange, ...]
    counts: ChangeCounts
    paper_definition: PaperDefinition
    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    notes: Notes = ()
    named_at: NamedAt | None = Field(default=None, exclude_if=lambda named_at: named_at is None)
    derivation: bool = Field(default=False, exclude_if=lambda derivation: not derivation)


class CheckAnswers(Answer):
    """Hold the answers of a check of several models, in the order of the targets."""

    answers: tuple[CheckAnswer, ...]
