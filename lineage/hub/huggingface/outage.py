"""A Hub that does not respond is given up: without that, each model of a run would wait for all retries again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lineage.errors import NoAnswerError
from lineage.log import Log
from lineage.progress import Progress

LOG = Log(__name__)

GIVEN_UP_SECONDS = 300.0
"""How long a Hub is not asked again: longer than any run takes that cannot ask it, and no end for a service."""

SILENT_MODELS = 2
"""Models that failed one after another, with nothing answered between, before a Hub that accepts connections is given
up: one model may be the only one that fails."""


class Outage:
    """Count answers and failures of one Hub, and decide when it is given up. Safe to use from several threads."""

    def __init__(self, host: str, progress: Progress, clock: Callable[[], float]) -> None:
        self._host, self._progress, self._clock = host, progress, clock
        self._lock = threading.Lock()
        self._failed: set[str] = set()
        self._noted: set[str] = set()
        self._reason = ""
        self._until = 0.0
        self.answers = 0

    def answered(self) -> None:
        """Record that the Hub responds."""
        with self._lock:
            self.answers += 1
            self._failed.clear()

    def failed(self, what: str, reason: str, *, answers: int, is_refused: bool) -> None:
        """Record that a request failed in all its tries; `answers` is the count of answers when it was first sent.

        A Hub that accepts no connection and answered nothing meanwhile is given up at once.
        """
        with self._lock:
            if answers != self.answers:
                return
            self._failed.add(what)
            if not is_refused and len(self._failed) < SILENT_MODELS:
                return
            is_new = self._clock() >= self._until
            self._reason, self._until = reason, self._clock() + GIVEN_UP_SECONDS
        if is_new:
            LOG.warning("%s is given up: %s", self._host, reason)
            self._progress.note(f"{self._host} does not respond ({reason}): it is not asked again in this run")

    def check(self) -> None:
        """Raise NoAnswerError if the Hub was given up."""
        if self._until and self._clock() < self._until:
            raise NoAnswerError(f"not asked, because {self._host} does not respond ({self._reason})")

    def is_news(self, what: str, reason: str, *, is_refused: bool) -> bool:
        """Return whether a wait is worth a note: one for each model and reason, one for all if the Hub is down."""
        key = reason if is_refused else f"{what}: {reason}"
        with self._lock:
            if key in self._noted:
                return False
            self._noted.add(key)
            return True
