"""Changes: what a push did to a model's weight groups, and whether it was announced."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from lineage_schemas.bounded import Count
from lineage_schemas.record import Record
from lineage_schemas.unchecked import Unchecked
from lineage_schemas.version_signal import VersionSignal

ChangeKind = Literal[
    "reshaped", "retrained", "partial", "replaced", "requantised", "cast", "removed", "unknown",
    "component_added", "format_added", "renamed", "reserialised", "checkpoint", "first_upload",
]  # fmt: skip
"""Strongest first; docs/concepts.md explains them."""

COUNTING_KINDS: frozenset[str] = frozenset(
    {"reshaped", "retrained", "partial", "replaced", "requantised", "cast", "removed"}
)
"""Kinds after which a user who updates gets something different."""

Verdict = Literal["versioned", "documented", "silent"]


class Replacement(Record):
    """Count how many times one path was replaced inside a push; listed from two times on."""

    path: str
    times: Count


class GroupChange(Record):
    """Describe what happened to one weight group.

    `files` are the paths that were added, replaced or removed. `before` and `after` are files digests.
    `note` holds details from headers or tensors: `F32→BF16`, `3 of 291 tensors`. `verified` is there for a format that
    loaders take instead of the one before: whether its values were compared and are the same.
    """

    group: str
    kind: ChangeKind
    files: tuple[str, ...]
    before: str | None = None
    after: str | None = None
    tensors_changed: Count | None = None
    tensors_total: Count | None = None
    note: str | None = None
    verified: bool | None = Field(default=None, exclude_if=lambda verified: verified is None)


class Change(Record):
    """Keep one push that changed weight groups.

    `key` is `MODEL@BRANCH:START` with the first commit of the push. `kind` is the strongest
    of the groups' kinds. `verdict` is null if the kind does not count, and if a text that may announce the change is
    too long to be read, which `unchecked` names. `signals` are those that are new in the change's window.
    `replacements` lists paths that the push replaced more than once. `vanished` marks a change that a rewrite of the
    branch's history removed.
    """

    key: str
    model: str
    branch: str
    revisions: tuple[str, ...]
    base: str | None
    start: AwareDatetime
    end: AwareDatetime
    kind: ChangeKind
    verdict: Verdict | None
    counts: bool
    replacements: tuple[Replacement, ...] = ()
    groups: tuple[GroupChange, ...]
    signals: tuple[VersionSignal, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    vanished: bool = False
