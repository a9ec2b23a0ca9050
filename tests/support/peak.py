"""How much memory a piece of code takes: measured in a process of its own, because a peak never goes down."""

from __future__ import annotations

import subprocess
import sys

from tests.support.shared import ROOT

_MEASURE = """
import resource, sys, time
sys.path.insert(0, {root!r})
{setup}
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
{code}
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, time.process_time() - began)
"""


def peak_of(setup: str, code: str) -> tuple[int, float]:
    """Return by how many MB the largest resident size grows while `code` runs after `setup`, and its CPU seconds.

    The growth is from the peak of `setup`, which must not take more than it leaves behind.
    """
    unit = "" if sys.platform == "linux" else "* 1024"  # macOS counts bytes
    script = _MEASURE.format(root=str(ROOT), setup=setup, code=code).replace("// 1024", f"// (1024 {unit})")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    growth, seconds = done.stdout.split()
    return int(growth), float(seconds)
