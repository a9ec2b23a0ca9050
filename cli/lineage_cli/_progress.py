"""Progress display: bars on a terminal, notes on stderr, or nothing."""

from __future__ import annotations

import os
import sys

from lineage.progress import Progress
from lineage_cli._streams import say


class Notes(Progress):
    """Write the library's notes to stderr, and draw no bars: for pipes and logs."""

    def note(self, message: str) -> None:
        """Write one note."""
        say("note", message)


def listener(*, quiet: bool, bars: bool = True) -> Progress:
    """Choose the progress display: nothing, notes only, or bars on a terminal unless `bars` is false."""
    if quiet:
        return Progress()
    if bars and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from lineage_cli._bars import Bars

        return Bars()
    return Notes()
