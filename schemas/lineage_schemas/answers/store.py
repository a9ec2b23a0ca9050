"""The answers to the subcommands of `lineage store`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage_schemas.answers.answer import Answer
from lineage_schemas.record import Record


class StoreInfoAnswer(Answer):
    """Describe a store: where it is, its schema version, how much it holds.

    `note` is set if there is no store at that URL yet: then `size_bytes` is null and every count is 0.
    `server` is the server and its version, `database` the database on it; null if the store needs no server. A server
    does not report the size of a database: then `size_bytes` is null too, and `size_note` says why. `attachments`
    counts those of each kind that there are: texts, tensor tables, sketches, other names of models.
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
    attachments: dict[str, int] = {}


class StoreForgetAnswer(Answer):
    """Report what was deleted.

    `kept_as_stub` are models of `forgotten` that stay as a name, because other models name them as parent or former
    version, or a product uses them. `not_found` are
    targets of which the store holds nothing. `products` are the deleted products, in the JSON only if there are any.
    """

    store: str
    forgotten: tuple[str, ...]
    kept_as_stub: tuple[str, ...]
    not_found: tuple[str, ...]
    products: tuple[str, ...] = Field(default=(), exclude_if=lambda products: not products)


class Contents(Record):
    """Count what a graph holds of each kind, with a digest over every row, timestamps included.

    `awaited` counts edges that no query returns yet, because one of their ends is not stored; `edges` leaves them
    out. Equal digests mean equal graphs. The digest is null for a format that holds only a part of the graph.
    """

    nodes: dict[str, int]
    edges: dict[str, int]
    awaited: int = 0
    attachments: int
    digest: str | None


class StoreCopyAnswer(Answer):
    """Report what a copy did; at its end both stores were compared, and they hold the same `contents`."""

    source: str
    target: str
    written: int
    already_there: int
    contents: Contents


ExportFormat = Literal["jsonl", "neo4j-csv", "graphml"]


class StoreExportAnswer(Answer):
    """Report what was written where; `command` is the shell command that imports it."""

    store: str
    path: str
    file_format: ExportFormat
    files: tuple[str, ...]
    contents: Contents
    command: str | None


class StoreImportAnswer(Answer):
    """Report what was imported; `contents` are those of the file.

    `equal` is whether the store now holds exactly that; null if the store was not empty before.
    """

    store: str
    path: str
    contents: Contents
    equal: bool | None


class StoreRederiveAnswer(Answer):
    """Report how many models were read and edges worked out, and the keys of the models whose edges changed.

    `next_versions` counts the edges to the next versions of models.
    """

    store: str
    models: int
    derivations: int
    changed: tuple[str, ...]
    next_versions: int = 0


class StoreFinding(Record):
    """Report one problem in a store under a stable rule id; `about` is the key or edge in question."""

    id: str
    about: str
    message: str


class StoreCheckAnswer(Answer):
    """Report the problems in a store. `counts` has all findings by rule; of each rule the first are listed."""

    store: str
    backend: str
    verdict: Literal["clean", "findings"]
    counts: dict[str, int]
    findings: tuple[StoreFinding, ...]
