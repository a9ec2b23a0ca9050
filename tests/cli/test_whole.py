"""The commands end to end, as processes, on the small zoo: from a folder of models to answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from lineage_schemas.export import FOLDER
from tests.cli.running import lineage
from tests.support.repositories import zoo_hub

pytestmark = pytest.mark.slow

REVISED = "heronml/heron-gpt2-tiny-licences"
"""The model whose weights were silently retrained once (r2) and once with a tag (r4)."""

BASE, ADAPTER = "skiffworks/skiff-0.7m", "otterhub/skiff-packages-lora"

MODELS = sorted([REVISED, BASE, ADAPTER])


@pytest.fixture(scope="module")
def hub(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a directory Hub of the small zoo, with a real repository for each model that has revisions."""
    return zoo_hub(small_zoo, tmp_path_factory.mktemp("hub"))


def answered(*arguments: str | Path, code: int = 0) -> dict[str, object]:
    """Run a command for its JSON answer and validate it against its schema."""
    done = lineage(*arguments, "--format", "json", "-q")
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    document: dict[str, object] = json.loads(done.stdout)
    schema = json.loads((FOLDER / f"{document['schema']}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def test_every_command_answers(hub: Path, tmp_path: Path) -> None:
    """From `collect` to `store forget`, the JSON answer of each command is valid under its schema."""
    where = ("--hub", hub, "--store", tmp_path / "lineage.db")
    collected = answered("collect", *MODELS, *where)
    assert {each["outcome"] for each in collected["models"] if each["id"] in MODELS} == {"collected"}  # type: ignore[attr-defined]
    again = answered("collect", *MODELS, *where)
    assert {each["outcome"] for each in again["models"] if each["id"] in MODELS} == {"unchanged"}  # type: ignore[attr-defined]
    for model in MODELS:
        assert answered("trace", model, *where)["root"] == model
        assert answered("trace", model, "--down", *where)["direction"] == "down"
        assert answered("fingerprint", model, "--hub", hub)["level"] == "full"
    assert answered("history", REVISED, *where)["model"] == REVISED
    assert answered("check", REVISED, *where, code=1)["counts"] == {
        "after_first_upload": 2, "versioned": 1, "documented": 0, "silent": 1,
    }  # fmt: skip
    assert [each["model"] for each in answered("check", *MODELS, *where, code=1)["answers"]] == MODELS  # type: ignore[attr-defined]
    assert answered("trace", ADAPTER, BASE, *where)["direction"] == "paths"
    assert answered("diff", ADAPTER, BASE, *where)["a"]["model"] == ADAPTER  # type: ignore[index]
    folder = hub / BASE
    assert answered("verify", folder, "--against", BASE, *where)["verdict"] == "equal"
    assert answered("verify", folder, "--against", ADAPTER, *where, code=1)["verdict"] == "different"
    assert answered("verify", folder, *where)["verdict"] == "known"
    assert answered("store", "info", "--store", where[-1])["backend"] == "sqlite"
    assert BASE in answered("store", "forget", BASE, *where)["forgotten"]  # type: ignore[operator]


def test_every_command_answers_people(hub: Path, tmp_path: Path) -> None:
    """Each command's default format names the model and dates the answer; a missing model is collected first."""
    where = ("--hub", hub, "--store", tmp_path / "lineage.db")
    done = lineage("trace", BASE, *where)
    assert done.stdout.startswith(BASE)
    assert f"note: {BASE} is not in the store yet" in done.stderr
    for command in (("history", REVISED), ("diff", BASE, ADAPTER), ("diff", REVISED), ("collect", REVISED)):
        done = lineage(*command, *where)
        assert done.returncode == 0, done.stderr
        assert command[1] in done.stdout
        assert ", read 2" in done.stdout.splitlines()[-1]


def test_errors_of_the_process_are_messages(hub: Path, tmp_path: Path) -> None:
    """A missing model or file, and a file that is not a store or not weights: an error, a hint, code 2."""
    other = tmp_path / "notes.txt"
    other.write_text("no database")
    commands: list[list[str | Path]] = [
        ["fingerprint", "no/such-model", "--hub", hub],
        ["store", "info", "--store", other],
        ["fingerprint", tmp_path / "gone"],
        ["fingerprint", other],
        ["verify", tmp_path / "gone", "--store", tmp_path / "a.db"],
        ["trace", "a/b", "--hub", tmp_path / "gone", "--store", tmp_path / "a.db"],
    ]
    for command in commands:
        done = lineage(*command, "-q")
        assert done.returncode == 2, command
        assert done.stdout == "", command
        assert done.stderr.startswith("error: "), command
        assert "\nhint: " in done.stderr, command
        assert "bug in lineage" not in done.stderr, command


def test_a_fingerprint_with_something_unread(hub: Path, tmp_path: Path) -> None:
    """For a folder with one broken weight file, the others are in the answer, and the exit code is 2."""
    shutil.copytree(hub / BASE, tmp_path / "own")
    (tmp_path / "own" / "extra.safetensors").write_bytes(b"\xff" * 100)
    answer = answered("fingerprint", tmp_path / "own", code=2)
    assert [each["what"] for each in answer["unchecked"]] == ["extra.safetensors"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "LINEAGE_CACHE"])
def test_the_home_of_an_unknown_user(name: str, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names the home folder of an unknown user is reported before any work."""
    for other in ("HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "~nobody-of-this-name/x")
    done = lineage("fingerprint", BASE, "--hub", hub)
    assert done.returncode == 2
    assert "error: '~nobody-of-this-name/x" in done.stderr


def test_a_trace_of_a_missing_model_is_an_answer(hub: Path, tmp_path: Path) -> None:
    """A trace of a missing model is a JSON answer too, with the reason and code 2."""
    done = lineage("trace", "no/such-model", "--hub", hub, "--store", tmp_path / "a.db", "--format", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["incomplete"][0]["reason"] == "missing"
