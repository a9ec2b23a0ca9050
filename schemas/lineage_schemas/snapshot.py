"""Snapshots: what a Hub returns about one revision of a model."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lineage_schemas.file import FileEntry
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.record import Record


class ResolvedRevision(Record):
    """Hold the commit that a name resolves to.

    `model` is the canonical id that the Hub returns, `asked` the id that was requested: they differ for
    legacy names and renamed repositories. `ref` is the full name of the requested branch or tag (of the default
    branch if none was requested), and `created` the creation date of the repository, each if the Hub gives it.
    `by_table` means that the Hub could not be asked for an old bare name, and a table gave the id.
    """

    model: str
    commit: str
    asked: str
    ref: str | None = None
    created: datetime | None = None
    by_table: bool = False


class Snapshot(Record):
    """Hold the files of one revision with the Hub's other facts about it.

    `card` is the card's metadata block from the Hub or README.md, `config` the content of config.json, each None if
    it is missing or cannot be read; `unreadable` lists unreadable files with the reason. Fields that a source does
    not have are None: unknown is not no.

    `partial` says why files may be missing from the list, None if it is complete; `known_absent` are paths that such a
    list knows not to exist. `without_bytes` names listed files whose bytes are not at hand, with the reason.
    `changed_on_disk` says of a work tree how its files differ from the commit that is checked out.
    """

    model: str
    commit: str
    files: tuple[FileEntry, ...]
    card: dict[str, Any] | None = None
    card_text: str | None = None
    config: dict[str, Any] | None = None
    unreadable: dict[str, str] = {}
    refs: tuple[HistoryRef, ...] = ()
    created: datetime | None = None
    last_modified: datetime | None = None
    downloads: int | None = None
    likes: int | None = None
    gated: str | bool | None = None
    library_name: str | None = None
    pipeline_tag: str | None = None
    tags: tuple[str, ...] = ()
    partial: str | None = None
    known_absent: tuple[str, ...] = ()
    without_bytes: dict[str, str] = {}
    changed_on_disk: dict[str, str] = {}

    def may_have(self, path: str) -> bool:
        """Say whether a file that is not listed may exist all the same: the list is partial."""
        return self.partial is not None and path not in self.known_absent and not self.has(path)

    def has(self, path: str) -> bool:
        """Say whether a file is listed."""
        return any(entry.path == path for entry in self.files)
