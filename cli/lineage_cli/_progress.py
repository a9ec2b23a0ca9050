"""Who listens to the library while it works: a log, bars on a terminal, or nobody."""

from __future__ import annotations

import os
import sys

from lineage.progress import Progress
from lineage_cli._streams import say


class Notes(Progress):
    """Write what the library tells a person to stderr, and draw nothing: for pipes and logs."""

    def note(self, message: str) -> None:
        """Write one note."""
        say("note", message)


def listener(*, quiet: bool) -> Progress:
    """Choose who listens to the library: nobody, a log, or a terminal with bars."""
    if quiet:
        return Progress()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from lineage_cli._bars import Bars

        return Bars()
    return Notes()
