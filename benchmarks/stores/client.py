"""Whole commands as users run them, with the time and the memory that they took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LINEAGE = (sys.executable, "-m", "lineage_cli")


class Ran(NamedTuple):
    """One command that succeeded."""

    seconds: float
    peak_mib: int
    output: str


def ran(command: Sequence[str], env: Mapping[str, str] | None = None) -> Ran:
    """Run a command to its end. Raises RuntimeError with its output if it fails."""
    start = time.perf_counter()
    peak = 0
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, **(env or {})}) as process:
            while process.poll() is None:
                peak = max(peak, memory(process.pid, "VmHWM"))
                time.sleep(0.05)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors.read()[-2000:]}")
        return Ran(time.perf_counter() - start, peak, output.read())


def memory(pid: int | str = "self", name: str = "VmRSS") -> int:
    """Return the MiB of memory that a process has (VmRSS), or had at most (VmHWM); 0 if that is not known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{name}:")), 0)
