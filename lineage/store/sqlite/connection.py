"""Open a store's file, check that it is one, and bring its schema up to date."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from lineage.errors import StoreError
from lineage.log import Log
from lineage.store import migrations
from lineage.store.sqlite.errors import RESTORE, store_error
from lineage.store.sqlite.schema import APPLICATION_ID, indexes, tables

LOG = Log(__name__)

PAGE_SIZE = 8192

CACHE_KIB = 65_536
"""Memory that a connection may use for pages, in KiB; it is allocated as needed."""

Mode = Literal["rw", "rwc", "ro"]


def connect(path: Path, mode: Mode, *, timeout: float, immutable: bool = False) -> sqlite3.Connection:
    """Open a connection that begins no transaction by itself and waits `timeout` seconds for other writers."""
    address = f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
    """Run the block in a transaction, which an error rolls back."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # on a full disk SQLite has rolled back by itself
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection, url: str) -> int:
    """Return the version of a store's schema, 0 for an empty file.

    Raises StoreError for another application's database and for a store that a newer version made.
    """
    # In one transaction, so that all three agree: another process may be making the store at the same time.
    with nullcontext() if connection.in_transaction else transaction(connection, "DEFERRED"):
        (table_count,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        if application == 0 and version == 0 and table_count == 0:
            return 0
        raise StoreError(
            f"{url} is not a lineage store: it is a database of another application",
            hint="name a store, or a new file, with --store",
        )
    if version < migrations.FIRST_VERSION:
        raise StoreError(f"the store {url} is damaged: it has no version of its schema", hint=RESTORE)
    if version > migrations.SCHEMA_VERSION:
        raise StoreError(
            f"the store {url} was made by a newer version of lineage"
            f" (its schema is version {version}; this lineage supports up to {migrations.SCHEMA_VERSION})",
            hint="upgrade: pip install -U model-lineage",
        )
    return int(version)


def is_ready(connection: sqlite3.Connection, url: str) -> bool:
    """Return whether a store has the newest schema and all its indexes."""
    return version_of(connection, url) == migrations.SCHEMA_VERSION and not _missing(connection)


def make_ready(connection: sqlite3.Connection, url: str) -> None:
    """Make the schema, bring an older one up to date, or make the indexes that are missing after a killed load.

    One transaction: of two processes the second finds the work done.
    """
    if version_of(connection, url) == 0:
        _begin_file(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    if is_ready(connection, url):
        return
    with transaction(connection, "IMMEDIATE"):
        version = version_of(connection, url)
        if version == 0:
            LOG.info("making the store %s, version %d", url, migrations.SCHEMA_VERSION)
            _create(connection)
        else:
            LOG.info("bringing the store %s from version %d to %d", url, version, migrations.SCHEMA_VERSION)
            _migrate(connection, version)
        make_indexes(connection)


def make_indexes(connection: sqlite3.Connection) -> None:
    """Make the indexes that are missing."""
    missing = _missing(connection)
    for statement in missing.values():
        connection.execute(statement)


def drop_indexes(connection: sqlite3.Connection) -> None:
    """Drop all indexes, before a load; `make_indexes` makes them again."""
    for name in indexes():
        connection.execute(f"DROP INDEX IF EXISTS {name}")


def _missing(connection: sqlite3.Connection) -> dict[str, str]:
    existing = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    return {name: statement for name, statement in indexes().items() if name not in existing}


def _begin_file(connection: sqlite3.Connection) -> None:
    """Set what must be set while a file is empty.

    Two processes may do this at once, and SQLite's own timeout does not apply here: hence the retries.
    """
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    for _ in range(100):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA journal_mode = WAL")


def _create(connection: sqlite3.Connection) -> None:
    for statement in tables():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    _record(connection, migrations.SCHEMA_VERSION, "made")


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for migration in migrations.MIGRATIONS:
        if migration.version > version:
            for statement in migration.sqlite:
                connection.execute(statement)
            _record(connection, migration.version, migration.name)


def _record(connection: sqlite3.Connection, version: int, name: str) -> None:
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(
        "INSERT INTO migration (version, name, applied_at) VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
        (version, name),
    )


def empty_connection() -> sqlite3.Connection:
    """Make an empty store in memory, to read a store that does not exist yet."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with transaction(connection, "IMMEDIATE"):
        _create(connection)
    return connection


def readable(path: Path, url: str, *, timeout: float) -> sqlite3.Connection:
    """Open a store for reading, also where its file or folder is read-only.

    SQLite keeps a log and an index beside the file. Where it cannot make them, the file alone is read. It is complete
    unless there is a log with changes that are not in the file yet: then this raises StoreError.
    """
    try:
        return _probed(connect(path, "rw", timeout=timeout))
    except sqlite3.OperationalError as error:
        if not (error.sqlite_errorname or "").startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise StoreError(
                f"the store {url} cannot be read here: changes of its last writer are still in {log.name}",
                hint="give write permission to its folder once, or copy both files to a folder that you may write to",
            ) from error
        try:
            return _probed(connect(path, "ro", timeout=timeout, immutable=True))
        except sqlite3.Error as second:
            raise store_error(url, second) from second


def _probed(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Read once, because SQLite opens its files at the first read, and forbid writes."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
