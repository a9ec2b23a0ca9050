"""The names of failed tests at the end of a run's output."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """List the failed tests last, a line each.

    In CI pytest prints each assertion in full, also in its own summary: 200 lines of one difference hide the names of
    the other tests from a reader who sees the end of the log only.
    """
    yield
    for outcome in ("failed", "error"):
        for report in terminalreporter.getreports(outcome):
            terminalreporter.write_line(f"{outcome}: {report.nodeid}", red=True)
