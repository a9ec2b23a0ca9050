"""`check --since last` reports a finding again until an answer with it was written in full."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from lineage_cli._streams import has_reader
from tests.cli.running import environment
from tests.support.bare_repository import BareRepository
from tests.support.interruptible import interruptible
from tests.support.shared import ROOT
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

MODEL = "org/name"
SMALL_PIPE = 4_096
"""Bytes that the smallest pipe holds; the answers of these tests are longer."""


def weights(seed: int) -> bytes:
    """Make one tensor of random bytes."""
    return safetensors_bytes({"layers.0.weight": ("U8", (64,), random.Random(seed).randbytes(64))})


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a model whose weights were replaced several times without an announcement."""
    made = BareRepository(tmp_path / "hub" / f"{MODEL}.git")
    for seed in range(8):
        made.commit({"model.safetensors": weights(seed)})
    return made


@pytest.fixture
def command(tmp_path: Path, repository: BareRepository) -> list[str]:
    """Return the command that checks that model since the last check, with a store of its own."""
    where = ["--hub", str(tmp_path / "hub"), "--store", str(tmp_path / "lineage.db")]
    return [sys.executable, "-m", "lineage", "check", MODEL, "--since", "last", "--format", "json", *where]


def run(command: Sequence[str], stdout: IO[bytes] | int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment(), check=False,
        cwd=ROOT, timeout=60,
    )  # fmt: skip


def assert_reported_again(command: Sequence[str]) -> None:
    """Check that the next check reports the findings."""
    done = run(command)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["counts"]["silent"] == 7


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [["--format", "table"], ["--output", "/dev/full"]], ids=["stdout", "output"])
def test_a_full_disk_loses_no_finding(command: list[str], more: list[str]) -> None:
    """After an answer that did not fit on the disk, the next check reports its findings."""
    with Path("/dev/full").open("wb") as full:
        done = run([*command, *more], full)
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert_reported_again(command)


def test_a_pipe_without_a_reader_loses_no_finding(command: list[str]) -> None:
    """A reader that ends before the answer was written has read nothing."""
    assert run(["sh", "-c", '"$@" | head -c 0', "sh", *command]).returncode == 0
    assert_reported_again(command)


def test_a_pipe_whose_reader_ends_early_loses_no_finding(command: list[str]) -> None:
    """If the reader ends after the first bytes of a long answer, the findings are reported again."""
    reading, writing = small_pipe()
    process = start(command, writing)
    assert os.read(reading, 1)
    os.close(reading)
    assert ended(process) == 1
    assert_reported_again(command)


def test_a_closed_stdout_loses_no_finding(command: list[str]) -> None:
    """An answer that has no stdout to go to was not written."""
    assert run(["sh", "-c", '"$@" >&-', "sh", *command]).returncode == 1
    assert_reported_again(command)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_the_answer_loses_no_finding(command: list[str], number: signal.Signals) -> None:
    """A process that is ended while it writes its answer reports the findings again."""
    reading, writing = small_pipe()
    process = start(command, writing)
    assert os.read(reading, 1)
    process.send_signal(number)
    os.close(reading)
    assert ended(process) != 0
    assert_reported_again(command)


def test_one_answer_of_several_that_is_lost_moves_no_mark(
    command: list[str], tmp_path: Path, repository: BareRepository
) -> None:
    """With several targets no mark moves until the whole output was written."""
    other = BareRepository(tmp_path / "hub/org/other.git")
    for seed in (1, 2):
        other.commit({"model.safetensors": weights(seed)})
    both = [*command[:4], "org/other", *command[4:]]
    with Path("/dev/full").open("wb") as full:
        assert run(both, full).returncode == 2
    done = run(both)
    assert [answer["counts"]["silent"] for answer in json.loads(done.stdout)["answers"]] == [1, 7]
    assert run(both).returncode == 0


def test_findings_of_a_written_answer_are_not_repeated(command: list[str], repository: BareRepository) -> None:
    """Only an answer that was written in full ends with the note that its findings will not be reported again."""
    done = run(command)
    note = f"the next --since last starts after {repository.git('rev-parse', 'HEAD')[:12]}"
    assert note.encode() in done.stderr
    assert run(command).returncode == 0
    repository.commit({"model.safetensors": weights(99)})
    with Path("/dev/full").open("wb") as full:
        assert b"the next --since last" not in run(command, full).stderr


def test_a_text_in_a_pipe_without_a_reader_was_not_read() -> None:
    """A short text that the pipe accepted is lost if the reader is gone; a file and a living reader keep it."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        stream.write("answer")
        stream.flush()
        assert has_reader(stream)
        os.close(reading)
        assert not has_reader(stream)
    with Path(__file__).open() as file, Path(os.devnull).open("w") as nothing:
        assert has_reader(file)
        assert not has_reader(nothing)


def small_pipe() -> tuple[int, int]:
    """Make a pipe that is full before an answer of these tests is written."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
    return reading, writing


def start(command: Sequence[str], writing: int) -> subprocess.Popen[bytes]:
    """Start a command that writes into a pipe, whose end is closed here."""
    with interruptible():
        process = subprocess.Popen(
            command, stdout=writing, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment(), cwd=ROOT
        )
    os.close(writing)
    return process


def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process and return its exit code."""
    return process.wait(timeout=60)
