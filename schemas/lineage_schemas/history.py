"""The history of a model: the commits and refs that a Hub or git gives."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from lineage_schemas.bounded import Count
from lineage_schemas.file_change import FileChange
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.record import Record

HistorySource = Literal["git-partial", "git-full", "api", "folder", "cache"]
"""Where commits were read: a partial or full git fetch, the Hub's API, a plain folder, the Hub's local cache."""


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
