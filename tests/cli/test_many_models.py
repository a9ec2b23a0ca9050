"""`lineage check` of many models: pins of a list, rows, places in files, dates of a start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lineage_cli.main import main
from tests.support.bare_repository import BareRepository
from tests.support.weight_files import safetensors_bytes

COUNT = 4


def weights(seed: int) -> bytes:
    return safetensors_bytes({"w": ("F32", (2, 2), bytes([seed] * 16))})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """Make a folder of models: the first has a silent change, the others none."""
    folder = tmp_path_factory.mktemp("many")
    commits = {}
    for number in range(COUNT):
        repository = BareRepository(folder / f"hub/org/m{number}.git")
        commits[f"org/m{number}"] = [repository.commit({"model.safetensors": weights(number), "README.md": b"x"})]
        if number == 0:
            commits["org/m0"].append(repository.commit({"model.safetensors": weights(9)}))
    return folder, commits


def check(folder: Path, *arguments: str | Path, text: str | None = None) -> Result:
    """Check models of the folder, from a list with some text."""
    options = ["--hub", str(folder / "hub"), "--store", str(folder / "lineage.db")]
    if text is not None:
        (folder / "models.txt").write_text(text, "utf-8")
        options += ["-f", str(folder / "models.txt")]
    return CliRunner().invoke(main, ["check", *map(str, arguments), *options])


def answers(done: Result) -> list[dict[str, Any]]:
    """Read the answers of a check as JSON."""
    found: list[dict[str, Any]] = json.loads(done.stdout)["answers"]
    return found


ALL = "".join(f"org/m{number}\n" for number in range(COUNT))


def test_clean_models_are_one_row_each(made: tuple[Path, dict[str, list[str]]]) -> None:
    """There is a row for each model and one line with the summary; --verbose adds the details of each."""
    folder, _ = made
    names = [f"org/m{number}" for number in range(1, COUNT)]
    done = check(folder, *names, "--no-config")
    lines = done.stdout.splitlines()
    assert (done.exit_code, len(lines)) == (0, COUNT - 1 + 2)
    assert lines[-1].startswith("3 models: 0 with findings, 0 unchecked, 3 clean · ")
    assert len(check(folder, *names, "--no-config", "-v").stdout.splitlines()) > 3 * COUNT


def test_a_list_pins_each_model(made: tuple[Path, dict[str, list[str]]]) -> None:
    """A line names the commit from which its model is checked, and the answer names the line."""
    folder, commits = made
    last = commits["org/m0"][-1]
    text = f"# ours\norg/m0 --since {last}  # accepted\n\norg/m0 {commits['org/m0'][0]}\norg/m1\n"
    done = check(folder, "--no-config", "--format", "json", text=text)
    found = answers(done)
    assert [(each["since"], each["verdict"]) for each in found] == [
        (last, "clean"), (commits["org/m0"][0], "findings"), (None, "clean")
    ]  # fmt: skip
    assert [each["named_at"]["line"] for each in found] == [2, 4, 5]
    assert done.exit_code == 1


def test_a_pin_that_the_branch_lacks_is_one_row(made: tuple[Path, dict[str, list[str]]]) -> None:
    """Nothing is checked from a start that does not exist, and the row says so."""
    folder, _ = made
    done = check(folder, "--no-config", text=f"org/m0 {'0' * 40}\norg/m1 --since 2999-01-01\norg/m2\n")
    rows = done.stdout.splitlines()[:3]
    assert done.exit_code == 2
    assert "unchecked  --since 00000000: 00000000 is not on refs/heads/main" in rows[0]
    assert "nothing was checked" in rows[0]
    assert "unchecked  --since 2999-01-01 is in the future" in rows[1]
    assert "clean" in rows[2]


@pytest.mark.parametrize("since", ["2999-01-01", "2999-01-01T10:00"])
def test_a_start_in_the_future_is_an_error(made: tuple[Path, dict[str, list[str]]], since: str) -> None:
    """No change can come after a date in the future: the command ends before it reads a model."""
    done = check(made[0], "org/m1", "--no-config", "--since", since)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"--since {since} is in the future" in done.stderr


@pytest.mark.parametrize("since", ["yesterday", "7d", "3w"])
def test_a_start_may_be_days_ago(made: tuple[Path, dict[str, list[str]]], since: str) -> None:
    """The silent change of long ago is before all of them."""
    assert check(made[0], "org/m0", "--no-config", "--since", since).exit_code == 0


def test_annotations_point_to_the_list_and_to_the_project_file(made: tuple[Path, dict[str, list[str]]]) -> None:
    """A finding is shown at the line that named the model: of the list, or of the project file."""
    folder, _ = made
    done = check(folder, "--no-config", "--format", "github", text=f"# ours\n{ALL}")
    assert f"::error file={folder / 'models.txt'},line=2,title=silent-weight-change" in done.stdout
    (folder / "lineage.toml").write_text('[models]\n"org/m1" = {}\n"org/m0" = {}\n', "utf-8")
    done = check(folder, "--config", folder / "lineage.toml", "--format", "sarif")
    [result] = json.loads(done.stdout)["runs"][0]["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"].endswith("/lineage.toml")
    assert physical["region"] == {"startLine": 3}
