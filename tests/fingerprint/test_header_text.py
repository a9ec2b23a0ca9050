"""Headers of safetensors files that were made to exhaust memory, and headers that do not fit into one window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import FormatError
from lineage.fingerprint.header import read_header
from lineage.fingerprint.header_text import MAX_ENTRY_BYTES, METADATA, HeaderText
from tests.support.peak import peak_of
from tests.support.weight_files import with_header

READ = """
import os
from lineage.errors import FormatError
from lineage.fingerprint.header import read_header
from lineage.fingerprint.reading import read_ranges
from pathlib import Path
"""
ANSWER = """
try:
    found = f"read {len(read_header(read_ranges(Path(PATH), 'x'), os.path.getsize(PATH), 'x').tensors)}"
except FormatError as error:
    found = error.message
assert ANSWER in found, found
"""
ENTRY = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'


def entries(form: str, count: int) -> Iterator[str]:
    """Write numbered entries, with commas between them."""
    for number in range(count):
        yield ("," if number else "") + form % number


def parts_of(text: str, count: int) -> Iterator[str]:
    """Write a text many times."""
    for _ in range(count):
        yield text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begin", "parts", "end", "answer"),
    [
        pytest.param('{"__metadata__":{', entries('"%07d":"x"', 3_900_000), "}}", "more memory than", id="metadata"),
        pytest.param(
            '{"__metadata__":{"a":"', parts_of("x" * 1_000, 99_000), '\U0001f642"}}', "has more than", id="last"
        ),
        pytest.param(
            '{"__metadata__":{"a":"\U0001f642', parts_of("x" * 1_000, 50_000), '"}}', "more memory", id="first"
        ),
        pytest.param("{", entries('"%0900d":' + ENTRY, 95_000), "}", "more memory than", id="tensors"),
        pytest.param("{", entries('"\U0001f642%0300d":' + ENTRY, 95_000), "}", "more memory than", id="names"),
        pytest.param("{", entries('"%d":' + ENTRY, 90_000), "}", "read 90000", id="honest"),
        pytest.param('{"a":{', entries('"%d":0', 4_000_000), "}}", "has more than", id="fields"),
        pytest.param('{"__metadata__":{}', parts_of(" " * 1_000, 99_000), "}", "has more than", id="blanks"),
        pytest.param('{"__metadata__":{}}', parts_of(" " * 1_000, 99_000), "", "read 0", id="blanks behind"),
    ],
)
def test_any_header_is_read_or_refused_in_bounded_memory(
    tmp_path: Path, begin: str, parts: Iterator[str], end: str, answer: str
) -> None:
    """Up to 100 MB of JSON take less than 300 MB, or are refused with the reason."""
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write(bytes(8))
        for part in chain([begin], parts, [end]):
            file.write(part.encode())
        length = file.tell() - 8
        file.seek(0)
        file.write(length.to_bytes(8, "little"))
    growth, seconds = peak_of(f"{READ}\nPATH, ANSWER = {str(path)!r}, {answer!r}", ANSWER)
    assert growth < 300
    assert seconds < 60


def refused(what: str) -> NoReturn:
    """Raise the error of a file that breaks its format."""
    raise FormatError(what)


def walk(raw: bytes, window: int) -> list[tuple[str, Any]]:
    """List a header's entries, read in windows of this size."""
    return [
        (name, list(value) if name == METADATA and value is not None else value)
        for name, value in HeaderText(raw, refused, window).entries()
    ]


names = st.text(max_size=8) | st.sampled_from([METADATA, "é", "\U0001f642", "\\u0041", '"', "a" * 40])
texts = st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=4)
headers = st.dictionaries(
    names.filter(lambda name: name != METADATA),
    st.recursive(st.integers(-3, 99) | st.text(max_size=9), lambda inner: st.lists(inner, max_size=4), max_leaves=9),
    max_size=6,
)


@pytest.mark.slow
@given(headers, st.none() | texts, st.integers(1, 90), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_windows_of_any_size_give_the_same_entries(
    fields: dict[str, Any], metadata: dict[str, str] | None, window: int, indent: int | str | None, ascii_only: bool
) -> None:
    """Wherever a window ends, in a name, an escape, a character of several bytes or blanks, nothing is lost."""
    both = {METADATA: metadata, **fields}
    raw = json.dumps(both, indent=indent, ensure_ascii=ascii_only, separators=(" , ", " : ")).encode(errors="replace")
    expected = json.loads(raw)
    found = dict(walk(raw, window))
    if metadata is not None:
        found[METADATA] = dict(found[METADATA])
    assert found == expected


@pytest.mark.slow
@given(headers, st.integers(1, 60), st.data())
def test_what_is_not_json_is_refused_in_windows_of_any_size(
    fields: dict[str, Any], window: int, data: st.DataObject
) -> None:
    """A header with a byte removed or added is read only if it is still JSON, and with the values of JSON."""
    raw = json.dumps({METADATA: {"a": "b"}, **fields}).encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    broken = data.draw(st.sampled_from([raw[:at] + raw[at + 1 :], raw[:at] + b'"' + raw[at:], raw[:at], raw + b"x"]))
    try:
        found = walk(broken, window)
    except FormatError:
        return
    assert [name for name, _ in found] == [name for name, _ in json.loads(broken, object_pairs_hook=list)]


def test_an_entry_has_a_bound_and_metadata_have_more() -> None:
    """A tensor's entry of a megabyte is refused, and metadata of twenty megabytes are read."""
    long = json.dumps({"a": {"x": "y" * MAX_ENTRY_BYTES}}).encode()
    with pytest.raises(FormatError, match="an entry of its header has more than 1,048,576 bytes"):
        read_header(lambda start, length: with_header(long)[start : start + length], None, "x")
    note = with_header(json.dumps({METADATA: {"note": "é" * 10_000_000, "format": "pt"}}, ensure_ascii=False).encode())
    assert read_header(lambda start, length: note[start : start + length], None, "x").metadata["format"] == "pt"
