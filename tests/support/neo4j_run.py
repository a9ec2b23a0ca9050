"""What a run of the tests owes to Neo4j: fetched before the first test, told at the end, never left out in CI."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.support.neo4j_server import GIVEN_URI, IDS, VERSIONS, fetched


class Neo4jRun:
    """Count the tests that run on a server, for whoever reads the closing lines."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ran: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Fetch the servers of the chosen tests, and say so: inside a test it would be silence, then a time-out."""
        if self._config.option.collectonly or GIVEN_URI:
            return
        wanted = {_server(item.nodeid) for item in session.items if item.get_closest_marker("neo4j")}
        for name in sorted(wanted & VERSIONS.keys()):
            self._say(f"Neo4j {VERSIONS[name]}: looking for the server, 180 MB to fetch where it is not here yet")
            if isinstance(found := fetched(VERSIONS[name]), str):
                self._say(found)

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
        if not os.environ.get("CI") or not whole or option.keyword or option.markexpr:
            return []
        return [name for name in IDS if not self._ran[name]]

    def _say(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)


def _server(test: str) -> str:
    """Read from a test's id which server it runs on."""
    return next((name for name in IDS if name in test), "")


def _title(name: str) -> str:
    return f"Neo4j {VERSIONS[name]}" if name in VERSIONS else "the Neo4j server that was given"
