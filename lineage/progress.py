"""Progress as an injected listener: rooms tell it what they do, the command line shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Task:
    """One piece of work that takes a while; does nothing but be told about it."""

    def advance(self, amount: int = 1) -> None:
        """Tell that `amount` more units are done."""

    def retotal(self, total: int) -> None:
        """Correct the expected number of units once it is known better."""


class Progress:
    """Listen to what the library does. This one is silent: libraries and pipes use it as it is."""

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Open a piece of work of `total` units (`B` counts bytes); closed when the block ends, however it ends."""
        yield Task()

    def note(self, message: str) -> None:
        """Tell a person something that belongs to no answer: a wait, a fallback, a cap."""


SILENT = Progress()
