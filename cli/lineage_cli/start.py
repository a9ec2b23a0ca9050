"""The first moments: what happens before the command line is imported, which takes longer than some commands."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself takes longer than all else here
import os

from lineage_cli import INTERRUPTED, INTERRUPTED_HINT, INTERRUPTED_MESSAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


def main() -> None:
    """Import the command line and run it; an interruption is told in words from the first line on.

    While modules are imported nothing was begun yet, so that the process ends at once: an exception could surface
    anywhere in the import machinery, and then as a traceback. A process that was told to ignore interruptions
    (`nohup`, a shell's background) goes on ignoring them.
    """
    heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds:
        signal.signal(signal.SIGINT, _leave)
    from lineage_cli.main import main as run

    if heeds:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:  # between two lines that catch it
        _leave(signal.SIGINT, None)
    finally:
        if heeds:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said: no word more while Python cleans up


def _leave(number: int, frame: FrameType | None) -> None:
    """Say that it was interrupted, and end."""
    try:
        os.write(2, f"error: {INTERRUPTED_MESSAGE}\nhint: {INTERRUPTED_HINT}\n".encode())
    finally:  # whether or not anybody listens
        os._exit(INTERRUPTED)
