"""Run a command in this process, and check that it ended with an error."""

from __future__ import annotations

import subprocess

from click.testing import CliRunner

from lineage_cli.main import main


def here(store: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a store in this process, where a test can shorten the time for retries."""
    done = CliRunner().invoke(main, [*arguments, "--store", store])
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def assert_error(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check for a useful error: exit code 2, these words, a hint, no traceback."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    for word in (*words, "hint"):
        assert word in done.stderr.lower(), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
