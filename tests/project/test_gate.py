"""The CI script installs uv if it is missing and passes on the exit code of pytest."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.shared import ROOT

PYTHON = """#!/bin/sh
echo "$PIP_BREAK_SYSTEM_PACKAGES $*" >> "$LOG"
case "$*" in
  "-m uv --version") test "$HAVE_UV" = yes ;;
  "-c "*) test "$IN_VENV" = yes ;;
  "-m uv run pytest"*) exit "$PYTEST" ;;
esac
"""
"""A python3 that writes down how it was called and answers as the machine under test would."""


def run_gate(tmp_path: Path, *, uv: str = "yes", venv: str = "no", pytest_exit: int = 0) -> tuple[int, list[str]]:
    """Run .ci/run on a machine of the given kind; return its exit code and the calls of python3."""
    (tmp_path / "python3").write_text(PYTHON)
    (tmp_path / "python3").chmod(0o755)
    log = tmp_path / "log"
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "HAVE_UV": uv, "IN_VENV": venv}
    done = subprocess.run([ROOT / ".ci/run"], env={**env, "PYTEST": str(pytest_exit)}, cwd=tmp_path, check=False)
    return done.returncode, [line.strip() for line in log.read_text().splitlines()]


def test_uv_is_installed_for_the_user_on_a_bare_machine(tmp_path: Path) -> None:
    """Outside a virtual environment pip gets the option that allows the installation."""
    code, calls = run_gate(tmp_path, uv="no")
    assert code == 0
    assert calls[-2:] == ["1 -m pip install --user uv", "-m uv run pytest"]


def test_uv_is_installed_into_a_virtual_environment(tmp_path: Path) -> None:
    """Inside one, pip refuses --user."""
    _, calls = run_gate(tmp_path, uv="no", venv="yes")
    assert calls[-2:] == ["-m pip install uv", "-m uv run pytest"]


def test_uv_is_left_alone_where_it_is(tmp_path: Path) -> None:
    """Nothing is installed on a machine that has uv."""
    assert run_gate(tmp_path)[1] == ["-m uv --version", "-m uv run pytest"]


@pytest.mark.parametrize("code", [1, 2, 5])
def test_a_failure_of_pytest_is_a_failure_of_the_gate(tmp_path: Path, code: int) -> None:
    """Failed tests, an interrupted run and a run that found no tests all fail."""
    assert run_gate(tmp_path, pytest_exit=code)[0] == code


def test_pytest_prints_its_summary() -> None:
    """The configured options do not suppress pytest's summary."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["addopts"]
    assert not {"-q", "-qq", "--quiet", "--no-summary"} & set(options)


def test_what_is_left_out_of_a_quick_run_is_left_out_there_only() -> None:
    """`make quick` leaves Neo4j and slow tests out; neither the gate nor the configured options choose tests."""
    (quick,) = re.findall(r"^quick:.*\n\t(.*)$", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert quick == '$(UV) run pytest -m "not neo4j and not slow"'
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    assert {"slow", "neo4j"} <= {marker.partition(":")[0] for marker in config["markers"]}
    choosing = re.compile(r"-m\b(?! (uv|pip)\b)|-k\b|--deselect|--ignore")
    assert choosing.search(quick)
    assert [option for option in config["addopts"] if choosing.match(option)] == []
    assert not choosing.search((ROOT / ".ci/run").read_text("utf-8"))
    assert "`slow`" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")
