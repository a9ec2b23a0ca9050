"""Style, types and sizes, checked in every test run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shared import ROOT

FOLDERS = ["lineage", "cli", "schemas", "tests", "benchmarks", "tools"]

TREES = ROOT / "tests/data/trees"
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if TREES not in path.parents)

SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "core", "manager", "managers", "misc"}


def run(*command: str) -> None:
    """Run a tool on the project and show its output if it fails."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_ruff_finds_nothing() -> None:
    """Lint is clean under the rules of pyproject.toml."""
    run("ruff", "check")


@pytest.mark.slow
def test_the_format_is_ruffs() -> None:
    """The formatter would change nothing."""
    run("ruff", "format", "--check")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_mypy_finds_nothing() -> None:
    """Code, tests, tools and benchmarks pass strict type checks; the first run on a machine takes minutes."""
    run("mypy")


def test_files_stay_readable() -> None:
    """No file has more than 400 lines; a longer one becomes a folder."""
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert len(lengths) > 20
    assert {str(path): n for path, n in lengths.items() if n > 400} == {}


def functions(path: Path) -> list[tuple[str, int]]:
    """List the functions of a file with their lengths, without decorators."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, kinds)]
    return [(f"{path}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1) for node in nodes]


@pytest.mark.slow
def test_functions_stay_readable() -> None:
    """No function has more than 70 lines."""
    lengths = [pair for path in FILES for pair in functions(path)]
    assert len(lengths) > 50
    assert [pair for pair in lengths if pair[1] > 70] == []


def test_names_say_what_is_inside() -> None:
    """A module is named after its one purpose, so none has a name such as `utils`."""
    named = {path: set(re.split(r"[/_.]", str(path.relative_to(ROOT)))) for path in FILES}
    assert [str(path) for path, words in named.items() if words & SAYS_NOTHING] == []


def test_nothing_is_left_for_later() -> None:
    """Open work is listed in issues and in the README, not in the code."""
    later = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
    texts = [*FILES, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile", ROOT / ".ci/run"]
    assert [str(path) for path in texts if later.search(path.read_text("utf-8"))] == []


@pytest.mark.slow
def test_every_test_states_its_behaviour() -> None:
    """Each test function has a docstring of one sentence that names the behaviour."""
    tests = [path for path in FILES if path.is_relative_to(ROOT / "tests") and path.name.startswith("test_")]
    nodes = [(path, node) for path in tests for node in ast.walk(ast.parse(path.read_bytes()))]
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in nodes
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_packages_import_nothing() -> None:
    """An `__init__.py` runs before every module of its package, so an import in it may close a circle unseen."""
    packages = [path for path in FILES if path.name == "__init__.py"]
    nodes = [(path, node) for path in packages for node in ast.walk(ast.parse(path.read_bytes()))]
    assert len(packages) > 20
    imports = (ast.Import, ast.ImportFrom)
    assert [
        str(p) for p, node in nodes if isinstance(node, imports) and getattr(node, "module", "") != "__future__"
    ] == []
