"""A standard library logger for each module that costs nothing unless the program uses `logging`.

Importing `logging` takes a tenth of the time of a command. Only a program that imported it can set a handler or a
level; until then a record would be dropped, so it is not created. Records contain no secrets: every one passes
`without_secrets`.
"""

from __future__ import annotations

import re
import sys

ROOT = "lineage"
"""The parent of all our loggers. It has a handler that does nothing: the library is silent by default."""

DEBUG, INFO, WARNING = 10, 20, 30

_SECRETS = (
    (r"(?i)\b([a-z][a-z0-9+.-]*://)\S*@", r"\1***@"),  # the login in a URL: up to the last @
    (r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#'\"]*)[?#][^\s'\"]*", r"\1?***"),  # signatures of storage links
    (r"(?i)\b(authorization:|bearer|basic)\s+(?:(?:bearer|basic)\s+)?\S+", r"\1 ***"),
    (r"\bhf_\w+", "hf_***"),
)
"""Patterns and their replacements. They are compiled with the first record, not at every start."""


def without_secrets(text: str) -> str:
    """Replace logins and queries of URLs, authorization headers and Hub tokens by `***`."""
    for pattern, instead in _SECRETS:
        text = re.sub(pattern, instead, text)
    return text


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
