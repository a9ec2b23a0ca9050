"""Which files an .onnx file names for its tensors, wherever in it they are named, and hostile files refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import FormatError
from lineage.fingerprint.onnx import external_locations
from tests.support.onnx_files import EXTERNAL, entry, message, model, number, tensor


class Reader:
    """Give ranges of bytes and note them."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, length: int) -> bytes:
        """Give a range."""
        self.asked.append((start, length))
        return self.raw[start : start + length]


def locations(raw: bytes, size: int | None = -1) -> set[str]:
    """Read the locations out of a file of known size, or of `size`."""
    return set(external_locations(Reader(raw), len(raw) if size == -1 else size, "m.onnx"))


AWAY = tensor("w", location="weights.data")
GRAPH = message(5, AWAY)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (model([tensor("a", bytes(100))]), set()),
        (model([AWAY, tensor("v", location="sub/0.bin"), AWAY]), {"weights.data", "sub/0.bin"}),
        (model(nodes=[message(5, message(5, AWAY))]), {"weights.data"}),
        (model(nodes=[message(5, message(10, AWAY))]), {"weights.data"}),
        (model(nodes=[message(5, message(6, GRAPH))]), {"weights.data"}),
        (model(nodes=[message(5, message(11, message(1, message(5, message(6, GRAPH)))))]), {"weights.data"}),
        (model() + message(25, message(7, message(5, message(5, AWAY)))), {"weights.data"}),
        (model() + message(25, message(11, message(5, AWAY))), {"weights.data"}),
        (model() + message(20, message(1, GRAPH)), {"weights.data"}),
        (model() + message(7, message(15, message(1, AWAY))), {"weights.data"}),
        (model([message(8, b"a") + entry("location", "unused.data") + message(9, bytes(4))]), set()),
        (model([message(8, b"a") + number(14, EXTERNAL) + entry("location", "late.data")]), {"late.data"}),
    ],
    ids=["none", "two", "constant", "constants", "branch", "deep branch", "function", "function attribute", "training",
         "sparse", "not external", "other order"],
)  # fmt: skip
def test_locations_are_found_wherever_tensors_are(raw: bytes, expected: set[str]) -> None:
    """Initializers, constants, branches, functions and training graphs may all hold tensors that lie elsewhere."""
    assert locations(raw) == expected
    assert locations(raw, None) == expected


@pytest.mark.slow
def test_tensors_in_the_file_are_not_read() -> None:
    """Megabytes of raw data are skipped by their length: few bytes are fetched, and what follows them is found."""
    raw = model([tensor("a", bytes(50_000_000)), AWAY, tensor("b", bytes(50_000_000))])
    reader = Reader(raw)
    assert external_locations(reader, len(raw), "m.onnx") == {"weights.data"}
    assert sum(length for _, length in reader.asked) < 1_000_000
    with pytest.raises(FormatError, match="too many requests"):
        external_locations(Reader(raw), len(raw), "m.onnx", max_reads=1)


@pytest.mark.slow
def test_a_large_graph_takes_seconds_at_most() -> None:
    """Fifty thousand nodes, more than any model published, are read in a few seconds."""
    node = message(1, b"input") + message(2, b"output") + message(4, b"Add") + message(5, message(1, b"axis"))
    raw = model([AWAY], [node] * 50_000)
    begin = time.process_time()
    assert locations(raw) == {"weights.data"}
    assert time.process_time() - begin < 10


def nested(depth: int) -> bytes:
    """Write a graph in an attribute of a node of a graph, and so on."""
    graph = b""
    for _ in range(depth):
        graph = message(1, message(5, message(6, graph)))
    return message(7, graph)


HOSTILE = {
    "empty": b"",
    "a text": b"\x08\x07graph model.data",
    "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "no graph": number(1, 9),
    "outside": model([tensor("a", location="../other/model.data")]),
    "outside, further down": model([tensor("a", location="sub/../../model.data")]),
    "absolute": model([tensor("a", location="/etc/passwd")]),
    "no location": model([message(8, b"a") + number(14, EXTERNAL)]),
    "no text": model([message(13, message(1, b"location") + message(2, b"\xff")) + number(14, EXTERNAL)]),
    "long location": model([tensor("a", location="a" * 5000)]),
    "past the end": model([AWAY])[:-3],
    "field past its message": message(7, message(5, b"\x4a\x7f")),
    "endless number": b"\xff" * 20,
    "group": b"\x3b" * 10,
    "nested": nested(100),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str) -> None:
    """What is not an ONNX model, or names files outside its folder, is refused with an error that names the file."""
    with pytest.raises(FormatError, match=r"m\.onnx") as caught:
        locations(HOSTILE[name])
    assert caught.value.file == "m.onnx"


@given(st.binary(max_size=100), st.booleans())
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_nothing_else(raw: bytes, sized: bool) -> None:
    """Random bytes, also in a graph, raise nothing but FormatError."""
    for candidate in (raw, message(7, raw), message(7, message(5, raw)), model([AWAY]) + raw):
        try:
            locations(candidate, -1 if sized else None)
        except FormatError:
            continue
