"""Targets that cannot be a model or a path: in a list, each concerns itself only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.support.hostile_models import sound_model, sound_repository
from tests.support.shared import ROOT

IMPOSSIBLE = {
    "home of a NUL": b"~\0",
    "home of nobody": b"~no-such-user-here",
    "home that is not text": b"~\xff/model",
    "NUL in a path": b"./a\0b",
    "NUL in a model": b"org/a\0b",
    "path longer than the system allows": b"./" + b"a" * 5_000,
    "path of many folders": b"./" + b"a/" * 5_000,
    "folder that is not there": b"./not/here",
    "path through a file": b"./models.txt/model",
    "path that is not UTF-8": b"./caf\xe9",
    "model that is not UTF-8": b"org/caf\xe9",
    "revision that is not UTF-8": b"org/first@caf\xe9",
    "revision of a megabyte": b"org/first@" + b"a" * 1_000_000,
    "invisible characters": "org/fi\u202erst\U000e0041".encode(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a working folder with a directory of two sound models."""
    for name in ("first", "last"):
        sound_repository(tmp_path / "hub" / "org" / f"{name}.git")
    return tmp_path


def run(folder: Path, *arguments: str | bytes) -> tuple[int, bytes, bytes]:
    """Run a command in the working folder, with arguments that may be any bytes."""
    command = [sys.executable.encode(), b"-m", b"lineage", *map(os.fsencode, arguments)]
    where = [b"--hub", b"hub", b"--store", b"lineage.db", b"--format", b"json"]
    env = environment(PYTHONPATH=str(ROOT))
    done = subprocess.run([*command, *where], capture_output=True, env=env, cwd=folder, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["collect", "check"])
def test_an_impossible_target_in_a_list_concerns_itself_only(folder: Path, command: str) -> None:
    """The models before and after are read, and each impossible target is named with a reason; exit code 2."""
    (folder / "models.txt").write_bytes(b"\n".join([b"org/first", *IMPOSSIBLE.values(), b"org/last"]) + b"\n")
    code, out, err = run(folder, command, "-f", "models.txt")
    assert (code, err) == (2, b"")
    answer = json.loads(out)
    if command == "collect":
        read = {each["id"] for each in answer["models"] if each["outcome"] == "collected"}
        named = {each["model"]: each["detail"] for each in answer["incomplete"]}
    else:
        read = {each["model"] for each in answer["answers"] if each["verdict"] == "clean"}
        named = {
            each["model"]: each["unchecked"][0]["reason"] for each in answer["answers"] if each["verdict"] != "clean"
        }
    assert read == {"org/first", "org/last"}
    missing = {kind for kind, text in IMPOSSIBLE.items() if text.decode("utf-8", "surrogateescape") not in named}
    assert missing <= {"revision that is not UTF-8", "revision of a megabyte"}  # reported under the model's id
    assert all(named.values())
    assert not any("unexpected error" in reason for reason in named.values())
    assert out.isascii()


@pytest.mark.slow
def test_a_path_may_have_any_bytes(folder: Path) -> None:
    """A folder whose name is Latin-1 is read, from a list and as an argument."""
    target = b"./caf\xe9"
    sound_model(Path(os.fsdecode(bytes(folder) + b"/caf\xe9")))
    (folder / "models.txt").write_bytes(target + b"\norg/first\n")
    for arguments in (["-f", "models.txt"], [target, "org/last"]):
        code, out, _ = run(folder, "collect", *arguments)
        assert code == 0
        assert {each["outcome"] for each in json.loads(out)["models"]} <= {"collected", "unchanged"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["collect", "check", "trace", "history", "fingerprint"])
def test_an_impossible_argument_is_one_error(folder: Path, command: str) -> None:
    """As the only target, an impossible path ends the command with an error and a hint."""
    target = IMPOSSIBLE["path longer than the system allows"]
    store = [b"--store", b"lineage.db"] if command != "fingerprint" else []
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"lineage", command.encode(), target, b"--hub", b"hub", *store],
        capture_output=True, env=environment(), cwd=folder, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    assert [line.split(b":")[0] for line in done.stderr.splitlines()] == [b"error", b"hint"]
    assert b"File name too long" in done.stderr
    assert len(done.stderr) < 2_000
