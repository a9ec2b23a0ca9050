"""`lineage store` as a process: exit codes, pipes, and which output goes to which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.cli.running import environment, lineage
from tests.support.graphs import FAMILY, model
from tests.support.shared import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Fill a store in a file with a model and the models that derive from it."""
    with open_store(str(tmp_path / "graph.db")) as store:
        store.write(GraphBatch(models=FAMILY.models[:0], stubs=FAMILY.stubs, derivations=FAMILY.derivations[1:]))
    return tmp_path / "graph.db"


@pytest.mark.slow
def test_a_store_is_copied_and_the_copy_completed(path: Path, tmp_path: Path) -> None:
    """The command copies, reports it, and writes nothing the second time."""
    first = lineage("store", "copy", path, tmp_path / "copy.db")
    assert (first.returncode, first.stderr) == (0, "")
    assert "both stores have the same" in first.stdout
    again = json.loads(lineage("store", "copy", path, tmp_path / "copy.db", "--format", "json").stdout)
    assert (again["schema"], again["written"]) == ("store-copy.v1", 0)


@pytest.mark.slow
def test_a_copy_that_is_not_possible_is_an_error(path: Path, tmp_path: Path) -> None:
    """A misspelt source, a target that holds something else, one store named twice: exit code 2 and a hint."""
    with open_store(str(tmp_path / "used.db")) as store:
        store.write(GraphBatch(models=(model("some/other"),)))
    for source, target, words in (
        (tmp_path / "missing.db", tmp_path / "new.db", "does not exist"),
        (path, tmp_path / "used.db", "some/other"),
        (path, f"sqlite:///{path}", "the same store"),
    ):
        done = lineage("store", "copy", source, target)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert "hint: " in done.stderr
    assert not (tmp_path / "new.db").exists()


@pytest.mark.slow
def test_a_backup_goes_through_a_pipe(path: Path, tmp_path: Path) -> None:
    """`export -` writes only the file to stdout, and `import -` reads it from stdin."""
    exported = lineage("store", "export", "-", "--store", path)
    assert (exported.returncode, exported.stderr) == (0, "")
    assert json.loads(exported.stdout.splitlines()[0])["format"] == "lineage-graph"
    imported = lineage("store", "import", "-", "--store", tmp_path / "new.db", "--json", stdin=exported.stdout)
    assert imported.returncode == 0
    assert json.loads(imported.stdout)["equal"] is True
    assert lineage("store", "export", "-", "--store", tmp_path / "new.db").stdout == exported.stdout


@pytest.mark.slow
def test_a_truncated_backup_is_rejected(path: Path, tmp_path: Path) -> None:
    """The error names the line, nothing is written, exit code 2."""
    whole = lineage("store", "export", "-", "--store", path).stdout
    done = lineage("store", "import", "-", "--store", tmp_path / "new.db", stdin=whole[: len(whole) // 2])
    assert done.returncode == 2
    assert "standard input line " in done.stderr
    assert not (tmp_path / "new.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "graphml", "neo4j-csv"])
def test_every_form_is_written(path: Path, tmp_path: Path, form: str) -> None:
    """The file or folder is written, and the answer shows the command that imports it."""
    out = tmp_path / f"out of {form}"
    done = lineage("store", "export", out, "--format", form, "--store", path)
    assert done.returncode == 0
    assert out.exists()
    commands = {"jsonl": "lineage store import", "neo4j-csv": "neo4j-admin database import full", "graphml": "Model"}
    assert commands[form] in done.stdout


def test_a_reader_that_stops_early_is_not_an_error(path: Path) -> None:
    """`lineage store export - | head -1` ends without a traceback."""
    command = f"'{sys.executable}' -m lineage store export - --store '{path}' | head -1"
    done = subprocess.run(command, shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_findings_are_an_exit_code(path: Path) -> None:
    """The code is 0 for a clean store, and 1 for one with findings, which the answer counts by id."""
    assert lineage("store", "check", "--store", path).returncode == 0
    with open_store(str(path)) as store:
        store.write(GraphBatch(models=(model("a/b", head="gone"),)))
    done = lineage("store", "check", "--store", path, "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["counts"] == {"head-without-revision": 1}
