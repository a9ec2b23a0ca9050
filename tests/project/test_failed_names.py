"""The end of a run's output names every test that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shared import ROOT

TESTS = """
import pytest

@pytest.fixture
def broken():
    raise OSError("no server")

def test_long(): pytest.fail("a line\\n" * 300)
def test_short(): assert not "a"
def test_of_a_fixture(broken): pass
def test_right(): pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--numprocesses=2",)])
def test_the_last_lines_name_what_failed(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Whatever a test prints about its failure, its name is among the last lines."""
    (tmp_path / "conftest.py").write_text("from tests.support.failed_names import pytest_terminal_summary\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CI": "true"},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    *_, first, second, third, closing = done.stdout.splitlines()
    assert sorted([first, second]) == ["failed: test_some.py::test_long", "failed: test_some.py::test_short"]
    assert third == "error: test_some.py::test_of_a_fixture"
    assert "2 failed, 1 passed, 1 error" in closing
