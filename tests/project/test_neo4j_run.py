"""A test run reports which Neo4j servers it used, and fails in CI if it used none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.neo4j_run import workers
from tests.support.neo4j_server import jars
from tests.support.shared import ROOT
from tools.neo4j_jars import ENVIRON, VERSIONS, fetched, kept

pytestmark = pytest.mark.slow

IDS = tuple(VERSIONS)

CONFTEST = """
from tests.support.neo4j_run import Neo4jRun

def pytest_configure(config):
    config.addinivalue_line("markers", "neo4j: as ours")
    config.pluginmanager.register(Neo4jRun(config))
"""

TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("server", [pytest.param(name, marks=pytest.mark.neo4j) for name in os.environ["ON"].split()])
def test_on_a_server(server, number):
    if server in os.environ["SKIPPED"].split():
        pytest.skip("no server")
    with open("where", "a") as file:
        file.write(f"{server} {os.environ.get('PYTEST_XDIST_WORKER')}\\n")

@pytest.mark.neo4j
@pytest.mark.parametrize("server", os.environ["ON"].split()[-1:])
def test_on_one_version(server):
    if server in os.environ["SKIPPED"].split():
        pytest.skip("no server")

def test_without():
    pass
"""

LEFT = f"20 tests on Neo4j {VERSIONS['neo4j-lts']} left to CI; they ran on Neo4j {VERSIONS['neo4j-current']}"


def outcome(
    folder: Path, *options: str, ci: str = "true", on: tuple[str, ...] = IDS, skipped: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run tests that would use servers, some of them skipped; return the exit code and the output."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "tests/contract").mkdir(parents=True)
    for file in ("test_some.py", "tests/contract/test_contract.py"):
        (folder / file).write_text(TESTS.replace("where", f"where-{Path(file).stem}"))
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    (folder / "neo4j").mkdir()
    (folder / "neo4j/test_codec.py").write_text("def test_without(): pass\n")
    for version in VERSIONS.values():
        there = folder / "cache" / kept(version).relative_to(kept(version).parents[1])
        (there / "environments" / "modules").mkdir(parents=True)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache"), "CI": ci}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib", *options],
        env={**env, "ON": " ".join(on), "SKIPPED": " ".join(skipped)},
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("options", [(), ("--numprocesses=2",)])
def test_each_server_is_counted(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A run that used every server passes and reports the number of tests of each, with and without processes."""
    code, printed = outcome(tmp_path, *options)
    assert code == 0, printed
    assert printed.count("40 tests ran on") + printed.count("42 tests ran on") == len(IDS)
    assert printed.count(" ran on ") == len(IDS)
    assert "left to CI" not in printed


@pytest.mark.parametrize(
    ("ci", "options"),
    [("", ()), ("", ("--numprocesses=2",)), ("true", ("-m", "neo4j")), ("true", ("tests", "test_some.py"))],
)
def test_one_version_is_enough_outside_ci(tmp_path: Path, ci: str, options: tuple[str, ...]) -> None:
    """Unless CI runs all, only contracts and tests of that version run on the older one; the rest is counted."""
    code, printed = outcome(tmp_path, *options, ci=ci)
    assert code == 0, printed
    assert LEFT in printed
    assert on_servers(tmp_path / "where-test_some") == {"neo4j-current": 20}
    assert on_servers(tmp_path / "where-test_contract") == {"neo4j-current": 20, "neo4j-lts": 20}
    assert f"22 tests ran on Neo4j {VERSIONS['neo4j-lts']}" in printed


def on_servers(log: Path) -> dict[str, int]:
    """Count the tests of a file by the server that they recorded."""
    return dict(Counter(line.split()[0] for line in log.read_text().splitlines()))


@pytest.mark.parametrize("options", [("-k", "lts and some"), ("test_some.py::test_on_a_server[neo4j-lts-7]",)])
def test_a_version_that_is_asked_for_is_used(tmp_path: Path, options: tuple[str, ...]) -> None:
    """If the older version is selected by name, its tests run everywhere."""
    code, printed = outcome(tmp_path, *options, ci="")
    assert code == 0, printed
    assert set(on_servers(tmp_path / "where-test_some")) == {"neo4j-lts"}
    assert "left to CI" not in printed


def test_a_server_has_one_process(tmp_path: Path) -> None:
    """With several processes, the tests of one server run in one process, those of the other in another."""
    outcome(tmp_path, "--numprocesses=2", "--no-loadscope-reorder")
    pairs = {line for log in tmp_path.glob("where-*") for line in log.read_text().splitlines()}
    assert len(pairs) == len({pair.split()[1] for pair in pairs}) == len(IDS)


@pytest.mark.parametrize(("options", "processes"), [((), 2), (("-m", "not neo4j"), 3), (("test_some.py",), 0)])
def test_a_run_has_as_many_processes_as_it_can_use(
    options: tuple[str, ...], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run has one process per version of Neo4j, one per core without Neo4j, and one in total for named tests."""
    source = pytest.Config.ArgsSource.ARGS if "test_some.py" in options else pytest.Config.ArgsSource.TESTPATHS
    config = SimpleNamespace(args_source=source, option=SimpleNamespace(markexpr="".join(options[1:])))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert workers(cast("pytest.Config", config)) == processes


@pytest.mark.parametrize("skipped", [IDS, IDS[:1]])
def test_ci_fails_where_a_server_had_no_test(tmp_path: Path, skipped: tuple[str, ...]) -> None:
    """In CI a run fails if the tests of all versions, or of one version, were skipped."""
    code, printed = outcome(tmp_path, skipped=skipped)
    assert code == 1
    assert printed.count("FAILED: CI is set, and no test ran on") == len(skipped)


def test_ci_fails_where_such_tests_are_gone(tmp_path: Path) -> None:
    """In CI a run without any such test fails like one in which all were skipped."""
    assert outcome(tmp_path, on=())[0] == 1


def test_elsewhere_a_skip_is_a_skip(tmp_path: Path) -> None:
    """Without CI the tests may be skipped."""
    assert outcome(tmp_path, ci="", skipped=IDS)[0] == 0


@pytest.mark.parametrize("options", [("-k", "without"), ("-m", "not neo4j"), ("test_some.py::test_without",)])
def test_a_selection_of_tests_may_leave_them_out(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A run of selected tests does not fail, even in CI."""
    assert outcome(tmp_path, *options)[0] == 0


def test_a_server_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tests are skipped with the reason, and fail if CI is set."""
    version = "0.0.0-not-there"
    monkeypatch.setattr("tools.neo4j_jars._RESOLVE", "raise SystemExit('no such version')")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="cannot be fetched: no such version"):
        jars(version)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="cannot be fetched: no such version"):
        jars(version)


def test_a_server_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete download is found again; an incomplete one leaves nothing that is mistaken for it."""
    script = """
import os, pathlib
folder = pathlib.Path(os.environ['JGO_CACHE_DIR'], 'some', 'modules')
folder.mkdir(parents=True)
pathlib.Path(os.environ['M2_REPO']).mkdir()
"""
    monkeypatch.setitem(ENVIRON, "XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("tools.neo4j_jars._RESOLVE", script + "raise SystemExit('cut')")
    assert fetched("1.half") == "Neo4j 1.half cannot be fetched: cut"
    assert not list(kept("").parent.iterdir())
    monkeypatch.setattr("tools.neo4j_jars._RESOLVE", script)
    folder = fetched("1.whole")
    monkeypatch.setattr("tools.neo4j_jars._RESOLVE", "raise SystemExit('asked again')")
    fetched.cache_clear()
    assert isinstance(folder, Path)
    assert fetched("1.whole") == folder
    assert folder.is_dir()
