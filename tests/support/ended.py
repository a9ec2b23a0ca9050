"""How a command ends that cannot do what it was asked."""

from __future__ import annotations

import subprocess

from click.testing import CliRunner

from lineage_cli.main import main


def here(store: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a store in this process, where a test says how long a server that is away is tried again."""
    done = CliRunner().invoke(main, [*arguments, "--store", store])
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Hold a command to an error that a person can use: exit code 2, these words, a hint, no traceback."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    for word in (*words, "hint"):
        assert word in done.stderr.lower(), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
