"""The header of a GGUF file: what it declares, where tensors lie, and hostile headers refused."""

from __future__ import annotations

import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import FormatError
from lineage.fingerprint.gguf import declared_values, read_gguf
from lineage.fingerprint.reading import read_ranges
from tests.support.shared import ROOT, SHARED, needs_shared
from tests.support.weight_files import gguf_bytes, gguf_text

REAL = next((ROOT / "lineage" / "demo_data").rglob("*.gguf"))
TEXT, LIST, U32 = 8, 9, 4


class Reader:
    """Give ranges of bytes and count the reads."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.reads: list[int] = []

    def __call__(self, start: int, length: int) -> bytes:
        """Give a range."""
        self.reads.append(length)
        return self.raw[start : start + length]


def listed(kind: int, *values: bytes, count: int | None = None) -> bytes:
    """Encode a list."""
    return struct.pack("<IQ", kind, len(values) if count is None else count) + b"".join(values)


def start(tensors: int = 0, entries: int = 0, version: int = 3) -> bytes:
    """Write the fixed beginning."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


def info(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    """Write one tensor's entry."""
    return gguf_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


KEY = gguf_text("k")
HOSTILE = {
    "empty": b"",
    "no GGUF": b"GGML" + bytes(20),
    "version 1": b"GGUF" + struct.pack("<III", 1, 0, 0),
    "version 4": start(version=4),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "cut in the counts": start()[:-1],
    "2^64 tensors": start(tensors=(1 << 64) - 1),
    "2^64 entries": start(entries=(1 << 64) - 1),
    "key of 2^63 bytes": start(entries=1) + struct.pack("<Q", 1 << 63),
    "key past the end": start(entries=1) + struct.pack("<Q", 60_000) + b"abc",
    "key is not UTF-8": start(entries=1) + struct.pack("<Q", 1) + b"\xff" + struct.pack("<IB", 0, 0),
    "unknown value type": start(entries=1) + KEY + struct.pack("<I", 99),
    "text of 2^63 bytes": start(entries=1) + KEY + struct.pack("<IQ", TEXT, 1 << 63),
    "text past the end": start(entries=1) + KEY + struct.pack("<IQ", TEXT, 1000) + b"abc",
    "list of 2^63 texts": start(entries=1) + KEY + struct.pack("<I", LIST) + listed(TEXT, count=1 << 63),
    "list past the end": start(entries=1) + KEY + struct.pack("<I", LIST) + listed(U32, count=1000),
    "list of texts past the end": start(entries=1) + KEY + struct.pack("<I", LIST) + listed(TEXT, count=1_000_000),
    "list of unknown type": start(entries=1) + KEY + struct.pack("<I", LIST) + listed(77, count=1),
    "lists in lists": start(entries=1) + KEY + struct.pack("<I", LIST) + listed(LIST, count=1) * 1000,
    "one key twice": start(entries=2) + (KEY + struct.pack("<IB", 0, 0)) * 2,
    "alignment 0": gguf_bytes([("general.alignment", U32, struct.pack("<I", 0))]),
    "alignment is a text": gguf_bytes([("general.alignment", TEXT, gguf_text("32"))]),
    "40 dimensions": start(tensors=1) + gguf_text("w") + struct.pack("<I", 40) + bytes(400),
    "shape overflows": start(tensors=1) + info("w", (1 << 40, 1 << 40), 0, 0),
    "half a block": start(tensors=1) + info("w", (33,), 2, 0) + bytes(64),
    "two tensors of one name": start(tensors=2) + info("w", (1,), 0, 0) + info("w", (1,), 0, 32) + bytes(96),
    "unknown type without bytes": start(tensors=2) + info("a", (32,), 41, 0) + info("b", (1,), 0, 0) + bytes(96),
    "unknown type past the end": start(tensors=1) + info("a", (32,), 41, 64),
    "overlap": start(tensors=2) + info("a", (16,), 0, 0) + info("b", (16,), 0, 32) + bytes(256),
    "past the end": start(tensors=1) + info("a", (16,), 0, 1 << 40) + bytes(256),
    "cut short": gguf_bytes([], [("a", (64,), 0, bytes(256))])[:-100],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_header_is_refused(name: str) -> None:
    """A hostile header is refused with an error that names the file, at once and in little memory."""
    raw = HOSTILE[name]
    tracemalloc.start()
    begin = time.process_time()
    try:
        with pytest.raises(FormatError, match=r"x\.gguf") as caught:
            read_gguf(Reader(raw), len(raw), "x.gguf")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.file == "x.gguf"
    assert time.process_time() - begin < 1


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_nothing_else(raw: bytes, sized: bool) -> None:
    """Random bytes, also behind a right beginning, raise nothing but FormatError."""
    for candidate in (raw, b"GGUF" + raw, start(1, 2) + raw, start(2, 0) + raw):
        try:
            read_gguf(Reader(candidate), len(candidate) if sized else None, "x.gguf")
        except FormatError:
            continue


def test_real_file_declares_its_base() -> None:
    """A file written by the real converter gives architecture, file type, base model and its tensors' bytes."""
    header = read_gguf(read_ranges(REAL, REAL.name), REAL.stat().st_size, REAL.name)
    declared = declared_values(header.values)
    assert declared["general.architecture"] == "llama"
    assert declared["general.base_model.0.repo_url"].startswith("https://huggingface.co/")
    assert not any(key.startswith("tokenizer.") for key in declared)
    assert header.ranges_known
    assert header.tensors
    assert header.tensors[-1].end <= REAL.stat().st_size < header.tensors[-1].end + 32
    embedding = next(span for span in header.tensors if span.name == "token_embd.weight")
    assert embedding.shape[0] > embedding.shape[1], "rows come first"
    assert {span.dtype for span in header.tensors} >= {"F32", "Q4_0"}


def test_declarations_cost_one_read() -> None:
    """What a file declares is read without its vocabulary."""
    vocabulary = listed(TEXT, *[gguf_text("token") for _ in range(100_000)])
    raw = gguf_bytes(
        [("general.name", TEXT, gguf_text("a")), ("tokenizer.ggml.tokens", LIST, vocabulary)],
        [("w", (1,), 0, bytes(4))],
    )
    reader = Reader(raw)
    header = read_gguf(reader, len(raw), "x.gguf", tensors=False)
    assert header.values == {"general.name": "a"}
    assert header.tensors is None
    assert len(reader.reads) == 1
    whole = Reader(raw)
    header = read_gguf(whole, len(raw), "x.gguf")
    assert [span.name for span in header.tensors or []] == ["w"]
    assert len(whole.reads) <= 4
    assert "tokenizer.ggml.tokens" not in header.values


def test_long_lists_of_numbers_are_not_fetched() -> None:
    """A list of numbers is skipped without reading it."""
    scores = listed(6, bytes(4_000_000), count=1_000_000)
    raw = gguf_bytes([("scores", LIST, scores), ("after", U32, struct.pack("<I", 5))])
    reader = Reader(raw)
    assert read_gguf(reader, len(raw), "x.gguf").values == {"after": 5}
    assert sum(reader.reads) < 1_000_000


def test_short_values_are_kept_and_long_texts_cut() -> None:
    """Numbers, short texts and short lists are kept; a long text ends in an ellipsis or is left out."""
    raw = gguf_bytes(
        [
            ("a", 7, b"\x01"),
            ("b", 12, struct.pack("<d", 0.5)),
            ("c", LIST, listed(TEXT, gguf_text("x"), gguf_text("y"))),
            ("d", TEXT, gguf_text("z" * 5000)),
            ("e", TEXT, gguf_text("z" * 50_000)),
            ("f", TEXT, struct.pack("<Q", 2) + b"\xff\xfe"),
        ]
    )
    values = read_gguf(Reader(raw), len(raw), "x.gguf").values
    assert values["a"] is True
    assert values["b"] == 0.5
    assert values["c"] == ["x", "y"]
    assert len(values["d"]) == 4000
    assert "e" not in values
    assert values["f"] == "\ufffd\ufffd"


def test_version_2_and_other_alignment_are_read() -> None:
    """Version 2 and an alignment of 64 give the bytes that were written."""
    data = bytes(range(128))
    raw = gguf_bytes(
        [("general.alignment", U32, struct.pack("<I", 64))],
        [("a", (4,), 0, data[:16]), ("b", (2, 8), 0, data[16:80])],
        version=2,
        alignment=64,
    )
    header = read_gguf(Reader(raw), len(raw), "x.gguf")
    assert [(span.name, span.shape, raw[span.begin : span.end]) for span in header.tensors or []] == [
        ("a", (4,), data[:16]),
        ("b", (8, 2), data[16:80]),
    ]


def test_unknown_tensor_type_goes_on_to_the_next_tensor() -> None:
    """A type of a fork keeps its number, and its bytes go on to the next tensor or to the file's end."""
    raw = gguf_bytes([], [("a", (32,), 137, b"a" * 20), ("f", (2,), 0, bytes(8)), ("z", (64,), 36, b"z" * 16)])
    header = read_gguf(Reader(raw), len(raw), "x.gguf")
    assert [span.dtype for span in header.tensors or []] == ["TYPE_137", "F32", "TYPE_36"]
    held = [raw[span.begin : span.end] for span in header.tensors or []]
    assert held == [b"a" * 20 + bytes(12), bytes(8), b"z" * 16 + bytes(16)]
    assert header.ranges_known


def test_unknown_type_at_the_end_of_a_file_of_unknown_size() -> None:
    """Where neither the type nor the file's size is known the end of the last tensor is not known."""
    raw = gguf_bytes([], [("a", (32,), 137, bytes(20)), ("f", (2,), 0, bytes(8))])
    assert read_gguf(Reader(raw), None, "x.gguf").ranges_known
    raw = gguf_bytes([], [("f", (2,), 0, bytes(8)), ("a", (32,), 137, bytes(20))])
    assert not read_gguf(Reader(raw), None, "x.gguf").ranges_known


@needs_shared
@pytest.mark.parametrize(
    "path", sorted((SHARED / "data" / "weights" / "gguf").glob("*.gguf")), ids=lambda path: path.name
)
def test_vocabulary_only_files(path: Path) -> None:
    """Files without tensors give their declarations."""
    header = read_gguf(read_ranges(path, path.name), path.stat().st_size, path.name)
    assert header.tensors == []
    assert declared_values(header.values)["general.architecture"]
