"""What is known of a model when its product is audited, and what is wrong with it: the terms of all rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lineage.licences.parse import Licences, parse
from lineage_schemas.pointer import Pointer
from lineage_schemas.reference import Place, Reference

if TYPE_CHECKING:
    from datetime import datetime

    from lineage_schemas.answers.finding import Severity
    from lineage_schemas.model import ModelState
    from lineage_schemas.unchecked import Unchecked

RevisionKind = Literal["none", "commit", "tag", "branch", "ref", "short", "unknown"]
"""What a revision in a source is: nothing, a whole commit id, a ref, the first digits of an id, or not known."""

MOVING: Mapping[RevisionKind, str] = {
    "tag": "the tag {}", "branch": "the branch {}", "ref": "the ref {}", "short": "{}, the first digits of a commit",
    "unknown": "{}, which is not a known revision",
}  # fmt: skip
"""How the kinds that can move are called."""


class Problem(NamedTuple):
    """Hold one problem by the name of its rule.

    `severity` replaces the rule's where the case is a milder one. `places` are those of the product, empty for all
    places that use the model. `unchecked` is what the problem leaves unchecked unless the project ignores it; with
    `stays_unchecked` also then, because the finding says something else.
    """

    rule: str
    message: str
    pointer: Pointer
    severity: Severity | None = None
    places: tuple[Place, ...] = ()
    unchecked: Unchecked | None = None
    stays_unchecked: bool = False


class FileText(NamedTuple):
    """Hold a text of a model that declares something, or the reason why it could not be read."""

    path: str
    value: Mapping[str, Any] | None
    reason: str | None = None


class Pickle(NamedTuple):
    """Name a weight group of pickles; `calls` are the names that loading it would call, None if it was not read."""

    group: str
    is_main: bool
    calls: tuple[str, ...] | None


class Scan(NamedTuple):
    """Hold what the Hub's scanners say of a model, and when that was asked.

    `files` are paths with the level that the Hub gives them. `done` is None if the Hub does not say.
    """

    commit: str | None
    done: bool | None
    files: tuple[tuple[str, str], ...]
    asked_at: datetime


class Asked(NamedTuple):
    """Hold one revision of a model that the product asks for, what it means now, and the places that ask for it.

    `vanished` marks a commit that was recorded and is in no history any more. `unread` says of a commit that is in no
    recorded history why it was not read: on a pull request, say; None for one that the Hub does not have.
    """

    revision: str | None
    kind: RevisionKind
    commit: str | None
    references: tuple[Reference, ...]
    vanished: bool = False
    unread: str | None = None


class Signature(NamedTuple):
    """Hold what is known of a model's signature: is there one, is it for other files, and what was not checked."""

    is_there: bool
    wrong: str | None = None
    unchecked: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class ModelFacts:
    """Hold what is known of one model at the commit that is judged.

    `named` are ids under which the product names it and that are not its own. `files` are the paths at the commit,
    None if they are not known; `formats` are those of the weight groups with whether the group is the main one.
    `configs` are the texts that may name code. `signed` and `verified` are None if they are not known.
    `pickles` are the groups whose files are pickles.
    """

    id: str
    used: bool
    state: ModelState
    note: str | None = None
    commit: str | None = None
    asked: tuple[Asked, ...] = ()
    named: tuple[str, ...] = ()
    licences: Licences = field(default_factory=lambda: parse(None))
    card_problem: str | None = None
    files: tuple[str, ...] | None = None
    formats: tuple[tuple[str, bool], ...] = ()
    configs: tuple[FileText, ...] = ()
    pickles: tuple[Pickle, ...] = ()
    signed: bool | None = None
    scan: Scan | None = None
    verified: bool | None = None
    signature: Signature | None = None
    silent: int = 0
    changes: int = 0

    def pointer(self, file: str | None = None, field: str | None = None) -> Pointer:
        """Point to a file or field of the model at the judged commit."""
        return Pointer(model=self.id, revision=self.commit, file=file, field=field)

    @property
    def is_readable(self) -> bool:
        """Return whether the commit that is judged was read."""
        return self.commit is not None and self.files is not None

    @property
    def owner(self) -> str | None:
        """The account that it belongs to; None for an old name without one."""
        return self.id.rpartition(":")[2].partition("/")[0] if "/" in self.id else None


def places_of(references: tuple[Reference, ...]) -> tuple[Place, ...]:
    """List the places of references, each once."""
    return tuple(
        dict.fromkeys(Place(file=each.file, line=each.line, column=each.column, cell=each.cell) for each in references)
    )
