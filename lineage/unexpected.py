"""The library's one place that catches every exception: what one model causes does not stop the others.

Readers raise `LineageError` for what they foresee. But repositories are hostile input, and no list of foreseen errors
is ever complete: a card, a commit or a size that raises another exception must not end a run over thousands of models.
So each model, and each question about one model, is read inside `contained`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lineage.errors import LineageError, UnexpectedError
from lineage.redaction import without_secrets

MAX_TEXT = 300
"""Characters of a foreign error's text that a message repeats."""

REPORT_HINT = "please report it, with the traceback that LINEAGE_DEBUG=1 prints"

SYSTEM_HINT = "check that the path exists, is readable, and has free space"


@contextmanager
def contained(what: str) -> Iterator[None]:
    """Raise every unforeseen exception of the block as UnexpectedError, which names `what` was read.

    Not caught, because they are not about one model: our own errors, which say what happened already (a failed store
    among them), an interruption, an exit, exhausted memory, and a closed pipe. With LINEAGE_DEBUG=1 the traceback is
    printed, because the run goes on and would not show it.
    """
    try:
        yield
    except (LineageError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise
        if is_debugging():
            print_traceback(error)
        model = _shortened(what)
        raise UnexpectedError(f"{model}: {described(error)}", model=model, hint=_hint(error)) from error


def described(error: BaseException) -> str:
    """Describe a foreign exception in one line: a system error in words, any other by its class and its text."""
    if isinstance(error, OSError) and error.strerror:
        name = f"{_shortened(str(error.filename))}: " if error.filename else ""
        return f"{name}{error.strerror}"
    first = next(iter(str(error).strip().splitlines()), "")
    kind = type(error).__name__
    return f"unexpected error ({kind}: {_shortened(first)})" if first else f"unexpected error ({kind})"


def _shortened(text: str) -> str:
    """Shorten a foreign text, without the lone surrogates that no store and no UTF-8 output can hold."""
    clean = text.encode("utf-8", "backslashreplace").decode()
    return clean if len(clean) <= MAX_TEXT else clean[:MAX_TEXT] + "…"


def _hint(error: Exception) -> str:
    return SYSTEM_HINT if isinstance(error, OSError) and error.strerror else REPORT_HINT


def is_debugging() -> bool:
    """Return whether LINEAGE_DEBUG asks for tracebacks."""
    return os.environ.get("LINEAGE_DEBUG", "") not in {"", "0"}


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error on stderr, without secrets and with control characters escaped."""
    import traceback

    text = without_secrets("".join(traceback.format_exception(error)))
    shown = "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)
    try:
        print(shown, file=sys.stderr, end="", flush=True)
    except OSError:  # stderr is closed; the error itself is reported in the answer
        return
