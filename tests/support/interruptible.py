"""Children that SIGINT ends, also where the run of the tests ignores it itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """Start processes in this block that heed SIGINT.

    A child inherits SIG_IGN, from `nohup`, a shell's background or a CI runner, and a Python that starts with it
    installs no handler. A handler is not inherited: the child of a process with one starts with the default.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
