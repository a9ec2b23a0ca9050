"""Changes: what a push did to a model's weight groups, and whether anybody said so."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from lineage_schemas.record import Record
from lineage_schemas.version_signal import VersionSignal

ChangeKind = Literal[
    "reshaped", "retrained", "partial", "replaced", "requantised", "cast", "removed",
    "component_added", "format_added", "renamed", "reserialised", "checkpoint", "first_upload",
]  # fmt: skip
"""Strongest first, as design decided; docs/concepts.md has the table."""

COUNTING_KINDS: frozenset[str] = frozenset(
    {"reshaped", "retrained", "partial", "replaced", "requantised", "cast", "removed"}
)
"""Kinds after which a user who updates gets something different."""

Verdict = Literal["versioned", "documented", "silent"]


class Replacement(Record):
    """Tell how many times one path was replaced inside a push; told from twice on."""

    path: str
    times: int


class GroupChange(Record):
    """Tell what happened to one weight group.

    `files` are the paths that were added, replaced or removed. `before` and `after` are files digests.
    `note` holds what headers or tensors told: `F32→BF16`, `3 of 291 tensors`.
    """

    group: str
    kind: ChangeKind
    files: tuple[str, ...]
    before: str | None = None
    after: str | None = None
    tensors_changed: int | None = None
    tensors_total: int | None = None
    note: str | None = None


class Unchecked(Record):
    """Say what could not be checked, why, and the command that would decide it (null where none can)."""

    what: str
    reason: str
    decide_with: str | None = None


class Change(Record):
    """Keep one push that changed weight groups.

    `key` is `MODEL@BRANCH:START` with the first commit of the push. `kind` is the strongest
    of the groups' kinds. `verdict` is null where the kind does not count. `signals` are those that are new in
    the change's window. `replacements` names paths that the push replaced more than once. `vanished` marks a
    change on a line that was rewritten since.
    """

    key: str
    model: str
    branch: str
    revisions: tuple[str, ...]
    base: str | None
    start: datetime
    end: datetime
    kind: ChangeKind
    verdict: Verdict | None
    counts: bool
    replacements: tuple[Replacement, ...] = ()
    groups: tuple[GroupChange, ...]
    signals: tuple[VersionSignal, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    vanished: bool = False
