"""Progress as an injected listener: the library reports to it, the command line displays it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Task:
    """One task that takes a while; this base class ignores its progress."""

    def advance(self, amount: int = 1) -> None:
        """Report that `amount` more units are done."""

    def retotal(self, total: int) -> None:
        """Correct the expected number of units once it is known better."""


class SharedTask(Task):
    """Pass on the progress of several threads to a task that need not expect more than one."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._lock = threading.Lock()

    def advance(self, amount: int = 1) -> None:
        """Report that `amount` more units are done."""
        with self._lock:
            self._task.advance(amount)


class Progress:
    """Receive the progress of the library, from several threads at a time. This base class ignores it: the default."""

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Start a task of `total` units (`B` counts bytes); it ends with the block, also after an exception."""
        yield Task()

    def note(self, message: str) -> None:
        """Report something to the user that is not part of an answer: a wait, a fallback, a limit."""


SILENT = Progress()
