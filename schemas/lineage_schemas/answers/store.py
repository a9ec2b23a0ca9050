"""The answers to the subcommands of `lineage store`."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.answers.answer import Answer
from lineage_schemas.record import Record


class StoreInfoAnswer(Answer):
    """Describe a store: where it is, its schema version, how much it holds.

    `note` says so where there is no store yet at that place: then `size_bytes` is null and every count 0.
    `server` names the server behind it with its version, `database` its database; null where there is none. A server
    tells nobody what a database occupies: there `size_bytes` is null too, and `size_note` says why.
    """

    url: str
    backend: str
    schema_version: int
    size_bytes: int | None
    nodes: dict[str, int]
    edges: dict[str, int]
    note: str | None = None
    server: str | None = None
    database: str | None = None
    size_note: str | None = None


class StoreForgetAnswer(Answer):
    """Tell what was erased.

    `kept_as_stub` are models of `forgotten` that stay as a name, because others name them as parent. `not_found` are
    targets of which the store holds nothing.
    """

    store: str
    forgotten: tuple[str, ...]
    kept_as_stub: tuple[str, ...]
    not_found: tuple[str, ...]


class Contents(Record):
    """Tell how much of each kind a graph holds, with a digest over every row, clocks included.

    `awaited` counts edges that nobody sees yet, because an end of theirs is not there; `edges` leaves them out. Equal
    digests mean equal graphs. It is null for a form that holds only a part of the graph.
    """

    nodes: dict[str, int]
    edges: dict[str, int]
    awaited: int = 0
    attachments: int
    digest: str | None


class StoreCopyAnswer(Answer):
    """Tell what a copy did; both stores were compared at its end and hold the same `contents`."""

    source: str
    target: str
    written: int
    already_there: int
    contents: Contents


ExportFormat = Literal["jsonl", "neo4j-csv", "graphml"]


class StoreExportAnswer(Answer):
    """Tell what was written where; `command` is what imports it, as it is typed in a shell."""

    store: str
    path: str
    file_format: ExportFormat
    files: tuple[str, ...]
    contents: Contents
    command: str | None


class StoreImportAnswer(Answer):
    """Tell what was imported; `contents` are the file's.

    `equal` says whether the store holds just that now; null where it held something before.
    """

    store: str
    path: str
    contents: Contents
    equal: bool | None


class StoreFinding(Record):
    """Report one thing that is wrong in a store under a stable rule id; `about` is the key or edge in question."""

    id: str
    about: str
    message: str


class StoreCheckAnswer(Answer):
    """Tell what is wrong in a store. `counts` has all findings by rule; of each rule the first few are listed."""

    store: str
    backend: str
    verdict: Literal["clean", "findings"]
    counts: dict[str, int]
    findings: tuple[StoreFinding, ...]
