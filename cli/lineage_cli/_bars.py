"""Progress bars on a terminal, for tasks that take longer than a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lineage.progress import Progress, Task
from lineage.redaction import without_secrets
from lineage.report.text import visible
from lineage_cli._streams import say

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

DELAY = 1.0
"""Seconds that a task runs before its bar is drawn."""


class DrawnTask(Task):
    """Count the finished units, and update the bar once it is drawn."""

    def __init__(self, bars: Bars, description: str, total: int | None, unit: str) -> None:
        self.description, self.total, self.unit = visible(description), total, unit
        self.done = 0
        self.bar: TaskID | None = None
        self.ended = False
        self._bars = bars

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more."""
        self.done += amount
        self._bars.move(self)

    def retotal(self, total: int) -> None:
        """Correct the total."""
        self.total = total
        self._bars.move(self)


class Bars(Progress):
    """Draw a bar for each task that takes longer than `delay`; rich is imported with the first bar.

    Each task has its own timer, so that a task without progress for a while (a fetch, one big file) gets a bar too.
    """

    def __init__(self, delay: float = DELAY) -> None:
        self._delay = delay
        self._lock = threading.RLock()
        self._drawing: RichProgress | None = None
        self._drawn: list[DrawnTask] = []

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Start a task, and draw its bar if it takes long."""
        task = DrawnTask(self, description, total, unit)
        timer = threading.Timer(self._delay, self._draw, [task])
        timer.daemon = True
        timer.start()
        try:
            yield task
        finally:
            timer.cancel()
            self._end(task)

    def note(self, message: str) -> None:
        """Write a note above the bars."""
        with self._lock:
            if self._drawing is None:
                say("note", message)
            else:
                shown = visible(without_secrets(message))
                self._drawing.console.print(f"note: {shown}", markup=False, highlight=False, soft_wrap=True)

    def move(self, task: DrawnTask) -> None:
        """Update a task's bar to the task's progress."""
        if task.bar is None:
            return
        with self._lock:
            if self._drawing is not None:
                self._drawing.update(task.bar, completed=task.done, total=task.total)

    def _draw(self, task: DrawnTask) -> None:
        with self._lock:
            if task.ended:
                return
            drawing = self._drawing
            if drawing is None:
                drawing = self._drawing = _new_drawing()
                drawing.start()
            task.bar = drawing.add_task(task.description, total=task.total, completed=task.done, unit=task.unit)
            self._drawn.append(task)

    def _end(self, task: DrawnTask) -> None:
        with self._lock:
            task.ended = True
            if task.bar is None or self._drawing is None:
                return
            self._drawing.remove_task(task.bar)
            self._drawn.remove(task)
            if not self._drawn:
                self._drawing.stop()
                self._drawing = None


def _new_drawing() -> RichProgress:
    """Make bars on stderr that are erased when they are done."""
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress
    from rich.progress import Task as RichTask
    from rich.text import Text

    from lineage.report.phrases import size

    class Amount(ProgressColumn):
        """Show how much is done, bytes in decimal units."""

        def render(self, task: RichTask) -> Text:
            """Write done and total."""
            in_bytes = task.fields.get("unit") == "B"
            done, total = (
                None if value is None else size(int(value)) if in_bytes else f"{int(value):,}"
                for value in (task.completed, task.total)
            )
            return Text(f"{done}/{total}" if total is not None else f"{done}" if task.completed else "")

    console = Console(stderr=True, highlight=False)
    return RichProgress(
        TextColumn("{task.description}", markup=False), BarColumn(), Amount(), TimeElapsedColumn(),
        console=console, transient=True,
    )  # fmt: skip
