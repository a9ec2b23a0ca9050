"""Turn SQLite's errors into StoreError, with what happened and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING

from lineage.errors import StoreError, StoreValueError
from lineage.store.sqlite.keys import unpack_key

if TYPE_CHECKING:
    from lineage.store.interface import OnDamage

RESTORE = "`lineage store check` lists the faults; restore it from a backup, or move it away and collect again"

DECODING = (ValueError, TypeError, IndexError, RecursionError)
"""What decoding a damaged row may raise: it is not JSON, not an object, or its key is empty."""

_MEANINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "is locked by another process, which did not finish in time",
        "run the command again when the other one has ended",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH"),
        "cannot be written: the file or its folder is read-only",
        "give write permission to the file and its folder, or name another file with --store",
    ),
    (
        ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_TOOBIG"),
        "cannot grow: the disk is full, or a limit on file sizes is reached. The write was rolled back",
        "free disk space and run the command again, or name another file with --store",
    ),
    (
        ("SQLITE_NOTADB",),
        "is not a lineage store: the file is not a SQLite database",
        "name a store, or a new file, with --store",
    ),
    (
        ("SQLITE_CORRUPT",),
        "is damaged",
        RESTORE,
    ),
    (
        ("SQLITE_CANTOPEN",),
        "cannot be opened",
        "check that the folder exists and may be read and written",
    ),
    (
        ("SQLITE_IOERR",),
        "cannot be read or written: the disk reports an error",
        "check the disk, then run the command again",
    ),
)
"""By the beginning of the error code's name, the longer beginnings first."""


def store_error(url: str, error: sqlite3.Error) -> StoreError:
    """Turn an error of SQLite into a StoreError; `url` names the store."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for codes, meaning, hint in _MEANINGS:
        if name.startswith(codes):
            return StoreError(f"the store {url} {meaning} ({error})", hint=hint)
    if str(error).startswith(("no such ", "Could not decode")):
        return StoreError(f"the store {url} is damaged: {error}", hint=RESTORE)
    return StoreError(f"the store {url} failed: {error}")


class DamagedRowError(StoreError):
    """Report a row that cannot be decoded; `row` names it."""

    def __init__(self, url: str, row: str, error: BaseException) -> None:
        self.row, self.fault = row, f"invalid JSON in this record ({error})"
        super().__init__(f"the store {url} is damaged: {row}: {self.fault}", hint=RESTORE)

    def report_to(self, on_damage: OnDamage | None) -> None:
        """Pass the row to `on_damage`, or raise this error if there is none."""
        if on_damage is None:
            raise self
        on_damage(self.row, self.fault)


def shown_key(stored: object) -> str:
    """Write a stored key for a message, also one that cannot be decoded."""
    try:
        return unpack_key(stored)  # type: ignore[arg-type]
    except DECODING:
        return repr(stored)


@contextmanager
def as_store_errors(url: str) -> Iterator[None]:
    """Raise SQLite's errors, and a text that it cannot hold, as StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(url, error) from error
    except OverflowError as error:
        message = f"the store {url} cannot hold a number of more than 64 bits: {error}"
        raise StoreValueError(message, hint="the model declares a size or a number that cannot be real") from error
    except UnicodeEncodeError as error:
        message = f"the store {url} cannot hold a text that is not valid Unicode: {error}"
        raise StoreValueError(message, hint="rename the file in question") from error
    except JSONDecodeError as error:
        raise StoreError(f"the store {url} is damaged: invalid JSON in a record ({error})", hint=RESTORE) from error
