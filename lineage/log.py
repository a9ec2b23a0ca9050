"""A standard library logger for each module that costs nothing unless the program uses `logging`.

Importing `logging` takes a tenth of the time of a command. Only a program that imported it can set a handler or a
level; until then a record would be dropped, so it is not created. Records contain no secrets: every one passes
`lineage.redaction.without_secrets`.
"""

from __future__ import annotations

import sys

from lineage.redaction import without_secrets

ROOT = "lineage"
"""The parent of all our loggers. It has a handler that does nothing: the library is silent by default."""

DEBUG, INFO, WARNING = 10, 20, 30


class Log:
    """Write records to the standard library's logger of a name, usually `__name__`.

    Values are formatted into the message as in `logging`, by `%s` and similar.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, message: str, *values: object) -> None:
        """Record a detail: a request, a git command, a group of weights, what was found in a cache."""
        self._record(DEBUG, message, values)

    def info(self, message: str, *values: object) -> None:
        """Record a step: a store that was opened or migrated, a model that was read, a wait."""
        self._record(INFO, message, values)

    def warning(self, message: str, *values: object) -> None:
        """Record what an answer lacks: a model that could not be read."""
        self._record(WARNING, message, values)

    def _record(self, level: int, message: str, values: tuple[object, ...]) -> None:
        logging = sys.modules.get("logging")
        find = getattr(logging, "getLogger", None)  # not there yet while another thread imports it
        if logging is None or find is None:
            return
        root = find(ROOT)
        if not root.handlers:
            root.addHandler(logging.NullHandler())
        logger = find(self._name)
        if logger.isEnabledFor(level):
            logger.log(level, "%s", without_secrets(message % values), stacklevel=3)
