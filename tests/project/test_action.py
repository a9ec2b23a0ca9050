"""The GitHub Action, the hooks for pre-commit, and the example product that they are tried on."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lineage.answers.demo import HUB_FOLDER, PRODUCT_FOLDER
from lineage_cli.main import main
from tests.support.shared import ROOT

PRODUCT = ROOT / "examples/product"

ACTION = ROOT / "action.yml"


def action() -> dict[str, Any]:
    found = yaml.safe_load(ACTION.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def step(number: int) -> dict[str, Any]:
    """Return a step of the action."""
    found = action()["runs"]["steps"][number]
    assert isinstance(found, dict)
    return found


def run_step(folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the step that runs lineage as a runner would; return what it printed and what it gave out."""
    installed = folder / "lineage/bin"
    installed.mkdir(parents=True, exist_ok=True)
    if not (installed / "lineage").exists():
        (installed / "lineage").symlink_to(Path(sys.executable).with_name("lineage"))
    given = {name: each.get("default", "") for name, each in action()["inputs"].items()} | inputs
    env = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], value)
        for key, value in step(1)["env"].items()
    }
    output = folder / "output"
    output.write_text("")
    runner = {"RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(output), "HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-c", step(1)["run"]], env={**os.environ, **env, **runner}, cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done, output.read_text()


def test_no_input_is_a_part_of_a_script() -> None:
    """Each input reaches a script by the environment and is used there, and no other action is run."""
    steps = action()["runs"]["steps"]
    assert all("${{" not in each["run"] and "uses" not in each for each in steps)
    text = json.dumps([each["env"] for each in steps])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action()["inputs"])
    for each in steps:
        assert all(f"${name}" in each["run"] for name in each["env"])


def test_the_action_installs_from_its_own_checkout() -> None:
    """The script that installs names the action's folder, and no server."""
    script = step(0)["run"]
    assert '"$GITHUB_ACTION_PATH"' in script
    assert "://" not in ACTION.read_text("utf-8")
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0


@pytest.mark.slow
def test_the_action_audits_the_example(tmp_path: Path) -> None:
    """The example has findings of each severity and a lock that is current; a bad command is refused.

    The step writes annotations, ends with the exit code of the command and gives it out.
    """
    where = f"--hub\n{HUB_FOLDER}\n--offline"
    done, output = run_step(tmp_path, path=str(PRODUCT), arguments=where, locked="true")
    assert (done.returncode, output) == (1, "exit-code=1\n"), done.stderr
    assert set(re.findall(r"^::\w+", done.stdout, re.MULTILINE)) == {"::error", "::warning", "::notice"}
    locked, output = run_step(tmp_path, path=str(PRODUCT), arguments=where, command="lock")
    assert (locked.returncode, output) == (0, "exit-code=0\n"), locked.stderr
    refused, output = run_step(tmp_path, command="audit; true")
    assert (refused.returncode, output) == (2, "")


def test_the_hooks_are_commands_of_lineage() -> None:
    """Each hook runs a command that exists, with options that it has."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [each["id"] for each in hooks] == ["lineage-lock", "lineage-audit"]
    for each in hooks:
        program, *arguments = shlex.split(each["entry"])
        assert (program, each["language"], each["pass_filenames"]) == ("lineage", "python", False)
        assert CliRunner().invoke(main, [*arguments, "--help"]).exit_code == 0


def test_the_demo_has_the_example() -> None:
    """The sources in the package are those of the example, which has a lock file and a README besides."""
    found = filecmp.dircmp(PRODUCT, PRODUCT_FOLDER, ignore=["__pycache__"])
    assert (sorted(found.left_only), found.right_only) == (["README.md", "lineage.lock"], [])
    for folder in found.common_dirs:
        names = sorted(each.name for each in (PRODUCT / folder).iterdir() if each.is_file())
        assert names == sorted(each.name for each in (PRODUCT_FOLDER / folder).iterdir() if each.is_file())
        assert filecmp.cmpfiles(PRODUCT / folder, PRODUCT_FOLDER / folder, names, shallow=False)[0] == names
