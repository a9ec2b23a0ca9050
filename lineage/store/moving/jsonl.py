"""The graph as a file of JSON lines: a backup that can be read, compared line by line, and imported into any store.

The first line names the format and counts the rows of each kind. Then follows one line for each node, edge and
attachment, as `lineage.store.moving.sections` encodes them, in an order that depends on the content only. The last line
holds a digest of each section. Equal graphs give equal files.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from lineage.errors import InputError
from lineage.progress import SILENT, Progress
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.migrations import SCHEMA_VERSION, added_since
from lineage.store.moving.checked import RowChecks, sound_rows
from lineage.store.moving.sections import (
    ATTACHMENTS,
    AWAITED,
    SECTIONS,
    AttachmentRow,
    Checksums,
    batches,
    line,
    row_name,
)
from lineage.store.promoted import PROMOTED, canonical
from lineage.store.validation import OTHER_TEXT

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind
    from lineage.store.interface import GraphStore, StoreView
    from lineage.store.moving.checked import TableReader
    from lineage.store.moving.sections import Row
    from lineage_schemas.graph_batch import AttachmentKind

FORMAT = "lineage-graph"

VERSION = 3
"""Version of the format. Released versions stay readable. Version 1 had no awaited edges, versions 1 and 2 none of the
kinds and fields that schema 2 of a store added."""

MAX_HEADER = 65_536
"""Longest first line in bytes: a file of another kind may have no line end at all."""

MAX_LINE = 268_435_456
"""Longest other line in bytes: a text of 10 MB or a tensor table is far shorter."""

MAX_NAME = 200
"""Characters of a row's key that an error shows."""

OTHER_FILES = (
    (b"\x1f\x8b", "unpack it first: gunzip"),
    (b"\x28\xb5\x2f\xfd", "unpack it first: unzstd"),
    (b"PK", "unpack it first: unzip"),
    (b"SQLite format 3", "this is a store, not a dump: lineage store copy FROM TO"),
)
"""How other files begin that a user may try to import, with a hint for each."""

ATTACHMENT_KINDS = ("alias", "sketch", "tensors", "text")


def _refuse_constant(text: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


class Header(NamedTuple):
    """Hold the numbers of rows by kind that a file announces, and the schema of the store that it was written from."""

    nodes: dict[str, int]
    edges: dict[str, int]
    schema_version: int = SCHEMA_VERSION

    @property
    def rows(self) -> int:
        """Count nodes and edges; the header does not count attachments."""
        return sum(self.nodes.values()) + sum(self.edges.values())


def write_jsonl(view: StoreView, file: IO[bytes], progress: Progress = SILENT) -> Checksums:
    """Write a graph, in constant memory.

    Raises StoreError for a damaged store, and if the graph was modified meanwhile: the file then has no last line, and
    an import refuses it.
    """
    check_unchanged = view.change_guard()
    header = Header({kind: view.count(kind) for kind in PROMOTED}, {kind: view.count(kind) for kind in ENDS})
    head = {"format": FORMAT, "version": VERSION, "schema_version": SCHEMA_VERSION}
    file.write(_bytes(canonical({**head, "nodes": header.nodes, "edges": header.edges})))
    sums = Checksums()
    with progress.task("exporting", header.rows, "rows") as task:
        for section in SECTIONS:
            for row in sound_rows(view, section):
                text = line(section, row)
                sums.add(section, text)
                file.write(_bytes(text))
                task.advance()
            check_unchanged()
    sums.must_be({**header.nodes, **header.edges})
    file.write(_bytes(canonical({"end": sums.digests()})))
    return sums


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") + b"\n"


def read_jsonl(
    store: GraphStore,
    file: IO[bytes],
    name: str,
    progress: Progress = SILENT,
    read_table: TableReader | None = None,
) -> Checksums:
    """Check a whole file, then write its graph into a store in one transaction: all of it or nothing.

    A damaged file writes nothing, and neither does an import that fails or is killed; `file` must be seekable. Rows
    are merged with stored ones by the rules of their kind, and importing the same file again changes nothing. Rows of
    an older schema get the fields that they lack, as those of a migrated store do, and the checksums are of these rows.
    With `read_table`, tensor tables are read and texts are compared with their hash. Raises InputError with the line's
    number for a damaged file, a row that is not a record, or another format.
    """
    sums = check_jsonl(file, name, progress, read_table)
    file.seek(0)
    total = sum(sums.counts.values())
    with store.atomic(total), progress.task("importing", total, "rows") as task:
        written = 0
        for section, rows in _by_section(rows_in(file, name)):
            for batch, number in batches(section, rows):
                store.write_rows(batch)
                task.advance(number)
                written += number
        if written != total:
            raise _damaged(name, 1, "the file was changed while it was imported")
    return sums


def check_jsonl(
    file: IO[bytes], name: str, progress: Progress = SILENT, read_table: TableReader | None = None
) -> Checksums:
    """Read a file to its end, check each row, and compare all with the counts and digests in the file.

    Returns the checksums of its rows.
    """
    sums, written, checks = Checksums(), Checksums(), RowChecks(read_table)
    file.seek(0)
    number = 0
    header = _header(file.readline(MAX_HEADER), name)
    with progress.task("reading", header.rows, "rows") as task:
        for number, fields in _lines(file, name):
            if "end" in fields:
                _check_end(written, header, fields["end"], name, number)
                if file.readline().strip():
                    raise _damaged(name, number + 1, "there is text after the last line")
                if read_table is not None:
                    _check_texts(file, name, checks.other_texts)
                return sums
            section, row = _row(fields, name, number)
            written.add(section, line(section, row))
            row = _upgraded(section, row, header)
            if (fault := checks.fault(section, row)) is not None:
                raise _damaged(name, number, f"{_shown_name(section, row)}: {fault}")
            sums.add(section, line(section, row))
            task.advance()
    raise _damaged(name, number + 1, _CUT)


_CUT = "the file is cut off: its last line is missing"


def rows_in(file: IO[bytes], name: str) -> Iterator[tuple[str, Row]]:
    """List the rows of a file, each with its section."""
    header = _header(file.readline(MAX_HEADER), name)
    for number, fields in _lines(file, name):
        if "end" in fields:
            return
        section, row = _row(fields, name, number)
        yield section, _upgraded(section, row, header)


def _upgraded(section: str, row: Row, header: Header) -> Row:
    """Give a node the fields that its store's schema did not have."""
    if not isinstance(row, NodeRow) or header.schema_version == SCHEMA_VERSION:
        return row
    return row._replace(properties={**added_since(header.schema_version, section), **row.properties})


def _by_section(rows: Iterator[tuple[str, Row]]) -> Iterator[tuple[str, Iterable[Row]]]:
    from itertools import groupby

    for section, group in groupby(rows, key=lambda pair: pair[0]):
        yield section, (row for _, row in group)


def _lines(file: IO[bytes], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 1
    while raw := file.readline(MAX_LINE):
        number += 1
        if not raw.endswith(b"\n"):
            long = len(raw) == MAX_LINE
            raise _damaged(
                name, number, f"longer than {MAX_LINE:,} bytes, the longest line of a dump" if long else _CUT
            )
        yield number, _object(raw, name, number)


def _object(raw: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        found = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(name, number, "not valid JSON") from error
    if not isinstance(found, dict):
        raise _damaged(name, number, "not a JSON object")
    return found


def _header(raw: bytes, name: str) -> Header:
    """Read the first line. Raises InputError for another file, or for a dump of a newer version."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        hints = (hint for beginning, hint in OTHER_FILES if raw.startswith(beginning))
        hint = next(hints, "`lineage store export` writes one")
        raise InputError(f"{name} line 1: not a dump of lineage", hint=hint)
    for field, known in (("version", VERSION), ("schema_version", SCHEMA_VERSION)):
        value = found.get(field)
        if not isinstance(value, int):
            raise _damaged(name, 1, f"{field} is missing")
        if value > known:
            raise InputError(
                f"{name} line 1: written by a newer version of lineage ({field} {value}; this one reads up to {known})",
                hint="upgrade: pip install -U model-lineage",
            )
    nodes, edges = _counts(found, "nodes", PROMOTED, name), _counts(found, "edges", ENDS, name)
    return Header(nodes, edges, found["schema_version"])


def _counts(found: dict[str, Any], field: str, kinds: Iterable[str], name: str) -> dict[str, int]:
    counts = found.get(field)
    if not isinstance(counts, dict) or not set(counts) <= set(kinds):
        raise _damaged(name, 1, f"{field} does not count rows by kind")
    if not all(isinstance(number, int) and number >= 0 for number in counts.values()):
        raise _damaged(name, 1, f"{field} does not count rows by kind")
    return counts


def _row(fields: dict[str, Any], name: str, number: int) -> tuple[str, Row]:
    """Decode one line. Raises InputError with what is wrong in it."""
    if "node" in fields:
        return _node(fields, name, number)
    if "edge" in fields:
        edge = _edge(fields, "edge", name, number)
        return edge.kind, edge
    if AWAITED in fields:
        return AWAITED, _edge(fields, AWAITED, name, number)
    if "attachment" in fields:
        return ATTACHMENTS, _attachment(fields, name, number)
    raise _damaged(name, number, "neither a node nor an edge nor an attachment")


def _node(fields: dict[str, Any], name: str, number: int) -> tuple[str, NodeRow]:
    if not isinstance(fields["node"], str) or fields["node"] not in PROMOTED:
        raise _damaged(name, number, f"unknown kind of node: {fields['node']!r}")
    key, properties = fields.get("key"), fields.get("properties")
    if not isinstance(key, str) or not isinstance(properties, dict):
        raise _damaged(name, number, "a node needs a key and properties")
    return fields["node"], NodeRow(key, properties)


def _edge(fields: dict[str, Any], label: str, name: str, number: int) -> EdgeRow:
    kind, properties = fields[label], fields.get("properties")
    if not isinstance(kind, str) or kind not in ENDS:
        raise _damaged(name, number, f"unknown kind of edge: {kind!r}")
    source, target, own = (fields.get(field) for field in ("source", "target", "name"))
    if not all(isinstance(text, str) for text in (source, target, own)) or not isinstance(properties, dict):
        raise _damaged(name, number, "an edge needs a source, a target, a name and properties")
    return EdgeRow(cast("EdgeKind", kind), str(source), str(target), str(own), properties)


def _attachment(fields: dict[str, Any], name: str, number: int) -> AttachmentRow:
    kind, key, data = (fields.get(field) for field in ("attachment", "key", "data"))
    if kind not in ATTACHMENT_KINDS:
        raise _damaged(name, number, f"unknown kind of attachment: {kind!r}")
    if not isinstance(key, str) or not isinstance(data, str):
        raise _damaged(name, number, "an attachment needs a key and data")
    try:
        return AttachmentRow(cast("AttachmentKind", kind), key, b64decode(data, validate=True))
    except ValueError as error:
        raise _damaged(name, number, "the data of an attachment must be base64") from error


def _check_texts(file: IO[bytes], name: str, other_texts: Mapping[str, int]) -> None:
    """Refuse texts with another hash than their key, unless their file is longer: an earlier version kept a part."""
    if not other_texts:
        return
    file.seek(0)
    sizes = {row.key: row.properties.get("size") or 0 for section, row in rows_in(file, name)
             if section == "File" and isinstance(row, NodeRow) and row.key in other_texts}  # fmt: skip
    for key, length in other_texts.items():
        if length >= sizes.get(key, 0):
            raise InputError(f"{name}: {ATTACHMENTS} text {key}: {OTHER_TEXT}", hint=_OTHER_BACKUP)


def _check_end(sums: Checksums, header: Header, end: Any, name: str, number: int) -> None:
    """Compare the rows that were read with the counts and digests in the file."""
    for kind, announced in (*header.nodes.items(), *header.edges.items()):
        if sums.counts[kind] != announced:
            raise _damaged(name, number, f"line 1 counts {announced:,} {kind}, but the file has {sums.counts[kind]:,}")
    if not isinstance(end, dict):
        raise _damaged(name, number, "the last line has no digests")
    for section, digest in sums.digests().items():
        if (section in end or sums.counts[section]) and end.get(section) != digest:
            raise _damaged(name, number, f"its {section} lines were changed: their digest differs")


def _shown_name(section: str, row: Row) -> str:
    """Name a row in an error, also one whose key is very long or not valid Unicode."""
    text = row_name(section, row).encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}…"


def _damaged(name: str, number: int, fault: str) -> InputError:
    return InputError(f"{name} line {number}: {fault}", hint=_OTHER_BACKUP)


_OTHER_BACKUP = "use another backup: nothing of this one was imported"
