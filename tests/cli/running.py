"""Run the command line as users do: as a process that writes to a pipe or a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.interruptible import interruptible
from tests.support.shared import ROOT

LEFT_OUT = ("COVERAGE_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "LC_", "LANG")


def environment(**more: str) -> dict[str, str]:
    """Copy the environment without what would change the output, with the repository's tests importable."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(LEFT_OUT)}
    return {**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), **more}


def lineage(
    *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `lineage` with pipes."""
    command = [sys.executable, "-m", "lineage", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment(**(env or {})), input=stdin,
        check=False, timeout=120, cwd=ROOT,
    )  # fmt: skip


def python(code: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a piece of Python with pipes, as bytes; SIGINT interrupts it."""
    with interruptible():
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(**env), cwd=ROOT,
        )  # fmt: skip
    out, said = process.communicate(timeout=120)
    return subprocess.CompletedProcess(code, process.returncode, out, said)


def on_terminal(arguments: Sequence[str], *, columns: int = 100, **env: str) -> str:
    """Run Python on a terminal of the given width and return all that appears on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**env), cwd=ROOT
    )
    os.close(theirs)
    seen = bytearray()
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux raises it when the last writer has closed the terminal
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    process.wait(timeout=120)
    return seen.decode("utf-8").replace("\r\n", "\n")
