"""Many models with a hostile one of each kind among them: no model decides what is said about another one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lineage_cli.main import main
from tests.support import hostile_repositories
from tests.support.hostile_models import (
    READABLE,
    READABLE_REPOSITORIES,
    REPORTED,
    REPORTED_REPOSITORIES,
    sound_model,
    sound_repository,
)

SOUND = 100
REPOSITORIES = 30
"""Sound models that are repositories: a check of them is clean, while a plain folder has no history to check."""

REFUSED_REPOSITORIES = {**REPORTED_REPOSITORIES, **hostile_repositories.REFUSED}
READ_REPOSITORIES = {**READABLE_REPOSITORIES, **hostile_repositories.READABLE}


class ManyModels:
    """A directory of models, and the names of them by what is wanted of an answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, build in (REPORTED | READABLE).items():
            sound_model(folder / "org" / name)
            build(folder / "org" / name)
        for name, build in (REFUSED_REPOSITORIES | READ_REPOSITORIES).items():
            build(folder / "org" / f"{name}.git")
        self.reported = {f"org/{name}" for name in REPORTED | REFUSED_REPOSITORIES}
        self.readable = {f"org/{name}" for name in READABLE | READ_REPOSITORIES}
        self.repositories = {f"org/repository-{number}" for number in range(REPOSITORIES)}
        sound_repository(folder / "first.git")
        for model in self.repositories:
            shutil.copytree(folder / "first.git", folder / f"{model}.git")
        self.folders = {f"org/folder-{number}" for number in range(SOUND - REPOSITORIES)}
        for number, model in enumerate(sorted(self.folders)):
            sound_model(folder / model, number)
        # Hostile models are first, last, and between the others, whichever way a list is read.
        self.every = sorted(self.reported | self.readable | self.repositories | self.folders)
        self.list = folder / "models.txt"
        self.list.write_text("\n".join(self.every) + "\n")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> ManyModels:
    """Make the directory once: the tests only read it."""
    return ManyModels(tmp_path_factory.mktemp("hub"))


def run(*arguments: str | Path) -> tuple[int, Any]:
    """Run a command, and return its exit code and its answer."""
    done = CliRunner().invoke(main, [*map(str, arguments), "--format", "json"])
    assert "Traceback" not in done.stderr
    return done.exit_code, json.loads(done.stdout)


def reasons(answer: Any) -> dict[str, set[str]]:
    """List what an answer says to be incomplete, by model."""
    found: dict[str, set[str]] = {}
    for each in answer["incomplete"]:
        assert each["detail"]
        found.setdefault(each["model"], set()).add(f"{each['reason']}: {each['detail']}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("by", ["list", "author"])
def test_collect_reads_the_others_and_names_each_hostile_model(many: ManyModels, tmp_path: Path, by: str) -> None:
    """Every sound model is stored, every hostile one is named with its reason, and a second run says the same."""
    where = ("--hub", many.folder, "--store", tmp_path / "lineage.db")
    wanted = ("-f", many.list) if by == "list" else ("--author", "org", "--max-models", "1000")
    code, answer = run("collect", *wanted, *where)
    assert code == 2
    outcomes = {each["id"]: each["outcome"] for each in answer["models"]}
    assert set(outcomes) >= set(many.every)
    first = reasons(answer)
    assert {model: first.get(model) for model in many.every if outcomes[model] != "collected"}.keys() <= many.reported
    assert set(first) == many.reported
    assert not any("unexpected error" in reason for each in first.values() for reason in each)
    again_code, again = run("collect", *wanted, *where)
    assert (again_code, reasons(again)) == (code, first)
    outcomes_again = {each["id"]: each["outcome"] for each in again["models"]}
    assert {model for model, each in outcomes.items() if each == "failed"} == {
        model for model, each in outcomes_again.items() if each == "failed"
    }
    assert {outcomes_again[model] for model in many.folders | many.repositories} == {"unchanged"}


@pytest.mark.slow
def test_check_of_a_list_judges_each_model_by_itself(many: ManyModels, tmp_path: Path) -> None:
    """Sound repositories are clean, silent changes found; hostile models and folders are unchecked with reasons."""
    code, answer = run("check", "-f", many.list, "--hub", many.folder, "--store", tmp_path / "lineage.db")
    assert code == 1  # findings take precedence over what is unchecked
    assert [each["model"] for each in answer["answers"]] == many.every
    verdicts = {each["model"]: each["verdict"] for each in answer["answers"]}
    assert {verdicts[model] for model in many.repositories} == {"clean"}
    assert {verdicts[model] for model in many.reported} == {"unchecked"}
    changed = {f"org/{name}" for name in hostile_repositories.READABLE if name != "head_without_a_branch"}
    assert {verdicts[model] for model in changed} == {"findings"}
    assert all(each["unchecked"] for each in answer["answers"] if each["verdict"] == "unchecked")
