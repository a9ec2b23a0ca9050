"""Revisions: the commits of a model in the graph, and their files."""

from __future__ import annotations

from lineage_schemas.file import FileEntry
from lineage_schemas.history import CommitFacts
from lineage_schemas.record import Record


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
