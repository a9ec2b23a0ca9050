"""Bars for long tasks, on terminals only; notes everywhere; neither with --quiet."""

from __future__ import annotations

import re

import pytest

from lineage.progress import SILENT, Progress
from lineage_cli._bars import Bars
from lineage_cli._progress import Notes, listener
from tests.cli.running import on_terminal, python

pytestmark = pytest.mark.slow

WORK = """
import time
from lineage_cli._progress import listener
progress = listener(quiet={quiet})
with progress.task("reading \\x1b[31mmodel.safetensors", total=4_000_000, unit="B") as task:
    task.advance(1_000_000)
    time.sleep({seconds})
    progress.note("waiting \\x1b[2Jfor the Hub")
    with progress.task("inside") as inner:
        inner.advance()
        time.sleep({seconds})
    task.retotal(2_000_000)
    task.advance(1_000_000)
    time.sleep({seconds} / 4)
print("done")
"""


def work(seconds: float, *, quiet: bool = False) -> str:
    """Write Python code with two tasks that each take the given time."""
    return WORK.format(seconds=seconds, quiet=quiet)


def test_a_long_task_gets_a_bar_on_a_terminal() -> None:
    """After a second a bar shows the progress in readable units, with hostile names neutralised, until the end."""
    seen = on_terminal(["-c", work(1.6)])
    assert "reading \\x1b[31mmodel.safetensors" in seen
    assert "1.0 MB/4.0 MB" in seen
    assert "2.0 MB/2.0 MB" in seen
    assert "inside" in seen
    assert "note: waiting \\x1b[2Jfor the Hub" in seen
    assert "\x1b[2J" not in seen
    assert re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", seen).rstrip().endswith("done")


def test_quick_work_gets_no_bar() -> None:
    """A task that ends within a second draws nothing; its note is one plain line."""
    assert on_terminal(["-c", work(0.01)]) == "note: waiting \\x1b[2Jfor the Hub\ndone\n"


def test_a_pipe_gets_notes_only() -> None:
    """A pipe receives notes and never a bar."""
    done = python(work(1.2))
    assert done.stderr == b"note: waiting \\x1b[2Jfor the Hub\n"
    assert done.stdout == b"done\n"


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_is_quiet(quiet: bool) -> None:
    """--quiet suppresses notes."""
    seen = on_terminal(["-c", work(0.01, quiet=quiet)])
    assert ("note:" in seen) is not quiet


def test_the_choice_of_the_display() -> None:
    """--quiet displays nothing, a pipe and a dumb terminal get notes, any other terminal gets bars."""
    assert type(listener(quiet=True)) is type(SILENT) is Progress
    assert isinstance(listener(quiet=False), Notes)
    code = "from lineage_cli._progress import listener; print(type(listener(quiet=False)).__name__)"
    assert on_terminal(["-c", code]) == "Bars\n"
    assert on_terminal(["-c", code], TERM="dumb") == "Notes\n"


def test_a_task_that_fails_ends_its_bar() -> None:
    """An error inside a task reaches the caller and leaves no bar behind."""
    bars = Bars(delay=0.0)

    def fail() -> None:
        with bars.task("reading") as task:
            task.advance()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert bars._drawing is None
