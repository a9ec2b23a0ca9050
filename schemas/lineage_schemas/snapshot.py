"""Snapshots: what a Hub says about one revision of a model."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lineage_schemas.file import FileEntry
from lineage_schemas.record import Record
from lineage_schemas.revision import HistoryRef


class ResolvedRevision(Record):
    """Say which commit a name means.

    `model` is the canonical id that the Hub answers with, `asked` the id that was asked for: they differ for
    legacy names and renamed repositories. `ref` is the full name of the branch or tag that was asked for (of the
    default branch where none was) and `created` when the repository was made, each where the answer tells.
    `by_table` says that the Hub could not be asked for a bare name of old, and a table gave the id.
    """

    model: str
    commit: str
    asked: str
    ref: str | None = None
    created: datetime | None = None
    by_table: bool = False


class Snapshot(Record):
    """Hold the files of one revision with what the Hub tells beside them.

    `card` is the card's metadata block as the Hub or README.md gives it and `config` that of config.json,
    None where there is none or it cannot be read; `unreadable` names such files with the reason. Fields
    that a source does not know are None: unknown is not no.
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
