"""Revisions: commits of a model, and the history that they form."""

from __future__ import annotations

from pydantic import AwareDatetime

from lineage_schemas.bounded import Count
from lineage_schemas.file import FileChange, FileEntry
from lineage_schemas.model import HistorySource
from lineage_schemas.record import Record
from lineage_schemas.ref import RefKind


class CommitFacts(Record):
    """Hold the facts of a commit, for a history and for the graph.

    `date` is the committer's. `author_key` is a pseudonym: a keyed hash that is equal for equal authors without
    naming them. `changes` are against the first parent; None means that they are not known, an empty tuple
    that the commit changed nothing. `signed` and `pull_request` are None if the source does not give them.
    `unread_message` gives the reason if title and message were not read: they are empty, and may announce anything.
    """

    parents: tuple[str, ...] = ()
    date: AwareDatetime | None = None
    author_key: str | None = None
    title: str = ""
    message: str = ""
    signed: bool | None = None
    pull_request: Count | None = None
    unread_message: str | None = None
    changes: tuple[FileChange, ...] | None = None


class Commit(CommitFacts):
    """Describe one commit as the Hub or git returns it."""

    id: str


class HistoryRef(Record):
    """Point a name at a commit of a history."""

    name: str
    kind: RefKind
    target: str


class History(Record):
    """Hold every known commit of a model with its refs.

    `commits` are in topological order, parents before children, ties by date and then id. `default_branch` is a full
    ref name (`refs/heads/master`), or None if the source does not give it. `incomplete` describes what could not be
    read; None means that nothing is missing.
    """

    model: str
    source: HistorySource
    default_branch: str | None
    refs: tuple[HistoryRef, ...]
    commits: tuple[Commit, ...]
    incomplete: str | None = None


class Revision(CommitFacts):
    """Keep one commit of a model in the graph.

    `key` is `MODEL@COMMIT`; a plain folder's commit is `folder:` and its tree hash. `vanished` marks a recorded
    commit that is no longer reachable because the history was rewritten. `category` says what kind of change the commit
    is, in the words of the taxonomy of commits; null if it was not classified.
    """

    key: str
    model: str
    commit: str
    vanished: bool = False
    category: str | None = None


class Tree(Record):
    """List the files of one revision: what `CONTAINS` edges are made of."""

    revision: str
    entries: tuple[FileEntry, ...]
