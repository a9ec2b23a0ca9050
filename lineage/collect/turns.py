"""What models that are read at the same time share: the turn to write, and what each need not read after another.

Models are read side by side and written one after another. So that no more requests are sent than one at a time, a
model or a content that another thread reads already is waited for. A thread holds at most one model, measures at most
one content at a time, and waits for nothing while it measures: so no two threads can wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.fingerprint.sampling import GroupSample


class Turns:
    """Order the threads that collect into one store."""

    def __init__(self) -> None:
        self.writing = threading.RLock()
        self._guard = threading.Lock()
        self._locks: dict[tuple[str, str], tuple[threading.RLock, int]] = {}
        self._measured: dict[str, GroupFingerprint] = {}
        self._sampled: dict[str, GroupSample] = {}

    @contextmanager
    def _alone(self, kind: str, name: str) -> Iterator[None]:
        """Let one thread at a time into the blocks of one name; a lock is forgotten when its last user leaves."""
        with self._guard:
            lock, users = self._locks.get((kind, name), (threading.RLock(), 0))
            self._locks[kind, name] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks[kind, name]
                if users > 1:
                    self._locks[kind, name] = (lock, users - 1)
                else:
                    del self._locks[kind, name]

    @contextmanager
    def model(self, key: str) -> Iterator[Callable[[str], None]]:
        """Read one model alone. The block is given a function that goes on to the model's key once that is known.

        The first key is let go before the other one is waited for, so that two threads never hold one each.
        """
        with ExitStack() as held:
            held.enter_context(self._alone("model", key))

            def go_on(to: str) -> None:
                if to != key:
                    held.close()
                    held.enter_context(self._alone("model", to))

            yield go_on

    @contextmanager
    def name(self, name: str) -> Iterator[None]:
        """Ask the Hub about one name alone."""
        with self._alone("name", name):
            yield

    @contextmanager
    def content(self, digest: str | None) -> Iterator[GroupFingerprint | None]:
        """Measure one content alone; the block is given what another thread of this run measured of it, if anything."""
        if digest is None:
            yield None
            return
        with self._alone("content", digest):
            yield self._measured.get(digest)

    def measured(self, digest: str | None, found: GroupFingerprint) -> None:
        """Keep what was measured of a content until it is written."""
        if digest is not None:
            self._measured[digest] = found

    @contextmanager
    def sample(self, digest: str) -> Iterator[GroupSample | None]:
        """Sample one content alone; the block is given the sample that another thread of this run took, if any.

        The thread writes it with its own model: the other one may be written later, and edges need the values.
        """
        with self._alone("sample", digest):
            yield self._sampled.get(digest)

    def sampled(self, digest: str, sample: GroupSample) -> None:
        """Keep the sample of a content until it is written."""
        self._sampled[digest] = sample

    def written(self, digests: Iterable[str]) -> None:
        """Forget what the store has now."""
        for digest in digests:
            self._measured.pop(digest, None)
            self._sampled.pop(digest, None)
