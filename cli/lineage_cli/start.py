"""The entry point, which runs before the command line is imported: that takes longer than some commands."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself takes longer than all else here
import atexit
import os
import sys

from lineage_cli import INTERRUPTED, INTERRUPTED_HINT, INTERRUPTED_MESSAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


def main() -> None:
    """Import the command line and run it; SIGINT is reported as a message from the start.

    During imports no work has begun, so the process exits at once: an exception could surface anywhere in the import
    machinery, and then as a traceback. A process that was started with SIGINT ignored (`nohup`, a background job of a
    shell) keeps ignoring it.
    """
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, _leave)
    from lineage_cli.main import main as run

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:  # raised outside the handlers of `run`
        _leave(signal.SIGINT, None)
    except SystemExit as end:
        if interruptible:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # done: no traceback while Python shuts down
        _exit_at_once(end.code)
        raise


def _leave(number: int, frame: FrameType | None) -> None:
    """Report the interruption and exit."""
    try:
        os.write(2, f"error: {INTERRUPTED_MESSAGE}\nhint: {INTERRUPTED_HINT}\n".encode())
    finally:  # even if stderr is closed
        os._exit(INTERRUPTED)


def _exit_at_once(code: object) -> None:
    """Exit without freeing each object, which takes 5 % of a short command; the system frees memory at once.

    Handlers of `atexit` run before. Nothing is done while other threads run, or a profiler or debugger measures.
    """
    import threading

    if not isinstance(code, int) or threading.active_count() > 1 or sys.getprofile() or sys.gettrace():
        return
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):  # the usual way reports it
        return
    os._exit(code)
