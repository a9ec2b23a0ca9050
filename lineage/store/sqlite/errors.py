"""What SQLite's errors mean for the person in front of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from lineage.errors import StoreError

_MEANINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "is being written by another process, which did not finish in time",
        "try again when the other command is done",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH"),
        "cannot be written: the file or its folder is read-only",
        "give write permission to the file and its folder, or name another place with --store",
    ),
    (
        ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_TOOBIG"),
        "cannot grow: the disk is full, or a limit on file sizes is reached. Nothing was half-written",
        "make room and run the command again, or name another place with --store",
    ),
    (
        ("SQLITE_NOTADB",),
        "is no lineage store: the file holds something else",
        "name a store, or a new file, with --store",
    ),
    (
        ("SQLITE_CORRUPT",),
        "is damaged",
        "move it away and collect again, or restore it from a copy",
    ),
    (
        ("SQLITE_CANTOPEN",),
        "cannot be opened",
        "look whether the folder is there and may be read and written",
    ),
    (
        ("SQLITE_IOERR",),
        "cannot be read or written: the disk reports an error",
        "look after the disk, then run the command again",
    ),
)
"""By the name of the error code or its beginning, the more special first."""


def store_error(url: str, error: sqlite3.Error | OverflowError) -> StoreError:
    """Say what an error of SQLite means; `url` names the store."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for codes, meaning, hint in _MEANINGS:
        if name.startswith(codes):
            return StoreError(f"the store {url} {meaning} ({error})", hint=hint)
    if str(error).startswith("no such "):
        hint = "move it away and collect again, or restore it from a copy"
        return StoreError(f"the store {url} is damaged: {error}", hint=hint)
    return StoreError(f"the store {url} cannot do this: {error}")


@contextmanager
def as_store_errors(url: str) -> Iterator[None]:
    """Turn errors of SQLite, and of contents that are not what we wrote, into StoreError."""
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        raise store_error(url, error) from error
    except JSONDecodeError as error:
        hint = "move it away and collect again, or restore it from a copy"
        raise StoreError(f"the store {url} is damaged: a record in it is no JSON ({error})", hint=hint) from error
