"""Error reports: each kind of error has a message, a hint and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Callable

import click

from lineage import errors
from lineage.unexpected import REPORT_HINT, SYSTEM_HINT, described, is_debugging, print_traceback
from lineage_cli import INTERRUPTED, INTERRUPTED_HINT, INTERRUPTED_MESSAGE
from lineage_cli._streams import say, silence_stdout

CANNOT = 2
PIPE_CLOSED = 141

HINTS: dict[type[BaseException], str] = {
    errors.ModelNotFoundError: "check the spelling; a private model needs an HF_TOKEN with access to it",
    errors.RevisionNotFoundError: "`lineage history ORG/NAME --all-branches` lists branches, tags and commits",
    errors.FileNotInRevisionError: "fetch the file or its LFS object, or name another revision",
    errors.GatedError: "request access on the model's page, then set HF_TOKEN",
    errors.RateLimitedError: "try again later; a token in HF_TOKEN raises the limit",
    errors.HubUnreachableError: "try again later, or use --offline to answer from the store",
    errors.HubAnswerError: "try again; if the error persists, check the Hub or the proxy (HF_ENDPOINT)",
    errors.HubError: "try again; --hub DIR reads models from a folder instead",
    errors.FormatError: "the file is damaged or malicious; download it again from its source",
    errors.StoreError: "`lineage store info` describes this store; --store selects another one",
}
"""Hints for errors without one of their own: the first kind that matches, specific kinds before general ones."""

ErrorMessage = tuple[str, str | None, int]
"""What happened, what to do next, the exit code."""


def report(error: BaseException) -> int:
    """Print the message and hint of an error, and return the exit code.

    LINEAGE_DEBUG=1 prints the traceback of any error first.
    """
    if _is_closed_pipe(error):
        silence_stdout()
        return 0 if isinstance(error, SystemExit) and not error.code else PIPE_CLOSED
    shown = isinstance(error, click.exceptions.Exit | errors.UnexpectedError)  # the latter was printed where it arose
    if is_debugging() and not shown:
        print_traceback(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return CANNOT
    if isinstance(error, OSError):
        silence_stdout()  # stdout may be what could not be written to: help text on a full disk
    message, hint, code = next(describe(error) for kind, describe in TABLE if isinstance(error, kind))
    say("error", message)
    if hint:
        say("hint", hint)
    return code


def _is_closed_pipe(error: BaseException) -> bool:
    """Return whether the reader of our output has closed the pipe.

    Click turns that into SystemExit; shell completion ends in a SystemExit too, with code 0.
    """
    return isinstance(error, BrokenPipeError | SystemExit) or (
        isinstance(error, OSError) and error.errno == errno.EPIPE
    )


def _lineage(error: BaseException) -> ErrorMessage:
    assert isinstance(error, errors.LineageError)
    about = getattr(error, "model", None) or getattr(error, "file", None)
    message = error.message if not about or about in error.message else f"{about}: {error.message}"
    hint = error.hint or next((hint for kind, hint in HINTS.items() if isinstance(error, kind)), None)
    return message, hint, CANNOT


def _usage(error: BaseException) -> ErrorMessage:
    assert isinstance(error, click.ClickException)
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help lists its arguments and options" if context else None
    return error.format_message(), hint, CANNOT


def _interrupted(error: BaseException) -> ErrorMessage:
    return INTERRUPTED_MESSAGE, INTERRUPTED_HINT, INTERRUPTED


def _system(error: BaseException) -> ErrorMessage:
    assert isinstance(error, OSError)
    return described(error) if error.strerror else str(error), SYSTEM_HINT, CANNOT


def _memory(error: BaseException) -> ErrorMessage:
    return "out of memory", "read fewer models at once, or use a lower --level", CANNOT


def _unexpected(error: BaseException) -> ErrorMessage:
    """Report a bug of ours in one line."""
    return described(error), REPORT_HINT, CANNOT


TABLE: tuple[tuple[type[BaseException], Callable[[BaseException], ErrorMessage]], ...] = (
    (errors.LineageError, _lineage),
    (click.exceptions.Abort, _interrupted),
    (KeyboardInterrupt, _interrupted),
    (click.ClickException, _usage),
    (MemoryError, _memory),
    (OSError, _system),
    (BaseException, _unexpected),
)
"""The first kind that matches is used: specific kinds before general ones."""
