"""A local folder is read once: the pass that names its files by their SHA-256 hashes their tensors too."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lineage.answers.session import Session
from lineage.collect.budget import ReadBudget
from lineage.collect.measuring import Measured, measure_model, measure_path
from lineage.fingerprint.file_contents import hash_whole
from lineage.hub.interface import Hub
from lineage.hub.local import file_hashes
from lineage.hub.local.folder import FolderHub, open_folder
from lineage.progress import SILENT
from lineage.side_by_side import LARGE_BYTES
from tests.fingerprint.pytorch.test_truth import FOLDER as CHECKPOINTS
from tests.fingerprint.pytorch.test_truth import READ as READABLE
from tests.fingerprint.test_sets import Summing
from tests.support.gguf_values import tensor, write_gguf
from tests.support.hub_kinds import settings
from tests.support.weight_files import safetensors_bytes, with_header, write_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with shards, a large file, a GGUF file, checkpoints, a broken file and texts."""
    folder = tmp_path_factory.mktemp("one-pass") / "model"
    folder.mkdir()
    write_shards(folder, {f"layer.{n}.weight": ("U8", (1 << 19,), os.urandom(1 << 19)) for n in range(6)}, 3)
    size = LARGE_BYTES // 2
    large = {f"large.{n}": ("U8", (size,), os.urandom(size)) for n in range(3)}
    (folder / "large.safetensors").write_bytes(safetensors_bytes(large))
    write_gguf(folder / "model.gguf", {"general.architecture": "llama"}, [tensor("a", np.ones((64, 64), np.float32))])
    for name in READABLE:
        shutil.copy(CHECKPOINTS / name, folder / f"model-{name}")
    (folder / "broken.safetensors").write_bytes(with_header(b'{"a": 1}', bytes(100)))
    (folder / "config.json").write_text("{}")
    return folder


def opened(folder: Path, scratch: Path) -> FolderHub:
    return open_folder(folder, settings(scratch), on_disk=True)


def in_two_passes(folder: Path, scratch: Path) -> Measured:
    """Measure a folder whose listing computes SHA-256 alone."""
    hub = opened(folder, scratch)
    return measure_model(hub, hub.resolve(hub.model), ReadBudget(True, "full"), SILENT)


def in_one_pass(folder: Path, scratch: Path) -> Measured:
    def hub_of(path: Path) -> tuple[Hub, str]:
        hub = opened(path, scratch)
        return hub, hub.model

    return measure_path(hub_of, folder, "full", SILENT)


def test_one_pass_finds_what_two_found(folder: Path, tmp_path: Path) -> None:
    """Commit, files, tensors, digests and problems are those of a listing and a full pass after it, in every format."""
    one, two = in_one_pass(folder, tmp_path), in_two_passes(folder, tmp_path)
    assert one.snapshot == two.snapshot
    assert one.groups == two.groups
    assert one.problems == two.problems
    assert {group.group.format for group in one.groups} == {"safetensors", "gguf", "pytorch"}
    assert set(one.problems) == {"broken.safetensors"}
    assert sum(group.digests.weights is not None for group in one.groups) > len(READABLE)


def test_the_bytes_are_read_once(folder: Path, tmp_path: Path) -> None:
    """On one core a full measurement reads hardly more bytes than the folder holds; two threads may share a file."""
    counts = Path("/proc/self/io")
    if not counts.is_file():
        pytest.skip("this system does not count the bytes that are read")

    def so_far() -> int:
        return int(counts.read_text().split("\n")[0].removeprefix("rchar: "))

    size = sum(path.stat().st_size for path in folder.iterdir())
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        before = so_far()
        in_one_pass(folder, tmp_path)
        assert size <= so_far() - before < 1.2 * size
    finally:
        os.sched_setaffinity(0, cores)


def test_a_changed_file_is_not_known(folder: Path, tmp_path: Path) -> None:
    """What was computed from a file is known until it is written to, with a digest for each of its tensors."""
    place = tmp_path / "model" / "model.safetensors"
    place.parent.mkdir()
    shutil.copy(folder / "large.safetensors", place)
    hub = opened(place.parent, tmp_path)
    hub.hash_with(hash_whole)
    hub.resolve(hub.model)
    known = hub.known_pass(place)
    assert known is not None
    assert known.size == place.stat().st_size
    assert len(known.digests) == 3
    with place.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")
    assert hub.known_pass(place) is None
    hub.resolve(hub.model)
    again = hub.known_pass(place)
    assert again is not None
    assert again.digests[:2] == known.digests[:2]
    assert again.digests[2] != known.digests[2]


def test_headers_alone_need_no_tensors(folder: Path, tmp_path: Path) -> None:
    """At level header the listing computes SHA-256 alone."""
    hubs: list[FolderHub] = []

    def hub_of(path: Path) -> tuple[Hub, str]:
        hubs.append(opened(path, tmp_path))
        return hubs[0], hubs[0].model

    measure_path(hub_of, folder, "header", SILENT)
    known = hubs[0].known_pass(folder / "large.safetensors")
    assert known is not None
    assert known.digests == []


def test_a_session_reports_the_pass(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The long pass over a folder is a task of the session's listener, and counts each byte of the large file once."""
    monkeypatch.setattr(file_hashes, "_SLOW_BYTES", 1)
    progress = Summing()
    with Session(progress=progress, settings=settings(tmp_path)) as session:
        measure_path(session.files_on_disk, folder, "full", SILENT)
    size = (folder / "large.safetensors").stat().st_size
    assert (size, size) in zip(progress.totals, progress.done, strict=True)
