"""Sets of large files: hashed side by side, with the digests, errors and progress of one after another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lineage.errors import FormatError, OtherBytesError
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_group
from lineage.progress import SILENT, Progress, Task
from lineage.side_by_side import LARGE_BYTES
from lineage_schemas.weight_group import WeightGroup
from tests.support.interruptible import interruptible
from tests.support.range_hub import RangeHub
from tests.support.weight_files import write_shards

SHARDS = 5
PART = 1 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a set of shards that is large enough to be hashed side by side."""
    folder = tmp_path_factory.mktemp("large")
    write_shards(folder, {f"layer.{n}.weight": ("U8", (PART,), os.urandom(PART)) for n in range(20)}, SHARDS)
    assert sum(path.stat().st_size for path in folder.iterdir()) > LARGE_BYTES
    return folder


def group_of(folder: Path) -> WeightGroup:
    texts = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    return weight_groups(RangeHub(folder).files().values(), texts.get)[0]


def measure(
    folder: Path, *, in_place: bool = True, sha256: dict[str, str] | None = None, progress: Progress = SILENT
) -> GroupFingerprint:
    hub = RangeHub(folder, in_place=in_place)
    files = {path: entry.model_copy(update={"sha256": (sha256 or {}).get(path)}) for path, entry in hub.files().items()}
    return fingerprint_group(hub, "a/b", "0" * 40, group_of(folder), files, "full", progress)


def test_digests_are_those_of_streams(folder: Path) -> None:
    """A set that is hashed on all cores has the digests of the same set read one file after another."""
    here, streamed = measure(folder), measure(folder, in_place=False)
    assert here.digests == streamed.digests
    assert here.digests.weights
    assert (here.rows, here.files) == (streamed.rows, streamed.files)


@pytest.mark.parametrize("wrong", [0, 2, 4])
def test_the_first_wrong_shard_is_the_error(folder: Path, wrong: int) -> None:
    """Of several shards that are not those of the Hub, the first is reported each time, and no thread goes on."""
    paths = group_of(folder).files
    before = threading.active_count()
    for _ in range(3):
        with pytest.raises(OtherBytesError, match=paths[wrong]):
            measure(folder, sha256=dict.fromkeys(paths[wrong:], "0" * 64))
        assert threading.active_count() == before


def test_a_broken_shard_stops_those_behind_it(folder: Path, tmp_path: Path) -> None:
    """If the first shard has no valid header, the others are not read to their ends."""
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    first = tmp_path / group_of(folder).files[0]
    first.unlink()
    first.write_bytes(b"\xff" * 100)
    progress = Summing()
    with pytest.raises(FormatError, match="00001-of-00005"):
        measure(tmp_path, progress=progress)
    assert progress.done[0] < LARGE_BYTES


def test_progress_counts_each_byte_once(folder: Path) -> None:
    """The bytes that a listener hears of are those of the files; it needs no lock of its own."""
    progress = Summing()
    measure(folder, progress=progress)
    size = sum((folder / path).stat().st_size for path in group_of(folder).files)
    assert progress.totals == progress.done == [size]


class Summing(Progress):
    """Keep the total of each task and what was done of it."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []
        self.done: list[int] = []

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        task = SummingTask()
        try:
            yield task
        finally:
            self.totals.append(total)
            self.done.append(task.done)


class SummingTask(Task):
    done = 0

    def advance(self, amount: int = 1) -> None:
        self.done += amount


@pytest.mark.slow
def test_ctrl_c_ends_a_set_at_once(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a set ends the command as it does for one file: 130, no traceback, no thread left."""
    names = [f"model-{n:05d}-of-00004.safetensors" for n in range(1, 5)]
    for name in names:
        with (tmp_path / name).open("wb") as file:
            file.truncate(3 << 30)  # sparse: made in no time, read in seconds
    (tmp_path / "config.json").write_text("{}")
    command = [sys.executable, "-m", "lineage_cli", "fingerprint", str(tmp_path), "-vv"]
    with interruptible():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    log = ""
    while "hashing" not in log:
        log += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in rest
