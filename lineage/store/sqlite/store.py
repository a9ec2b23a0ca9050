"""The embedded store: one SQLite file, for one writer and any number of readers at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from lineage.errors import StoreError
from lineage.store import migrations
from lineage.store.graph import ENDS
from lineage.store.interface import GraphStore, Mark, StoreInfo, StoreView
from lineage.store.promoted import PROMOTED
from lineage.store.sqlite.connection import (
    connect,
    drop_indexes,
    empty_connection,
    is_ready,
    make_indexes,
    make_ready,
    readable,
    transaction,
    version_of,
)
from lineage.store.sqlite.errors import as_store_errors
from lineage.store.sqlite.files import OpenFiles
from lineage.store.sqlite.log_file import log_damage
from lineage.store.sqlite.view import SqliteView

if TYPE_CHECKING:
    from lineage.store.rows import Rows
    from lineage.store.sqlite.loading import LoadedKeys
    from lineage_schemas.graph_batch import GraphBatch

WAIT_SECONDS = 30.0
"""How long a writer waits for another one before it fails."""

BULK_STEP = 200_000
"""Rows in one transaction of a bulk load."""


class SqliteStore(GraphStore):
    """Keep the graph in one file.

    The first write makes the file; until then the store is empty. Each reader has a connection and a read transaction
    of its own, so that it works in any thread and while another process writes. Writers of all processes take turns; a
    writer that waits longer than `wait` seconds raises StoreError. With `make_folder` the first write makes the file's
    folder too.
    """

    backend = "sqlite"

    def __init__(
        self,
        path: Path,
        *,
        url: str | None = None,
        read_only: bool = False,
        make_folder: bool = False,
        wait: float = WAIT_SECONDS,
    ) -> None:
        self.path, self.url = path, url or str(path)
        self._files = OpenFiles(path, self.url)
        self._read_only, self._make_folder, self._wait = read_only, make_folder, wait
        self._idle: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._turn = RLock()
        self._loaded: LoadedKeys | None = None
        self._loaded_rows = 0
        self._is_whole = False
        self._own_writes = 0

    def mark(self) -> Mark:
        """Read SQLite's counter of commits by other connections, and count those of this one.

        A store that does not exist has a mark that no write finds again: reading makes no file.
        """
        if not self._is_there():
            return (-1, self._own_writes)
        with self._turn, as_store_errors(self.url):
            return self._mark(self._for_writing())

    def write_since(self, mark: Mark, batch: GraphBatch) -> bool:
        """Compare the mark inside the transaction of the write: no other process can write between the two."""
        from lineage.store.codec import encode

        return self._write(encode(batch), mark)

    def write_rows(self, rows: Rows) -> None:
        """Write rows in one transaction, or inside `bulk` in a savepoint of a longer one."""
        self._write(rows)

    def _write(self, rows: Rows, since: Mark | None = None) -> bool:
        from lineage.store.sqlite.write import SqliteWriter

        with self._turn, as_store_errors(self.url):
            connection = self._for_writing()
            with self._one_write(connection):
                if since is not None and self._mark(connection) != since:
                    return False
                SqliteWriter(connection, self._loaded).write(rows)
            self._own_writes += 1
            if not self._is_whole:
                self.must_be_there()
            if self._loaded is not None:
                self._loaded_rows += sum(map(len, rows.nodes.values())) + sum(map(len, rows.edges.values()))
                if self._loaded_rows >= BULK_STEP:
                    connection.execute("COMMIT")
                    self._begin_load(connection)
            return True

    def _mark(self, connection: sqlite3.Connection) -> Mark:
        (others,) = connection.execute("PRAGMA data_version").fetchone()
        return (others, self._own_writes)

    @contextmanager
    def reading(self) -> Iterator[StoreView]:
        """Open a view on a connection of its own."""
        self.must_be_there()
        with as_store_errors(self.url):
            connection = self._idle_one() or self._for_reading()
        is_file = False
        try:
            with as_store_errors(self.url):
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # the snapshot begins here
                is_file = bool(connection.execute("PRAGMA database_list").fetchone()[2])
            with as_store_errors(self.url):
                yield SqliteView(connection, self.url)
        finally:
            connection.rollback()
            if is_file:
                self._idle.append(connection)
            else:  # an empty store in memory: the file may exist the next time
                connection.close()

    def _idle_one(self) -> sqlite3.Connection | None:
        """Take a connection that no reader uses; None if there is none."""
        try:
            return self._idle.pop()
        except IndexError:  # asked for its length first, another thread could take the last one
            return None

    def erase(self, models: Collection[str], products: Collection[str] = ()) -> None:
        """Delete models and products in one transaction."""
        from lineage.store.forgetting import plan
        from lineage.store.sqlite.write import SqliteWriter

        if not self._is_there():
            return
        with self._turn, as_store_errors(self.url):
            connection = self._for_writing()
            with self._one_write(connection):
                going = plan(SqliteView(connection, self.url), models, products)
                SqliteWriter(connection, self._loaded).forget(going)
            self._own_writes += 1
            self.must_be_there()

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Load rows without indexes, in transactions of many writes, and make the indexes when the block ends.

        A process that is killed during the load leaves a store with whole writes and without some indexes; the next
        one that opens it makes them. Views that are opened during the load see what is committed, and are slow.
        """
        from lineage.store.sqlite.loading import LoadedKeys

        with self._turn:
            if self._loaded is not None:
                raise ValueError("a bulk load is already running")
            with as_store_errors(self.url):
                connection = self._for_writing()
            try:
                with as_store_errors(self.url):
                    with transaction(connection, "IMMEDIATE"):
                        drop_indexes(connection)
                    self._loaded = LoadedKeys(connection)
                    self._begin_load(connection)
                yield
            finally:
                with as_store_errors(self.url):
                    self._end_load(connection)

    @contextmanager
    def atomic(self, rows: int) -> Iterator[None]:
        """Open one transaction, in which each write is a savepoint."""
        with self._turn:
            if self._is_whole or self._loaded is not None:
                raise ValueError("a load is already running")
            with as_store_errors(self.url):
                connection = self._for_writing()
            with as_store_errors(self.url), transaction(connection, "IMMEDIATE"):
                self._is_whole = True
                try:
                    yield
                finally:
                    self._is_whole = False
            self.must_be_there()

    def must_be_there(self) -> None:
        """Raise StoreError if the file, or its log, was deleted or replaced."""
        self._files.must_be_there()

    def info(self) -> StoreInfo:
        """Describe the store: counts, and the size of its file and its log."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        with self.reading() as view:
            nodes: dict[str, int] = {kind: view.count(kind) for kind in PROMOTED}
            edges: dict[str, int] = {kind: view.count(kind) for kind in ENDS}
            attachments = view.attachment_counts()
        size = sum(file.stat().st_size for file in files if file.exists()) if self._is_there() else None
        return StoreInfo(
            self.url, self.backend, migrations.SCHEMA_VERSION, size, nodes, edges,
            note=self.missing(), attachments=attachments,
        )  # fmt: skip

    def missing(self) -> str | None:
        """Return why there is no store at the path."""
        if not self._is_there():
            return "it does not exist"
        with as_store_errors(self.url), closing(self._for_reading()) as connection:
            is_file = bool(connection.execute("PRAGMA database_list").fetchone()[2])
        return None if is_file else "it is an empty file"

    def close(self) -> None:
        """Close all connections; a writer updates the query planner's statistics and empties the log."""
        with self._turn:
            while self._idle:
                self._idle.pop().close()
            if self._writer is not None:
                with suppress(sqlite3.Error):  # a full disk or a busy store: the next writer does this
                    self._writer.execute("PRAGMA busy_timeout = 0")
                    self._writer.execute("PRAGMA analysis_limit = 400")
                    self._writer.execute("PRAGMA optimize")
                    self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._writer.close()
                self._writer = None
            self._files.closed()

    def _for_reading(self) -> sqlite3.Connection:
        if not self._is_there():
            return empty_connection()
        self._refuse_damaged_log()
        connection = readable(self.path, self.url, timeout=self._wait)
        try:
            self._files.opened()
            if version_of(connection, self.url) == 0:
                connection.close()
                return empty_connection()
            if not is_ready(connection, self.url):
                self._make_ready_to_read(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_ready_to_read(self, connection: sqlite3.Connection) -> None:
        """Bring an older store up to date, and make missing indexes unless another process is writing."""
        is_older = version_of(connection, self.url) < migrations.SCHEMA_VERSION
        try:
            if self._read_only:
                raise StoreError(f"the store {self.url} was opened for reading only")
            with closing(connect(self.path, "rw", timeout=self._wait if is_older else 0)) as writer:
                make_ready(writer, self.url)
        except (sqlite3.Error, StoreError) as error:
            if is_older:
                raise StoreError(
                    f"the store {self.url} was made by an older version of lineage and cannot be brought up to date"
                    f" ({error})",
                    hint="run the command once with write permission, or copy the store to a folder of yours",
                ) from error

    def _for_writing(self) -> sqlite3.Connection:
        if self._read_only:
            raise StoreError(f"the store {self.url} was opened for reading only")
        if self._writer is None:
            self._is_there()
            self._find_folder()
            self._refuse_damaged_log()
            connection = connect(self.path, "rwc", timeout=self._wait)
            try:
                make_ready(connection, self.url)
                self._files.opened(to_write=True)
            except BaseException:
                connection.close()
                raise
            self._writer = connection
        self.must_be_there()
        return self._writer

    def _refuse_damaged_log(self) -> None:
        """Raise StoreError before SQLite opens a damaged log: it would drop what it cannot read, and delete the log."""
        if self._writer is None and not self._idle and (fault := log_damage(self.path)) is not None:
            raise StoreError(
                f"the store {self.url} is damaged: {fault}",
                hint="restore the store and its log from a backup; to go on without what the log holds, delete the log",
            )

    def _is_there(self) -> bool:
        try:
            if self.path.is_dir():
                raise StoreError(f"{self.url} is a folder, not a store", hint="name a file with --store")
            return self.path.exists()
        except OSError as error:
            raise StoreError(
                f"the store {self.url} cannot be reached: {error}", hint="name another file with --store"
            ) from error

    def _find_folder(self) -> None:
        """Check that the file's folder exists, or make it if `make_folder` is set."""
        folder = self.path.parent
        if folder.is_dir():
            return
        if not self._make_folder:
            raise StoreError(f"the folder of the store {self.url} does not exist", hint=f"make it: mkdir -p {folder}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder of the store {self.url} cannot be made: {error}", hint="name another file with --store"
            ) from error

    def _one_write(self, connection: sqlite3.Connection) -> AbstractContextManager[None]:
        """Open the transaction of one write, or during a load a savepoint inside a longer one."""
        if self._loaded is None and not self._is_whole:
            return transaction(connection, "IMMEDIATE")
        return _savepoint(connection)

    def _begin_load(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        self._loaded_rows = 0
        if self._loaded is not None:
            self._loaded.refresh()

    def _end_load(self, connection: sqlite3.Connection) -> None:
        """Commit the whole writes and make the indexes again, also after an error."""
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None
        if connection.in_transaction:
            connection.execute("COMMIT")
        with transaction(connection, "IMMEDIATE"):
            make_indexes(connection)
        connection.execute("PRAGMA analysis_limit = 1000")
        connection.execute("ANALYZE")


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in a savepoint of a longer transaction, which an error rolls back."""
    connection.execute("SAVEPOINT one_write")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO one_write")
        raise
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE one_write")
