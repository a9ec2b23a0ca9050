"""The graph as CSV files for `neo4j-admin database import full`: the fast way to a first load of millions of models.

The properties are those that the Neo4j backend writes (`lineage.store.neo4j.codec`), so that an imported database is a
store like any other. Three things CSV cannot express as they are:

- A file's header gives each column one type. A row with a value of another type goes to a file of its own.
- An empty list looks like a missing one. Its name goes into the property `empty`, and the first writer after the import
  makes the list.
- A list cannot hold an empty text or the delimiter. Such a list is written into `details`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from lineage.progress import SILENT, Progress
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.moving.checked import sound_rows
from lineage.store.moving.csv_folder import replacing
from lineage.store.moving.sections import SECTIONS, Checksums, line
from lineage.store.neo4j.captions import NAME
from lineage.store.neo4j.codec import ATTACHMENTS as ATTACHMENT_LABELS
from lineage.store.neo4j.codec import (
    AWAITED,
    EDGE_NAMES,
    EMPTY,
    attachment_properties,
    edge_properties,
    name_property,
    node_properties,
)
from lineage.store.neo4j.schema import IMPORTED, STORE, UNFINISHED, schema_version
from lineage.store.neo4j.shown import SHOWN
from lineage.store.promoted import PROMOTED, canonical
from lineage.store.records import records

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, NodeKind, Properties
    from lineage.store.interface import StoreView
    from lineage.store.moving.sections import AttachmentRow, Row
    from lineage.store.records import StoredRecord

Columns = Mapping[str, str]
"""Maps a property to its type, as headers for `neo4j-admin` name types."""

ARRAY_DELIMITER = "\x1f"
"""Separates the items of a list; a list with an item that holds it is written into `details`."""

SMALLEST_BUFFER = 4_194_304
"""Default size of the import's read buffer in bytes; a longer field makes the import fail."""

_TYPES: Mapping[type, str] = {bool: "boolean", int: "long", float: "double", str: "string", bytes: "byte[]"}

_OBSERVED: Columns = {
    "created": "string", "last_modified": "string", "downloads": "long", "likes": "long", "gated": "boolean",
    "family": "string", "observed_at": "string",
}  # fmt: skip


class Written(NamedTuple):
    """Report which files were written, their checksums, and the command that imports them."""

    files: tuple[str, ...]
    checksums: Checksums
    command: str


class Table(NamedTuple):
    """One file: its rows (`nodes` of a label, `relationships` of a type) and its columns."""

    option: str
    name: str
    path: Path
    columns: tuple[str, ...]
    file: IO[str]

    @property
    def argument(self) -> str:
        """Return the absolute path, quoted for a shell."""
        return shlex.quote(str(self.path.resolve()))


class CsvFolder:
    """Write rows into files, opened when first needed: in `part` at first, to be moved to `folder` at the end."""

    def __init__(self, folder: Path, part: Path, opened: ExitStack) -> None:
        self._folder, self._part, self._opened = folder, part, opened
        self._tables: dict[tuple[str, tuple[str, ...], frozenset[tuple[str, str]]], Table] = {}
        self.longest = 0
        self.unfinished: set[str] = set()
        self.multiline: set[Path] = set()

    def add(self, option: str, name: str, ends: Mapping[str, str], columns: Columns, properties: Properties) -> None:
        """Write one row: `ends` are its ids by header field, in the same order for all rows of a kind."""
        properties = _writable(properties)
        if EMPTY in properties:
            self.unfinished.add(name)
        others = frozenset(
            (each, found) for each, value in properties.items() if (found := _type(value)) != columns.get(each)
        )
        table = self._tables.get((name, tuple(ends), others)) or self._open(option, name, tuple(ends), columns, others)
        cells = [_cell(end) for end in ends.values()]
        cells += [_cell(properties.get(column)) for column in table.columns]
        self.longest = max(self.longest, max(map(len, cells)))
        text = ",".join(cells)
        if "\n" in text or "\r" in text:
            self.multiline.add(table.path)
        table.file.write(text + "\n")

    def tables(self) -> list[Table]:
        """List the files, nodes first."""
        return sorted(self._tables.values(), key=lambda table: (table.option, str(table.path)))

    def _open(
        self, option: str, name: str, ends: tuple[str, ...], columns: Columns, others: frozenset[tuple[str, str]]
    ) -> Table:
        number = sum(1 for known, _, _ in self._tables if known == name) + 1
        file_name = f"{name.lower()}{f'-{number}' if number > 1 else ''}.csv"
        types = {**columns, **dict(others)}
        file = self._opened.enter_context((self._part / file_name).open("w", encoding="utf-8", newline=""))
        file.write(",".join([*ends, *(f"{column}:{found}" for column, found in types.items())]) + "\n")
        table = self._tables[name, ends, others] = Table(option, name, self._folder / file_name, tuple(types), file)
        return table


def write_csv(view: StoreView, folder: Path, progress: Progress = SILENT) -> Written:
    """Write a graph into a folder, in constant memory.

    An earlier export there is replaced when this one is complete. Raises InputError if the folder holds anything else
    or cannot be written, StoreError if the graph was modified meanwhile.
    """
    check_unchanged = view.change_guard()
    counts: dict[str, int] = {kind: view.count(kind) for kind in (*PROMOTED, *ENDS)}
    sums = Checksums()
    with (
        replacing(folder) as part,
        ExitStack() as opened,
        progress.task("exporting", sum(counts.values()), "rows") as task,
    ):
        files = CsvFolder(folder, part, opened)
        for kind in PROMOTED:
            for key in view.all_awaited(kind):
                columns = {NAME: "string", "kind": "string"}
                files.add("nodes", AWAITED, {f"key:ID({kind})": key}, columns, {NAME: key, "kind": kind})
        for section in SECTIONS:
            for row in sound_rows(view, section):
                _add(files, section, row)
                sums.add(section, line(section, row))
                task.advance()
            check_unchanged()
        sums.must_be(counts)
        _add_store(files)
    return Written(tuple(str(table.path) for table in files.tables()), sums, _command(files))


def _add_store(files: CsvFolder) -> None:
    """Write the node `LineageStore`, which marks a database as a store and holds its schema's version."""
    columns = {"schema_version": "long", "writes": "long", UNFINISHED: "string[]"}
    properties = {"schema_version": schema_version(), "writes": 0, UNFINISHED: [*sorted(files.unfinished), IMPORTED]}
    files.add("nodes", STORE, {"name:ID(LineageStore)": "lineage"}, columns, properties)


def _add(files: CsvFolder, section: str, row: Row) -> None:
    if isinstance(row, NodeRow):
        kind = cast("NodeKind", section)
        properties = node_properties(kind, row.key, row.properties)
        key = properties.pop("key")
        files.add("nodes", section, {f"key:ID({section})": key}, _node_columns(kind), properties)
    elif isinstance(row, EdgeRow):
        source, target = ENDS[row.kind]
        ends = {f":START_ID({source})": row.source, f":END_ID({target})": row.target}
        properties = edge_properties(row.kind, row.name, row.properties)
        files.add("relationships", row.kind, ends, _edge_columns(row.kind), properties)
    else:
        _add_attachment(files, row)


def _add_attachment(files: CsvFolder, row: AttachmentRow) -> None:
    label, text = ATTACHMENT_LABELS[row.kind]
    properties = attachment_properties(row.kind, row.key, row.data)
    key = properties.pop("key")
    files.add("nodes", label, {f"key:ID({label})": key}, {NAME: "string", text: "string"}, properties)


def _writable(properties: Properties) -> Properties:
    """Move lists that CSV cannot hold to properties that the backend decodes: empty ones by name, others as JSON."""
    moved = {name: value for name, value in properties.items() if isinstance(value, list) and not _is_cell(value)}
    if not moved:
        return properties
    kept = {name: value for name, value in properties.items() if name not in moved}
    if empty := sorted(name for name, value in moved.items() if not value):
        kept[EMPTY] = empty
    if others := {name: value for name, value in moved.items() if value}:
        kept["details"] = canonical({**json.loads(properties.get("details", "{}")), **others})
    return kept


def _is_cell(items: list[str]) -> bool:
    return bool(items) and all(item and ARRAY_DELIMITER not in item for item in items)


def _type(value: Any) -> str:
    return "string[]" if isinstance(value, list) else _TYPES[type(value)]


def _cell(value: Any) -> str:
    """Encode one field. A text is always quoted: `""` is an empty text, an empty field a missing value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        value = ARRAY_DELIMITER.join(str(byte - 256 if byte > 127 else byte) for byte in value)
    elif isinstance(value, list):
        value = ARRAY_DELIMITER.join(value)
    elif not isinstance(value, str):
        return repr(value)
    return f'"{value.replace(chr(34), chr(34) * 2)}"'


def columns_of(kind: NodeKind | EdgeKind) -> Columns:
    """Return the properties of a kind of node or edge with their types, without the key."""
    found = _node_columns(cast("NodeKind", kind)) if kind in PROMOTED else _edge_columns(cast("EdgeKind", kind))
    return {name: each for name, each in found.items() if name != EMPTY}


@cache
def _node_columns(kind: NodeKind) -> Columns:
    """Return the columns of a kind of node: the fields of its record that Neo4j has a type for."""
    found = {**dict(_columns(records()[kind])), **SHOWN.get(kind, {})}
    observed = _OBSERVED if kind == "Model" else {}
    return {NAME: "string", **found, **observed, "details": "string", **_empty(records()[kind])}


def _empty(stored: StoredRecord | None) -> Columns:
    """Return the column that names empty lists, if a kind's record has lists, of texts or of records."""
    from typing import get_origin

    fields = stored.fields if stored is not None else ()
    has_lists = stored is not None and any(
        get_origin(stored.record.model_fields[f].annotation) is tuple for f in fields
    )
    return {EMPTY: "string[]"} if has_lists else {}


@cache
def _edge_columns(kind: EdgeKind) -> Columns:
    """Return the columns of a kind of edge, with its name."""
    stored = records().get(kind)
    found = dict(_columns(stored)) if stored is not None else {}
    named = {name_property(kind): "string"} if kind in EDGE_NAMES else {}
    own = {"xet_hash": "string"} if kind == "CONTAINS" else {}
    return {**named, **own, **found, "details": "string", **_empty(stored)} if named or found else {}


def _columns(stored: StoredRecord) -> Iterator[tuple[str, str]]:
    """Yield the properties that a column can hold, with their types; nested values have no column."""
    for name in stored.fields:
        if (found := _type_of(stored.record.model_fields[name].annotation)) is not None:
            yield name, found


def _type_of(annotation: Any) -> str | None:
    """Return the one type that a field has in CSV; None for nested values."""
    from datetime import datetime
    from typing import Annotated, Literal, get_args, get_origin

    from pydantic import AwareDatetime

    if get_origin(annotation) is Annotated:  # a number with bounds
        annotation = get_args(annotation)[0]
    if annotation in (datetime, AwareDatetime):
        return "string"
    if annotation in _TYPES:
        return _TYPES[annotation]
    origin, inner = get_origin(annotation), [each for each in get_args(annotation) if each is not type(None)]
    if origin is tuple:
        return "string[]" if inner[0] is str else None
    if origin is dict:
        return None
    found = {"string"} if origin is Literal else {_type_of(each) for each in inner}
    return found.pop() if len(found) == 1 else None


def _command(files: CsvFolder) -> str:
    """Return the import command for a shell on the machine of the stopped server."""
    tables = files.tables()
    options = [
        "neo4j-admin database import full neo4j --overwrite-destination",
        f"--array-delimiter=U+{ord(ARRAY_DELIMITER):04X}",
    ]
    if lines := ",".join(table.argument for table in tables if table.path in files.multiline):
        options.append(f"--multiline-fields-format=v2 --multiline-fields={lines}")
    if 4 * files.longest > SMALLEST_BUFFER:
        options.append(f"--read-buffer-size={4 * files.longest}")
    options += [f"--{table.option}={table.name}={table.argument}" for table in tables]
    return " \\\n  ".join(options)
