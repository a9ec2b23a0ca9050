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
from lineage.file_chunks import CHUNK_BYTES, file_chunks
from lineage.fingerprint.header import TensorSpan
from lineage.fingerprint.reading import hash_chunks, hash_file
from lineage.progress import Task
from lineage.side_by_side import LARGE_BYTES, threads_for


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


@pytest.mark.slow
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=9), st.integers(2, 9), st.booleans())
def test_digests_do_not_depend_on_threads(
    small_file: Path, raw: bytes, cuts: list[int], threads: int, is_known: bool
) -> None:
    """Whatever the threads, and whether the SHA-256 is known, a file has the same digests, and its bytes count once."""
    small_file.write_bytes(raw)
    spans = spans_of(sorted(min(cut, len(raw)) for cut in cuts))
    known = hashlib.sha256(raw).hexdigest() if is_known else None
    task = Counting()
    found = hash_file(small_file, spans, task, "w", known, threads)
    assert found == hash_file(small_file, spans, Task(), "w")
    assert task.total == len(raw)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("small") / "w"


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("threads", [2, 3])
def test_large_file_on_several_threads(tmp_path: Path, threads: int, is_known: bool) -> None:
    """Tensors that span many buffers, none, and the whole file have their digests on several threads too."""
    raw = os.urandom(CHUNK_BYTES * 9 + 777)
    path = tmp_path / "w"
    path.write_bytes(raw)
    known = hashlib.sha256(raw).hexdigest() if is_known else None
    for cuts in ([0, len(raw)], [8, 8, 100, CHUNK_BYTES * 4 + 1, CHUNK_BYTES * 4 + 1, CHUNK_BYTES * 8, len(raw) - 3]):
        spans = spans_of(cuts)
        found = hash_file(path, spans, Task(), "w", known, threads)
        assert (found.sha256, found.size) == (hashlib.sha256(raw).hexdigest(), len(raw))
        assert found.digests == [blake3(raw[span.begin : span.end]).hexdigest() for span in spans]


@pytest.mark.parametrize(
    ("sizes", "cores", "threads"),
    [
        ([], 2, []),
        ([9], 1, [1]),
        ([9], 2, [2]),
        ([9], 4, [4]),
        ([9, 9, 9, 9], 2, [1, 1, 1, 1]),
        ([9, 9, 9], 2, [1, 1, 2]),
        ([9, 9, 9], 4, [1, 1, 1]),
        ([9, 9, 9, 9, 9], 4, [1, 1, 1, 1, 4]),
        ([1, 9], 2, [1, 2]),
        ([9, 9, 1], 2, [1, 1, 1]),
    ],
)
def test_threads_go_where_cores_would_rest(sizes: list[int], cores: int, threads: list[int]) -> None:
    """Each file gets one thread, and those that are left when the others are done share the cores."""
    assert threads_for([size * LARGE_BYTES for size in sizes], cores) == threads


def test_small_files_get_one_thread() -> None:
    """Below 16 MB a second thread is not worth its start."""
    assert threads_for([LARGE_BYTES - 1, 100], 8) == [1, 1]


def test_chunks_of_a_part(tmp_path: Path) -> None:
    """A part of a file is read from its start to its end, or to the file's end."""
    raw = os.urandom(CHUNK_BYTES + 100)
    path = tmp_path / "w"
    path.write_bytes(raw)
    with path.open("rb") as file:
        for start, end in [(0, len(raw)), (7, 90), (50, CHUNK_BYTES + 99), (90, 10**9), (10**9, 10**9 + 1), (5, 5)]:
            assert b"".join(bytes(chunk) for chunk in file_chunks(file.fileno(), start, end)) == raw[start:end]


def test_stream_that_ends_early_is_refused() -> None:
    """A stream that stops inside a tensor raises FormatError and names the tensor."""
    with pytest.raises(FormatError, match="'0'"):
        hash_chunks([b"abc"], spans_of([0, 5]), Task(), "x")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("change", ["longer", "shorter", "touched"])
def test_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: str, threads: int) -> None:
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
        hash_file(path, [], Counting(meddle), "w", threads=threads)


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
