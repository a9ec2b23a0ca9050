"""How errors end: a kind of error, what to say, what to do next, and the exit code."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable

import click

from lineage import errors
from lineage_cli import INTERRUPTED, INTERRUPTED_HINT, INTERRUPTED_MESSAGE
from lineage_cli._streams import say, silence_stdout

CANNOT = 2
PIPE_CLOSED = 141

HINTS: dict[type[BaseException], str] = {
    errors.ModelNotFoundError: "check the spelling; a private model needs HF_TOKEN of somebody who may see it",
    errors.RevisionNotFoundError: "`lineage history ORG/NAME --all-branches` lists branches, tags and commits",
    errors.FileNotInRevisionError: "the file or its LFS object is not there; fetch it, or name another revision",
    errors.GatedError: "ask for access on the model's page, then set HF_TOKEN",
    errors.RateLimitedError: "try again later; a token in HF_TOKEN raises the limit",
    errors.HubUnreachableError: "try again later, or use --offline for what is already in the store",
    errors.HubAnswerError: "try again; if it stays, look at the Hub's or proxy's side (HF_ENDPOINT)",
    errors.HubError: "try again; --hub DIR reads models from a folder instead",
    errors.FormatError: "the file is damaged or made to do harm; fetch it again from where it comes",
    errors.StoreError: "--store names another place; `lineage store info` looks at this one",
}
"""What to do next where the error itself does not say: the first kind that fits, special kinds before general ones."""

Told = tuple[str, str | None, int]
"""What happened, what to do next, the exit code."""


def report(error: BaseException) -> int:
    """Say what went wrong and return the exit code. LINEAGE_DEBUG=1 shows the traceback of any error first."""
    if _is_closed_pipe(error):
        silence_stdout()
        return 0 if isinstance(error, SystemExit) and not error.code else PIPE_CLOSED
    if os.environ.get("LINEAGE_DEBUG", "") not in {"", "0"} and not isinstance(error, click.exceptions.Exit):
        traceback.print_exception(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return CANNOT
    if isinstance(error, OSError):
        silence_stdout()  # it may be what could not be written: help on a full disk
    message, hint, code = next(tell(error) for kind, tell in TABLE if isinstance(error, kind))
    say("error", message)
    if hint:
        say("hint", hint)
    return code


def _is_closed_pipe(error: BaseException) -> bool:
    """Tell whether nobody reads our output any more.

    Click turns that into SystemExit by itself; shell completion ends in a SystemExit too, of code 0.
    """
    return isinstance(error, BrokenPipeError | SystemExit) or (
        isinstance(error, OSError) and error.errno == errno.EPIPE
    )


def _lineage(error: BaseException) -> Told:
    assert isinstance(error, errors.LineageError)
    about = getattr(error, "model", None) or getattr(error, "file", None)
    message = error.message if not about or about in error.message else f"{about}: {error.message}"
    hint = error.hint or next((hint for kind, hint in HINTS.items() if isinstance(error, kind)), None)
    return message, hint, CANNOT


def _usage(error: BaseException) -> Told:
    assert isinstance(error, click.ClickException)
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help shows what it takes" if context else None
    return error.format_message(), hint, CANNOT


def _interrupted(error: BaseException) -> Told:
    return INTERRUPTED_MESSAGE, INTERRUPTED_HINT, INTERRUPTED


def _system(error: BaseException) -> Told:
    assert isinstance(error, OSError)
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}", "check that the path is there, readable, and not full", CANNOT


def _memory(error: BaseException) -> Told:
    return "out of memory", "read fewer models at once, or a lower --level", CANNOT


def _unexpected(error: BaseException) -> Told:
    """Own up to a bug in one line."""
    first = (str(error).splitlines() or [""])[0]
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return (
        f"this is a bug in lineage, please report it ({what})",
        "LINEAGE_DEBUG=1 before the same command shows the traceback that the report needs",
        CANNOT,
    )


TABLE: tuple[tuple[type[BaseException], Callable[[BaseException], Told]], ...] = (
    (errors.LineageError, _lineage),
    (click.exceptions.Abort, _interrupted),
    (KeyboardInterrupt, _interrupted),
    (click.ClickException, _usage),
    (MemoryError, _memory),
    (OSError, _system),
    (BaseException, _unexpected),
)
"""Special kinds before general ones."""
