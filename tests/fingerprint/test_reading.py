"""The full pass: the hashes of a file and of its tensors in one reading."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import FormatError, InputError
from lineage.fingerprint.header import TensorSpan
from lineage.fingerprint.reading import CHUNK_BYTES, hash_chunks, hash_file
from lineage.progress import Task


class Counting(Task):
    """Add up the progress that is reported; `during` is called at each step."""

    def __init__(self, during: object = None) -> None:
        self.total = 0
        self.during = during

    def advance(self, amount: int = 1) -> None:
        """Count."""
        self.total += amount
        if callable(self.during):
            self.during()


def spans_of(cuts: list[int]) -> list[TensorSpan]:
    """Make contiguous spans between the cuts, some of them empty."""
    return [TensorSpan(str(n), "U8", (b - a,), a, b) for n, (a, b) in enumerate(pairwise(cuts))]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), min_size=2, max_size=8), st.integers(1, 50))
def test_digests_do_not_depend_on_chunks(raw: bytes, cuts: list[int], size: int) -> None:
    """Whatever the chunks, each span's digest is that of its bytes, and the file's that of the file."""
    spans = spans_of(sorted(min(cut, len(raw)) for cut in cuts))
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    task = Counting()
    found = hash_chunks(chunks, spans, task, "x")
    assert found.sha256 == hashlib.sha256(raw).hexdigest()
    assert found.size == task.total == len(raw)
    assert found.digests == [blake3(raw[span.begin : span.end]).hexdigest() for span in spans]


def test_file_larger_than_the_buffer(tmp_path: Path) -> None:
    """A file of several buffers has the hashes of its bytes and of its tensors across the buffers' ends."""
    raw = os.urandom(CHUNK_BYTES * 2 + 12345)
    path = tmp_path / "w"
    path.write_bytes(raw)
    spans = spans_of([8, 1000, CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES + 7, len(raw)])
    found = hash_file(path, spans, Task(), "w")
    assert found.sha256 == hashlib.sha256(raw).hexdigest()
    assert found.digests == [blake3(raw[span.begin : span.end]).hexdigest() for span in spans]


def test_stream_that_ends_early_is_refused() -> None:
    """A stream that stops inside a tensor raises FormatError and names the tensor."""
    with pytest.raises(FormatError, match="'0'"):
        hash_chunks([b"abc"], spans_of([0, 5]), Task(), "x")


@pytest.mark.parametrize("change", ["longer", "shorter", "touched"])
def test_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: str) -> None:
    """A file that grows, shrinks or is written to during the pass raises FormatError."""
    path = tmp_path / "w"
    path.write_bytes(bytes(CHUNK_BYTES * 3))

    def meddle() -> None:
        if change == "longer":
            with path.open("ab") as file:
                file.write(b"more")
        elif change == "shorter":
            os.truncate(path, CHUNK_BYTES + 5)
        else:
            os.utime(path, ns=(1, 1))

    with pytest.raises(FormatError, match="changed while it was read"):
        hash_file(path, [], Counting(meddle), "w")


def test_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    """A missing file and a folder end in a clear error that names them."""
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(InputError, match="x cannot be read"):
            hash_file(path, [], Task(), "x")


def test_memory_is_constant() -> None:
    """A long stream is forgotten as it goes: nothing holds its chunks."""
    import tracemalloc

    def stream() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(100_000)

    tracemalloc.start()
    try:
        hash_chunks(stream(), spans_of([0, 10_000_000, 20_000_000]), Task(), "x")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_known_hash_is_not_computed_again(tmp_path: Path) -> None:
    """A SHA-256 that the caller vouches for is given back; the tensors are hashed all the same."""
    path = tmp_path / "w"
    path.write_bytes(b"abcd")
    found = hash_file(path, spans_of([0, 4]), Task(), "w", "known")
    assert found == ("known", 4, [blake3(b"abcd").hexdigest()])
