"""How a run uses Neo4j servers: which tests run on which version, fetched in time, counted at the end, required in CI.

Both versions run the contract suite, `tests/contract`. Every other test that is there for both versions runs on the
current one only, except in a whole run where `CI` is set: what was left out is counted in the closing lines.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.support.neo4j_server import GIVEN_URI, IDS
from tools.neo4j_jars import VERSIONS, fetched, kept

CONTRACT = "tests/contract/"
"""The tests that run on every version in every run."""

CURRENT = next(iter(VERSIONS))
"""The version that the other tests run on."""


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Keep the tests of a server in one process, and those of a file: what they share is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return _server(nodeid) or nodeid.partition("::")[0]


class Neo4jRun:
    """Share the tests out by server, say what is fetched, and count them for the closing lines."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ran: Counter[str] = Counter()
        self._told: set[str] = set()
        self._left_out = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what only CI runs, and begin with the tests on servers, which take longest.

        Last of the hooks, after `-m` and `-k`: a test that was chosen on one version alone runs on it.
        """
        if not self._in_ci():
            left_out = left_to_ci([item.nodeid for item in items if item.get_closest_marker("neo4j")])
            self._config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
            items[:] = [item for item in items if item.nodeid not in left_out]
            self._left_out = len(left_out)
        items.sort(key=lambda item: item.get_closest_marker("neo4j") is None)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let the workers collect the same tests: they do not see whether tests were named."""
        node.workerinput["lineage_in_ci"] = self._in_ci()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over how many tests a worker left out: each collects the whole run."""
        self._left_out = max(self._left_out, getattr(node, "workeroutput", {}).get("lineage_left_out", 0))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> ByServer:
        """Share the tests out to processes in our way."""
        return ByServer(config, log)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say which servers will be downloaded for the tests of this process."""
        if not _is_worker(self._config) and not self._config.option.collectonly:
            self._tell(item.nodeid for item in session.items if item.get_closest_marker("neo4j"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Say it for the tests of the workers, which cannot print."""
        self._tell(ids)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Fetch a server before its first test begins: inside a test it would be silence, then a time-out."""
        if item.get_closest_marker("neo4j") and (name := _server(item.nodeid)) in VERSIONS:
            fetched(VERSIONS[name])
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that ran on a server, and was not skipped. Folders called neo4j are keywords too."""
        name = _server(report.nodeid)
        if report.when == "call" and name and "neo4j" in report.keywords and not report.skipped:
            self._ran[name] += 1

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Have a whole run in CI fail where no test ran on a server."""
        if _is_worker(self._config):
            self._config.workeroutput["lineage_left_out"] = self._left_out  # type: ignore[attr-defined]
        if exitstatus == pytest.ExitCode.OK and self._missed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell how many tests ran on which server."""
        for name, count in sorted(self._ran.items()):
            terminalreporter.write_line(f"{count} tests ran on {_title(name)}")
        if self._left_out:
            others = " and ".join(_title(name) for name in VERSIONS if name != CURRENT)
            ran = f"they ran on {_title(CURRENT)}"
            terminalreporter.write_line(f"{self._left_out} tests on {others} left to CI; {ran}")
        for name in self._missed():
            terminalreporter.write_line(f"FAILED: CI is set, and no test ran on {_title(name)}", red=True)

    def _missed(self) -> list[str]:
        """Name the servers on which no test of a whole run in CI ran; a run of chosen tests has none."""
        if not self._in_ci() or self._config.option.collectonly or _is_worker(self._config):
            return []
        return [name for name in IDS if not self._ran[name]]

    def _in_ci(self) -> bool:
        """Say whether this is a whole run, no test named or chosen, where `CI` is set."""
        if _is_worker(self._config):
            return bool(self._config.workerinput.get("lineage_in_ci"))  # type: ignore[attr-defined]
        option = self._config.option
        named = self._config.args_source is not pytest.Config.ArgsSource.TESTPATHS
        return bool(os.environ.get("CI")) and not (named or option.keyword or option.markexpr)

    def _tell(self, tests: Iterable[str]) -> None:
        """Say of each server that is not here yet, once, that its download begins."""
        wanted = {_server(test) for test in tests} & VERSIONS.keys() - self._told
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or GIVEN_URI:
            return
        for name in sorted(wanted):
            self._told.add(name)
            if not kept(VERSIONS[name]).is_dir():
                reporter.ensure_newline()
                reporter.write_line(f"Neo4j {VERSIONS[name]} is downloaded first: 180 MB, some minutes, once")


def left_to_ci(tests: Iterable[str]) -> set[str]:
    """Find the tests on another version than the current one that run on the current one as well, contracts excepted.

    A test that names one version only (`[zoo-neo4j-lts]` without a `[zoo-neo4j-current]`) stays.
    """
    known = set(tests)
    others = {test: name for test in known if (name := _server(test)) in VERSIONS and name != CURRENT}
    return {
        test for test, name in others.items() if not test.startswith(CONTRACT) and test.replace(name, CURRENT) in known
    }


def workers(config: pytest.Config) -> int:
    """Choose the number of processes: named tests run in this one, a whole run in one for each Neo4j version.

    A whole run without Neo4j (`-m "not neo4j"`) has a process for each core that it may use.
    """
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    if "not neo4j" in config.option.markexpr:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return len(VERSIONS)


def _is_worker(config: pytest.Config) -> bool:
    """Tell a process that was started by another one to share its tests out."""
    return hasattr(config, "workerinput")


def _server(test: str) -> str:
    """Read from a test's id which server it runs on."""
    return next((name for name in IDS if name in test), "")


def _title(name: str) -> str:
    return f"Neo4j {VERSIONS[name]}" if name in VERSIONS else "the Neo4j server that was given"
