"""Commands on damaged and hostile repositories: each names the fault, and the sound models are read all the same."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineage_cli.main import main
from tests.support import hostile_repositories as hostile

pytestmark = pytest.mark.timeout(300)

WRONG_WORDS = ("no such model", "knows no", "no commit yet", "offline", "bug in lineage", "Traceback", "is not in /")

FAULTS = {
    "broken_head_commit": "is damaged",
    "missing_head_commit": "is missing",
    "forged_head_commit": "its content has the id",
    "forged_head_tree": "its content has the id",
    "pipe_as_alternates": "is a named pipe",
}


def run(hub: Path, *arguments: str) -> tuple[int, str]:
    """Run a command, and return its exit code and all that it printed."""
    store = ["--store", str(hub / "lineage.db")] if arguments[0] != "fingerprint" else []
    done = CliRunner().invoke(main, [*arguments, "--hub", str(hub), *store])
    return done.exit_code, done.stdout + done.stderr


def build(hub: Path, name: str) -> Path:
    """Make a hostile repository, and return its place."""
    place = hub / "org" / f"{name.replace('_', '-')}.git"
    place.parent.mkdir(parents=True, exist_ok=True)
    {**hostile.REFUSED, **hostile.READABLE}[name](place)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_every_command_names_the_fault(tmp_path: Path, name: str) -> None:
    """A damaged head is neither a missing model nor an empty one, whatever is asked, by name and by path."""
    place = build(tmp_path, name)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "model.safetensors").write_bytes(hostile.weights(2))
    hostile.good_model(tmp_path / "org" / "good.git")
    model = f"org/{place.stem}"
    for command in (
        ["check", model], ["trace", model], ["collect", model], ["history", model], ["diff", model],
        ["diff", model, "org/good"], ["fingerprint", model], ["verify", str(tmp_path / "local"), "--against", model],
        ["check", str(place)], ["trace", str(place)], ["fingerprint", str(place)],
    ):  # fmt: skip
        code, printed = run(tmp_path, *command)
        assert code == 2, (command, printed)
        assert FAULTS[name] in " ".join(printed.split()), (command, printed)
        assert not any(words in printed for words in WRONG_WORDS), (command, printed)


@pytest.mark.slow
def test_the_others_are_collected(tmp_path: Path) -> None:
    """Of many models each hostile one is named with its reason, twice the same, and all others are read."""
    for name in (*hostile.REFUSED, *hostile.READABLE):
        build(tmp_path, name)
    good = [f"org/good-{number}" for number in range(5)]
    for model in good:
        hostile.good_model(tmp_path / f"{model}.git")
    refused = {f"org/{name.replace('_', '-')}" for name in hostile.REFUSED}
    models = [*refused, *(f"org/{name.replace('_', '-')}" for name in hostile.READABLE), *good]
    for _ in range(2):
        code, printed = run(tmp_path, "collect", *models, "--format", "json")
        answer = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
        assert code == 2
        reasons = {item["model"]: (item["reason"], item["detail"]) for item in answer["incomplete"]}
        assert set(reasons) == refused
        assert {reason for reason, _ in reasons.values()} == {"error"}
        assert not any(words in detail for _, detail in reasons.values() for words in WRONG_WORDS)
    code, printed = run(tmp_path, "check", *good, *(f"org/{name.replace('_', '-')}" for name in hostile.READABLE))
    assert code == 1
    assert printed.count("the weights changed once") == 11


def test_a_folder_with_files_that_are_not_files_is_unchecked(tmp_path: Path) -> None:
    """A pipe or a sparse giant in place of weights ends no command in a wait, and is named."""
    for name in ("piped", "hollow"):
        (tmp_path / "org" / name).mkdir(parents=True)
        (tmp_path / "org" / name / "config.json").write_text("{}")
    os.mkfifo(tmp_path / "org" / "piped" / "model.safetensors")
    with (tmp_path / "org" / "hollow" / "model.safetensors").open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(tmp_path / "aliases.json")
    for name, why in (("piped", "not a regular file"), ("hollow", "sparse file")):
        for command in (["collect", f"org/{name}"], ["fingerprint", f"org/{name}"], ["check", f"org/{name}"]):
            code, printed = run(tmp_path, *command)
            assert code == 2, (command, printed)
            assert command[0] == "check" or why in " ".join(printed.split()), (command, printed)
