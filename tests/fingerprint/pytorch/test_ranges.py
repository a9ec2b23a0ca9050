"""The cost of reading large checkpoints by ranges: requests and bytes, and what one that is only a stream keeps."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.fingerprint.header import Read
from lineage.fingerprint.pytorch import hashing
from lineage.fingerprint.pytorch.hashing import hash_local, hash_stream
from lineage.fingerprint.pytorch.reader import Checkpoint, read_checkpoint
from lineage.fingerprint.reading import read_ranges
from lineage.progress import SILENT
from tests.support.torch_files import PROTO, STOP, View, archive, dict_of, tensor, write_sparse

GIGABYTE = 1 << 30


def counted(path: Path, asked: list[int]) -> Read:
    """Read ranges of a file, and note their lengths."""
    read = read_ranges(path, path.name)

    def counting(start: int, length: int) -> bytes:
        asked.append(length)
        return read(start, length)

    return counting


@pytest.mark.parametrize("tensors", [40, 400, 4_000])
def test_the_header_of_a_shard_takes_three_requests(tmp_path: Path, tensors: int) -> None:
    """A shard of 2.5 GB is read with three ranges at most, of a hundred kilobytes or as long as its directory is."""
    path = tmp_path / "pytorch_model-00001-of-00004.bin"
    elements = 5 * GIGABYTE // 4 // tensors
    views = {f"model.layers.{n}.weight": tensor(View(str(n), "BF16", (elements,))) for n in range(tensors)}
    sizes = {str(n): 2 * elements for n in range(tensors)}
    write_sparse(path, PROTO + dict_of(views, ordered=True) + STOP, sizes, folder=path.stem)
    asked: list[int] = []
    found = read_checkpoint(counted(path, asked), path.stat().st_size, path.name)
    assert isinstance(found, Checkpoint)
    assert len(found.tensors) == tensors
    assert found.exact(read_ranges(path, path.name)).tensors == found.tensors
    assert len(asked) <= 3
    assert sum(asked) < 200_000 + 1_000 * tensors


def test_archives_beyond_four_gigabytes_are_read(tmp_path: Path) -> None:
    """Sizes and places of more than 32 bits are those of the extra fields."""
    path = tmp_path / "pytorch_model.bin"
    views = {str(n): tensor(View(str(n), "BF16", (5 * GIGABYTE // 2,))) for n in range(2)}
    write_sparse(path, PROTO + dict_of(views) + STOP, dict.fromkeys(("0", "1"), 5 * GIGABYTE))
    found = read_checkpoint(read_ranges(path, path.name), path.stat().st_size, path.name)
    assert isinstance(found, Checkpoint)
    assert [each.extent for each in found.tensors] == [5 * GIGABYTE] * 2
    assert found.tensors[1].begin > 5 * GIGABYTE
    assert found.exact(read_ranges(path, path.name)).tensors == found.tensors


def chunks(raw: bytes) -> Iterator[bytes]:
    """Give bytes as a stream does."""
    return (raw[start : start + 100_003] for start in range(0, len(raw), 100_003))


@pytest.mark.slow
def test_views_are_gathered_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transposed matrix of 64 MB needs less memory than its storage, from a file and from a stream alike."""
    monkeypatch.setattr(hashing, "_IN_MEMORY", 1 << 20)
    side = 4_096
    values = struct.pack(f"<{side}f", *range(side)) * side
    transposed = tensor(View("0", "F32", (side, side), (1, side)))
    raw = archive(PROTO + dict_of({"t": transposed, "w": tensor(View("0", "F32", (side, side)))}) + STOP, {"0": values})
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(raw)
    found = read_checkpoint(read_ranges(path, path.name), len(raw), path.name)
    assert isinstance(found, Checkpoint)
    with SILENT.task("Reading", None, "B") as task:
        tracemalloc.start()
        local = hash_local(found, path, task)
        streamed = hash_stream(found, chunks(raw), task)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert local == streamed
    assert len(set(local.digests)) == 2
    assert peak < 50_000_000
