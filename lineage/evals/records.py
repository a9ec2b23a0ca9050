"""The rows of one file, whatever its format: a JSON object or a line of CSV each, read one at a time."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lineage.errors import InputError
from lineage.evals import harness, plain
from lineage.evals.details import read_details
from lineage.evals.files import ACCEPTED, ResultFile
from lineage.evals.row import Row, Skipped

MAX_LINE = 64_000_000
"""Bytes of one line that are read: a row of a very long prompt has some megabytes."""

MAX_ARRAY = 256_000_000
"""Bytes of a JSON file that is one array: it is read as a whole, as old versions of the harness wrote it."""

_HALF = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]")
"""An escape of half a surrogate pair without the other half."""

_ESCAPED = re.compile(r"[\udc80-\udcff]")
"""Bytes that are not UTF-8, as `surrogateescape` decodes them."""

COLUMNS = "the columns are id, and correct or score; prediction, reference, task, metric and filter may be there too"


class NotResultsError(InputError):
    """Report a file whose records have another form than results."""


def read_file(file: ResultFile, task: str, delimiters: Mapping[str, str]) -> Iterator[Row | Skipped]:
    """Read the rows of a file in order; a record that cannot be read is Skipped with the reason.

    Raises NotResultsError if the records have another form, InputError if the file cannot be read.
    """
    if file.format == "parquet":
        yield from read_details(file.path, task)
        return
    records = _csv(file.path) if file.format == "csv" else _objects(file.path)
    is_known = False
    try:
        for position, data in records:
            row = data if isinstance(data, str) else _row(data, task, delimiters.get(task))
            if row is None and not is_known:
                raise NotResultsError(f"{str(file.path)!r} does not hold results", hint=COLUMNS)
            is_known = is_known or isinstance(row, Row)
            row = "it has another form than the rows before it" if row is None else row
            yield Skipped(position, row) if isinstance(row, str) else row
    except OSError as error:
        raise InputError(f"{str(file.path)!r} cannot be read: {error.strerror}", hint=ACCEPTED) from error


def _row(data: Mapping[str, Any], task: str, delimiter: str | None) -> Row | str | None:
    """Read an object as a row of the harness or of a plain file; None if it is neither."""
    if harness.is_row(data):
        return harness.read_row(data, task, delimiter)
    return plain.read_row(data, task)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Read JSON objects, one a line or as one array, with their positions; a text says why one cannot be read."""
    with path.open("rb") as file:
        first = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        file.seek(0)
        yield from _array(path, file) if first == b"[" else _lines(file)


def _lines(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    position = 0
    while line := file.readline(MAX_LINE + 1):
        position += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE)
            yield position, f"the line has more than {MAX_LINE:,} bytes"
        elif line.strip():
            yield position, _parsed(line.removeprefix(b"\xef\xbb\xbf") if position == 1 else line)


def _parsed(text: bytes) -> dict[str, Any] | str:
    """Parse one line."""
    try:
        found = json.loads(text)
        if _has_half(text):
            found = _whole(found)
    except RecursionError:
        return "its JSON nests too deep"
    except ValueError as error:  # also bytes that are not UTF-8, and integers of thousands of digits
        return f"it is not JSON, or it is cut: {error}"
    return found if isinstance(found, dict) else "it is not a JSON object"


def _has_half(text: bytes) -> bool:
    """Return whether a text may have half a surrogate pair; the pattern is slow, so that other texts skip it."""
    return (b"\\ud" in text or b"\\uD" in text) and _HALF.search(text) is not None


def _whole(value: Any) -> Any:
    """Replace halves of surrogate pairs by U+FFFD: no encoding has them, so that no answer could repeat them."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value


def _array(path: Path, file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    data = file.read(MAX_ARRAY + 1)
    if len(data) > MAX_ARRAY:
        raise InputError(
            f"{str(path)!r} is a JSON array of more than {MAX_ARRAY:,} bytes", hint="write one JSON object a line"
        )
    try:
        items = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
        if _has_half(data):
            items = _whole(items)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is not JSON, or it is cut: {error}", hint="write the file again") from error
    for position, item in enumerate(items, 1):
        yield position, item if isinstance(item, dict) else "it is not a JSON object"


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Read CSV with a header; the delimiter is the comma, semicolon or tab that the header has most of."""
    limit = csv.field_size_limit(MAX_LINE)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            header_line = file.readline(MAX_LINE)
            file.seek(0)
            delimiter = max(",;\t", key=header_line.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            yield from _cells(path, reader)
    finally:
        csv.field_size_limit(limit)


def _cells(path: Path, reader: Any) -> Iterator[tuple[int, dict[str, Any] | str]]:
    header: list[str] | None = None
    position = 0
    while True:
        position += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield position, f"it is not CSV, or it is cut: {error}"
            continue
        if header is None:
            header = [name.strip().lower() for name in cells]
            if not _is_utf8(header):
                raise InputError(f"{str(path)!r} is not UTF-8 text", hint="write it again in UTF-8")
            if not plain.is_row(dict.fromkeys(header)) or len(set(header)) < len(header):
                raise NotResultsError(f"{str(path)!r} has the columns {', '.join(header)[:200]!r}", hint=COLUMNS)
        elif not _is_utf8(cells):
            yield position, "it is not UTF-8 text"
        elif len(cells) == len(header):
            yield position, dict(zip(header, cells, strict=True))
        elif cells:
            yield position, f"it has {len(cells)} of {len(header)} columns, or it is cut"


def _is_utf8(cells: Iterable[str]) -> bool:
    """Return whether cells were UTF-8: a byte that is not is a lone surrogate after decoding."""
    return all(cell.isascii() or not _ESCAPED.search(cell) for cell in cells)
