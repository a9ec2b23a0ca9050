"""What a run of the tests owes to Neo4j: fetched before a test's time runs, told at the end, never left out in CI."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.support.neo4j_server import GIVEN_URI, IDS
from tools.neo4j_jars import VERSIONS, fetched, kept


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Keep the tests of a server in one process, and those of a file: what they share is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return _server(nodeid) or nodeid.partition("::")[0]


class Neo4jRun:
    """Share the tests out by server, say what is fetched, and count them for whoever reads the closing lines."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ran: Counter[str] = Counter()
        self._told: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Begin with the tests on servers, which take longest."""
        items.sort(key=lambda item: item.get_closest_marker("neo4j") is None)

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
        """Count a test that ran on a server, and was not skipped."""
        if report.when == "call" and "neo4j" in report.keywords and not report.skipped:
            self._ran[_server(report.nodeid)] += 1

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Have a whole run in CI fail where no test ran on a server."""
        if exitstatus == pytest.ExitCode.OK and self._missed():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell how many tests ran on which server."""
        for name, count in sorted(self._ran.items()):
            terminalreporter.write_line(f"{count} tests ran on {_title(name)}")
        for name in self._missed():
            terminalreporter.write_line(f"FAILED: CI is set, and no test ran on {_title(name)}", red=True)

    def _missed(self) -> list[str]:
        """Name the servers on which no test of a whole run in CI ran. Who chose tests knows what they left out."""
        option = self._config.option
        whole = self._config.args_source is pytest.Config.ArgsSource.TESTPATHS and not option.collectonly
        if not os.environ.get("CI") or not whole or option.keyword or option.markexpr or _is_worker(self._config):
            return []
        return [name for name in IDS if not self._ran[name]]

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


def _is_worker(config: pytest.Config) -> bool:
    """Tell a process that was started by another one to share its tests out."""
    return hasattr(config, "workerinput")


def _server(test: str) -> str:
    """Read from a test's id which server it runs on."""
    return next((name for name in IDS if name in test), "")


def _title(name: str) -> str:
    return f"Neo4j {VERSIONS[name]}" if name in VERSIONS else "the Neo4j server that was given"
