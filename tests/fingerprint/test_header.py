"""The header of a safetensors file: agreement with the library, and every hostile header refused."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open

from lineage.errors import FormatError
from lineage.fingerprint.header import BITS, MAX_HEADER_BYTES, MAX_METADATA_CHARACTERS, Header, read_header
from tests.support.weight_files import safetensors_bytes, with_header


class Reader:
    """Give ranges of bytes and count the reads."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.reads: list[tuple[int, int]] = []

    def __call__(self, start: int, length: int) -> bytes:
        """Give a range."""
        self.reads.append((start, length))
        return self.raw[start : start + length]


def parse(raw: bytes) -> Header:
    """Read the header of a file held in memory."""
    return read_header(Reader(raw), len(raw), "model.safetensors")


def entry(dtype: object = "F32", shape: object = (1,), offsets: object = (0, 4), **more: object) -> dict[str, object]:
    """Write one tensor's entry."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


def file_of(entries: object, data: int = 4) -> bytes:
    """Write a file with a header of any JSON value and some bytes."""
    return with_header(json.dumps(entries).encode(), bytes(data))


A = entry()
HOSTILE: dict[str, bytes] = {
    "length 2^63": struct.pack("<Q", 1 << 63) + b"{}",
    "length 2^64-1": struct.pack("<Q", (1 << 64) - 1) + b"{}",
    "length over the limit": struct.pack("<Q", MAX_HEADER_BYTES + 1) + b"{}",
    "length over the file": struct.pack("<Q", 1000) + b"{}",
    "length 0": struct.pack("<Q", 0),
    "empty file": b"",
    "seven bytes": b"\x02\0\0\0\0\0\0",
    "no object": file_of([A]),
    "not JSON": with_header(b"{nonsense"),
    "NaN": with_header(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', bytes(4)),
    "minus zero": with_header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}', bytes(4)),
    "number of 10,000 digits": with_header(b'{"a":{"dtype":"F32","shape":[' + b"9" * 10_000 + b"]}}", bytes(4)),
    "byte order mark": with_header(b"\xef\xbb\xbf{}"),
    "UTF-16": with_header("{}".encode("utf-16")),
    "100,000-deep nesting": with_header(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "nested metadata": file_of({"__metadata__": {"a": {"b": "c"}}, "a": A}),
    "number in metadata": file_of({"__metadata__": {"a": 1}, "a": A}),
    "metadata is a list": file_of({"__metadata__": ["a"], "a": A}),
    "float shape": file_of({"a": entry(shape=[1.0])}),
    "true as shape": file_of({"a": entry(shape=[True])}),
    "text as shape": file_of({"a": entry(shape="1")}),
    "negative shape": file_of({"a": entry(shape=[-1])}),
    "unknown dtype": file_of({"a": entry("F31")}),
    "dtype is a number": file_of({"a": entry(32)}),
    "no dtype": file_of({"a": {"shape": [1], "data_offsets": [0, 4]}}),
    "no offsets": file_of({"a": {"dtype": "F32", "shape": [1]}}),
    "three offsets": file_of({"a": entry(offsets=[0, 4, 8])}),
    "negative offset": file_of({"a": entry(offsets=[-4, 0])}),
    "float offset": file_of({"a": entry(offsets=[0.0, 4.0])}),
    "entry is a list": file_of({"a": ["F32", [1], [0, 4]]}),
    "overlap": file_of({"a": A, "b": entry(offsets=[2, 6])}, 6),
    "same range twice": file_of({"a": A, "b": A}),
    "gap in the middle": file_of({"a": A, "b": entry(offsets=[8, 12])}, 12),
    "gap at the start": file_of({"a": entry(offsets=[4, 8])}, 8),
    "uncovered tail": file_of({"a": A}, 8),
    "cut short": file_of({"a": A}, 3),
    "reversed offsets": file_of({"a": entry(offsets=[4, 0])}),
    "shape overflows": file_of({"a": entry(shape=[1 << 40, 1 << 40])}),
    "shape overflows before a zero": file_of({"a": entry(shape=[1 << 40, 1 << 40, 0], offsets=[0, 0])}, 0),
    "bits overflow": file_of({"a": entry("F64", [1 << 60], [0, 0])}, 0),
    "wrong size": file_of({"a": entry(shape=[2])}),
    "duplicate tensor": with_header(
        b'{"a":' + json.dumps(A).encode() + b',"a":' + json.dumps(A).encode() + b"}", bytes(4)
    ),
    "duplicate metadata": with_header(b'{"__metadata__":{},"__metadata__":{}}'),
    "duplicate key in metadata": with_header(b'{"__metadata__":{"a":"b","a":"c"}}'),
    "duplicate field": with_header(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "invalid UTF-8 key": with_header(b'{"\xff\xfe":' + json.dumps(A).encode() + b"}", bytes(4)),
    "half a surrogate pair": with_header(b'{"\\ud800":' + json.dumps(A).encode() + b"}", bytes(4)),
    "half a byte": file_of({"a": entry("F4", [3], [0, 2])}, 2),
    "six bits": file_of({"a": entry("F6_E2M3", [1], [0, 1])}, 1),
    "text behind the object": with_header(b"{}{}"),
}

ONLY_OURS = {"duplicate tensor", "duplicate key in metadata", "entry is a list"}
"""The library accepts these: two keys, of which tools may read either, and entries that are not plain objects."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_header_is_refused(name: str) -> None:
    """A hostile header is refused with an error that names the file, at once and in little memory."""
    raw = HOSTILE[name]
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(FormatError) as caught:
            parse(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "model.safetensors" in caught.value.message
    assert caught.value.file == "model.safetensors"
    assert caught.value.hint
    assert len(caught.value.message) < 1000
    assert time.process_time() - start < 2
    assert peak < 2_000_000 + 20 * len(raw)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - ONLY_OURS))
def test_library_refuses_the_same(name: str, tmp_path: Path) -> None:
    """What we refuse as broken the library refuses as well, but for what `ONLY_OURS` names."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(SafetensorError), safe_open(path, framework="numpy") as opened:
        opened.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"{" + b",".join(b'"%d":{}' % n for n in range(1_000_000)) + b"}", id="entries"),
        pytest.param(b'{"a":[' + b",".join([b"[]"] * 2_000_000) + b"]}", id="lists"),
        pytest.param(b'{"a":{"shape":[' + b"1," * 10_000_000 + b"1]}}", id="numbers"),
    ],
)
def test_header_that_grows_in_memory_is_refused_before_it_does(raw: bytes) -> None:
    """Millions of entries, lists or numbers are refused before they become objects."""
    hostile = with_header(raw)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="more than"):
            parse(hostile)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(raw)
    finally:
        tracemalloc.stop()


def test_harmless_oddities_are_read() -> None:
    """A leading blank, a trailing one, an unknown field, another order of fields, null metadata: all are read."""
    raw = b' {"__metadata__":null,"a":{"x":[{}],"data_offsets":[0,4],"shape":[1],"dtype":"F32"}}   '
    header = parse(with_header(raw, bytes(4)))
    assert [(span.name, span.dtype, span.shape) for span in header.tensors] == [("a", "F32", (1,))]
    assert header.metadata == {}


@pytest.mark.slow
def test_long_metadata_is_cut() -> None:
    """Twenty megabytes of metadata are read and forgotten, but for their beginning."""
    header = parse(file_of({"__metadata__": {"note": "x" * 20_000_000, "format": "pt"}, "a": A}))
    assert len(header.metadata["note"]) == MAX_METADATA_CHARACTERS
    assert header.metadata["note"].endswith("…")
    assert header.metadata["format"] == "pt"


def test_header_costs_at_most_two_reads() -> None:
    """A usual header takes one read, a long one a second for what the first left out."""
    small = Reader(file_of({"a": A}))
    read_header(small, len(small.raw), "small")
    assert len(small.reads) == 1
    tensors = {f"layer.{n}.weight": ("F32", (1,), bytes(4)) for n in range(5000)}
    large = Reader(safetensors_bytes(tensors))
    header = read_header(large, len(large.raw), "large")
    assert len(large.reads) == 2
    assert sum(length for _, length in large.reads) == header.data_start
    assert len(header.tensors) == 5000


def test_spans_cover_the_data_in_order() -> None:
    """Tensors come in order of their bytes, whatever the order of the keys."""
    raw = file_of({"b": entry(offsets=[4, 8]), "a": A, "empty": entry(shape=[0, 7], offsets=[4, 4])}, 8)
    header = parse(raw)
    assert [span.name for span in header.tensors] == ["a", "empty", "b"]
    assert header.tensors[0].begin == header.data_start
    assert header.tensors[-1].end == header.size == len(raw)


def test_unknown_size_still_checks_the_header() -> None:
    """Without the file's size everything but its end is checked."""
    raw = file_of({"a": A}, 4)
    assert read_header(Reader(raw), None, "x").size == len(raw)
    with pytest.raises(FormatError):
        read_header(Reader(HOSTILE["overlap"]), None, "x")


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_format_error_or_are_sound(raw: bytes) -> None:
    """Random bytes behind a right length raise nothing but FormatError."""
    for candidate in (raw, with_header(raw)):
        try:
            parse(candidate)
        except FormatError:
            continue


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 70) | st.sampled_from(["F32", "F4", "a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["a", "__metadata__", "dtype", "shape", "data_offsets"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ),
    st.integers(0, 16),
)
@settings(max_examples=300, deadline=None)
def test_whatever_we_accept_the_library_accepts(
    tmp_path_factory: pytest.TempPathFactory, value: object, data: int
) -> None:
    """No header passes here that the library would refuse."""
    raw = file_of(value, data)
    try:
        header = parse(raw)
    except FormatError:
        return
    path = tmp_path_factory.mktemp("header") / "model.safetensors"
    path.write_bytes(raw)
    with safe_open(path, framework="numpy") as opened:
        assert sorted(opened.keys()) == sorted(span.name for span in header.tensors)


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=12).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(sorted(BITS)), st.lists(st.integers(0, 4), max_size=3)),
        max_size=6,
    ),
    st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_agrees_with_the_library_on_sound_files(
    tmp_path_factory: pytest.TempPathFactory,
    layout: dict[str, tuple[str, list[int]]],
    metadata: dict[str, str] | None,
) -> None:
    """Names, dtypes, shapes and metadata of valid files are those that the library reads."""
    tensors = {}
    for name, (dtype, shape) in layout.items():
        bits = BITS[dtype]
        for length in shape:
            bits *= length
        if bits % 8 == 0:
            tensors[name] = (dtype, tuple(shape), bytes(bits // 8))
    raw = safetensors_bytes(tensors, metadata)
    header = parse(raw)
    path = tmp_path_factory.mktemp("valid") / "model.safetensors"
    path.write_bytes(raw)
    with safe_open(path, framework="numpy") as opened:
        assert sorted(opened.keys()) == sorted(span.name for span in header.tensors)
        assert (opened.metadata() or {}) == header.metadata
        for span in header.tensors:
            view = opened.get_slice(span.name)
            assert (view.get_dtype(), tuple(view.get_shape())) == (span.dtype, span.shape)
