"""Modules that a command must not import, so that it starts fast; `--help` prints from a table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import start_up
from benchmarks.start_up import write_family
from lineage_cli.main import COMMANDS
from tests.cli.running import environment
from tests.support.gguf_values import tensor, write_gguf
from tests.support.shared import ROOT

HEAVY = {"numpy", "gguf", "huggingface_hub", "networkx", "neo4j", "yaml", "asyncio", "httpx2"}

FORBIDDEN_IN_HELP = HEAVY | {
    "pydantic",
    "rich",
    "blake3",
    "sqlite3",
    "importlib.metadata",
    "lineage.answers",
    "logging",
}

LOADED = """
import json, sys
from lineage_cli.main import main
try:
    main({arguments!r})
except SystemExit as end:
    assert end.code == {code}, end.code
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""


def loaded(*arguments: str, code: int = 0) -> set[str]:
    """Run a command in a process of its own and list the modules that it had loaded at its end."""
    text = LOADED.format(arguments=list(arguments), code=code)
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment(), cwd=ROOT
    )
    assert done.stdout
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_help_loads_almost_nothing(arguments: list[str]) -> None:
    """`lineage --help` and `--version` import click and our table: no command, no record, nothing heavy."""
    modules = loaded(*arguments)
    assert modules & FORBIDDEN_IN_HELP == set()
    assert {name for name in modules if name.startswith("lineage_schemas")} == set()
    assert {name for name in modules if name.startswith("lineage_cli.")} == {"lineage_cli.main"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    """`lineage COMMAND --help` opens neither store nor Hub, and imports none of their libraries."""
    assert loaded(command, "--help") & (HEAVY | {"rich", "sqlite3", "blake3"}) == set()


def test_the_lean_command_loads_no_records_before_it_runs() -> None:
    """`fingerprint` does not import pydantic before it runs."""
    assert "pydantic" not in loaded("fingerprint", "--help")


@pytest.mark.slow
def test_only_blocks_of_gguf_load_the_gguf_package(tmp_path: Path) -> None:
    """A sample of plain floats does not import `gguf`, in a GGUF file neither; one of quantised blocks does."""
    values = np.ones((8, 32), np.float32)
    for dtype in ("F16", "Q8_0"):
        path = tmp_path / f"{dtype}.gguf"
        write_gguf(path, {"general.architecture": "llama"}, [tensor("blk.0.ffn_up.weight", values, dtype)])
        assert ("gguf" in loaded("fingerprint", "--sample", str(path))) == (dtype == "Q8_0")


@pytest.mark.slow
def test_a_trace_from_a_warm_store_loads_no_hub(tmp_path: Path) -> None:
    """An answer from the store does not import the Hub's client, although it names the Hub."""
    store = tmp_path / "lineage.db"
    write_family(store)
    for to_format in ("tree", "json", "markdown", "mermaid", "dot"):
        modules = loaded("trace", "blend/merge-7b", "--store", str(store), "--format", to_format)
        assert modules & (HEAVY | {"rich", "blake3", "logging"}) == set()
        answers = {name for name in modules if name.startswith("lineage_schemas.answers.")}
        shared = {f"lineage_schemas.answers.{name}" for name in ("answer", "finding", "incomplete")}
        assert answers == shared | {"lineage_schemas.answers.trace"}


@pytest.mark.slow
def test_the_benchmark_measures_and_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start-up benchmark runs, writes its figures, and fails if a goal is missed."""
    monkeypatch.setattr(start_up, "RESULTS", tmp_path / "results" / "start_up.json")
    assert start_up.main(["--rounds", "1"]) in {0, 1}
    written = json.loads((tmp_path / "results" / "start_up.json").read_text("utf-8"))
    assert set(start_up.GOALS) <= set(written["ratios"])
    assert written["ratios"]["hf"] == 1.0
    monkeypatch.setattr(start_up, "GOALS", {"help": 0.0001})
    assert start_up.main(["--rounds", "1"]) == 1
    with pytest.raises(SystemExit, match="failed: "):
        start_up.cpu([sys.executable, "-c", "raise ValueError"])
