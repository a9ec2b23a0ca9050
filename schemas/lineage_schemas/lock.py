"""The lock file: which commit of each model a product uses, with its files and its parents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lineage_schemas.derivation import Relation, Status
from lineage_schemas.record import Record

LOCK_VERSION = 1
"""The version of the lock file that this program writes; a newer one is refused."""

LOCK_FILE = "lineage.lock"
"""The name of the lock file."""

FileIdentity = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|gitblob:[0-9a-f]{40}|unknown)$")]
"""What a file is: its SHA-256, or the git object id of a small file, or `unknown` where the Hub gives neither."""

Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|folder:[0-9a-f]{64})$")]
"""A full commit id; that of a plain folder is `folder:` and the hash of its files."""


class LockedParent(Record):
    """Name a parent of a locked model: `org/name@COMMIT`, or `org/name` where no commit of it was read.

    The commit is the one whose weights were compared with the child's, or else the parent's commit when it was locked.
    """

    id: str
    relation: Relation | None = None
    status: Status


class LockedModel(Record):
    """Hold one model as it was when it was locked.

    `id` is the canonical id, `names` the other names by which the sources call it. `revision` is what the sources ask
    for: a commit, tag or branch, null for the default branch. `hub` is the Hub that the project file names for the
    model, null for that of the command. `commit` is null if the Hub did not give one. `files_digest` and
    `weights_digest` are those of the main weights, null where they are not known. `incomplete` says what could not be
    seen, such as a gated model's files. `files` maps each file of the commit to what it is.
    """

    id: str
    names: tuple[str, ...] = ()
    hub: str | None = None
    revision: str | None = None
    commit: Commit | None = None
    files_digest: str | None = None
    weights_digest: str | None = None
    licence: str | None = None
    incomplete: str | None = None
    parents: tuple[LockedParent, ...] = ()
    files: dict[str, FileIdentity] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what a lock has one entry for: the Hub, the id and the revision that is asked for."""
        return self.hub or "", self.id, self.revision or ""


class Lock(Record):
    """Hold a lock file: one `[[model]]` for each model and revision that a product uses."""

    version: Literal[1] = 1
    model: tuple[LockedModel, ...] = ()


LockField = Literal[
    "model", "names", "commit", "files_digest", "weights_digest", "licence", "incomplete", "parent", "file"
]  # fmt: skip
"""What differs: a whole model, one of its fields, one of its parents or one of its files."""


class LockDifference(Record):
    """Describe one thing that differs between a lock and the present.

    `name` is the parent's id or the file's path where `field` is one of these. `locked` and `now` are the values, null
    on the side that has none: a whole model that is null in `locked` was added.
    """

    model: str
    hub: str | None = None
    revision: str | None = None
    field: LockField
    name: str | None = None
    locked: str | None = None
    now: str | None = None
