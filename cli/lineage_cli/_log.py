"""`-v`, `-vv` and LINEAGE_LOG: log records of the library, one line each, on stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from lineage_cli._streams import silence

if TYPE_CHECKING:
    import logging

LEVELS = {"warning": 30, "info": 20, "debug": 10}
"""The values of LINEAGE_LOG."""


def wanted_level(verbose: int) -> int | None:
    """Return the lowest level that is shown, None for no records; `-v` and `-vv` take precedence over LINEAGE_LOG.

    Raises UsageError for any other value of LINEAGE_LOG.
    """
    if verbose:
        return LEVELS["info"] if verbose == 1 else LEVELS["debug"]
    named = os.environ.get("LINEAGE_LOG", "").strip().lower()
    if not named:
        return None
    if named not in LEVELS:
        raise click.UsageError(f"LINEAGE_LOG is {named!r}; write debug, info or warning")
    return LEVELS[named]


def listen(level: int) -> None:
    """Show the records of the library until the command ends. Records of other libraries are not shown."""
    import logging

    handler = _handler()
    logger = logging.getLogger("lineage")
    before = logger.level
    logger.setLevel(level)
    logger.addHandler(handler)

    def stop() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    click.get_current_context().call_on_close(stop)


def _handler() -> logging.Handler:
    """Make a handler that writes `2026-11-29T18:33:58.120Z DEBUG lineage.hub.git.program: git fetch …`."""
    import logging
    import time

    from lineage.report.text import visible

    class OneLine(logging.Formatter):
        converter = staticmethod(time.gmtime)

        def format(self, record: logging.LogRecord) -> str:
            return visible(super().format(record))

    class Stderr(logging.StreamHandler[TextIO]):
        def handleError(self, record: logging.LogRecord) -> None:
            silence(sys.stderr)

    handler = Stderr(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"))
    return handler
