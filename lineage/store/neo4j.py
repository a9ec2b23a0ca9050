"""A team's store: a graph in a Neo4j server, which people look at in its browser and ask in Cypher."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Literal

from lineage.errors import StoreError
from lineage.progress import SILENT, Progress
from lineage.store import neo4j_connection, neo4j_schema
from lineage.store.interface import GraphStore, StoreInfo, StoreView
from lineage.store.neo4j_connection import Address, check_server, connect
from lineage.store.neo4j_errors import managed, told
from lineage.store.neo4j_view import Neo4jView
from lineage.store.promoted import ENDS, PROMOTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from neo4j import Driver, ManagedTransaction, Session, Transaction

    from lineage.store.neo4j_write import Neo4jWriter
    from lineage.store.rows import Rows


class Neo4jStore(GraphStore):
    """Keep the graph in one database of a Neo4j server.

    The schema is made by the first write; until then there is nothing to read. Each view has a session and a read
    transaction, so views work in any thread. A write is one managed transaction: it is tried again when the server
    went away or says that it may be, for half a minute, and writing twice what was written once changes nothing.
    """

    def __init__(self, address: Address, *, read_only: bool = False, progress: Progress = SILENT) -> None:
        self.url, self._address, self._read_only = address.shown, address, read_only
        self._progress = progress
        self._turn = RLock()
        self._driver: Driver | None = None
        self._server: str | None = None
        self._is_ready = self._loading = False
        self._views = 0

    def write_rows(self, rows: Rows) -> None:
        """Write rows in one transaction."""
        self._write(lambda writer: writer.write(rows))

    @contextmanager
    def reading(self) -> Iterator[StoreView]:
        """Open a view in a session of its own."""
        with told(self.url):
            session = self._session("READ")
        try:
            with told(self.url):
                transaction = self._begin(session)
            self._count_view(1)
            try:
                yield Neo4jView(transaction, self.url)
            finally:
                self._count_view(-1)
                with told(self.url):
                    transaction.close()
        finally:
            session.close()

    def erase(self, models: Collection[str]) -> None:
        """Forget models, in one transaction."""
        from lineage.store.forgetting import plan

        if not self._is_there():
            return
        self._write(lambda writer: writer.forget(plan(writer.view(), models)))

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Load first and index afterwards: indexes but the unique keys are made when the block ends.

        A process that is killed on the way leaves a store of whole writes without some indexes; the next one that
        writes makes them. Until then looking up by promoted properties reads every node of a kind.
        """
        with self._turn:
            if self._loading:
                raise ValueError("a bulk load is going on already")
            self._make_ready()
            with told(self.url), self._session("WRITE") as session:
                neo4j_schema.drop_indexes(session, self.url)
            self._loading = True
            try:
                yield
            finally:
                self._loading = False
                with told(self.url), self._session("WRITE") as session:
                    neo4j_schema.make_ready(session, self.url)

    def info(self) -> StoreInfo:
        """Describe the store. What it occupies on the server's disk is not told to clients of the community edition."""
        with self.reading() as view:
            nodes: dict[str, int] = {kind: view.count(kind) for kind in PROMOTED}
            edges: dict[str, int] = {kind: view.count(kind) for kind in ENDS}
        return StoreInfo(self.url, "neo4j", neo4j_schema.SCHEMA_VERSION, None, nodes, edges, self._server)

    def close(self) -> None:
        """Close all connections."""
        with self._turn:
            if self._driver is not None:
                self._driver.close()
            self._driver, self._server, self._is_ready = None, None, False

    def _write(self, change: Callable[[Neo4jWriter], None]) -> None:
        """Run a change in a managed transaction; once more where a broken connection left open whether it is done."""
        from neo4j.exceptions import IncompleteCommit

        from lineage.store.neo4j_write import Neo4jWriter

        def run(transaction: ManagedTransaction) -> None:
            change(Neo4jWriter(transaction))

        with self._turn:
            self._make_ready()
            with told(self.url), self._session("WRITE") as session:
                try:
                    managed(session, self.url, run)
                except IncompleteCommit:
                    managed(session, self.url, run)

    def _make_ready(self) -> None:
        """Make the schema before the first write."""
        if self._read_only:
            raise StoreError(f"the store {self.url} was opened for reading only")
        self._open()
        if not self._is_ready:
            with told(self.url), self._session("WRITE") as session:
                if self._views and neo4j_schema.can_be_written(session, self.url):
                    return  # an index that a killed load left out would wait for our own view, for ever
                neo4j_schema.make_ready(session, self.url)
            self._is_ready = True

    def _count_view(self, change: int) -> None:
        with self._turn:
            self._views += change

    def _open(self) -> Driver:
        """Connect, once: the server must be one that we know, and the store not newer than we are."""
        with self._turn:
            if self._driver is not None:
                return self._driver
            with told(self.url):
                driver = connect(self._address)
                try:
                    server = check_server(driver, self.url)
                    with driver.session(database=self._address.database) as session:
                        self._finish(session)
                except BaseException:
                    driver.close()
                    raise
            self._driver, self._server = driver, server
            return driver

    def _finish(self, session: Session) -> None:
        """Bring an older store up to date, and finish an import: without keys every question reads everything."""
        if neo4j_schema.version_of(session, self.url) == 0 or neo4j_schema.can_be_written(session, self.url):
            return
        if self._read_only:
            raise StoreError(
                f"the store {self.url} is not ready to be read: it was imported by neo4j-admin or made by an older"
                " version of lineage, and its keys and indexes are not made yet",
                hint=f"lineage store info --store {self.url} makes them: minutes for millions of models",
            )
        with self._progress.task("making keys and indexes, once"):
            neo4j_schema.make_ready(session, self.url)

    def _is_there(self) -> bool:
        """Say whether anything was ever written."""
        self._open()
        with told(self.url), self._session("READ") as session:
            return neo4j_schema.version_of(session, self.url) > 0

    def _session(self, access: Literal["READ", "WRITE"]) -> Session:
        return self._open().session(database=self._address.database, default_access_mode=access)

    def _begin(self, session: Session) -> Transaction:
        """Begin a read transaction; a server that went away since the last one is waited for."""
        from neo4j.exceptions import DriverError, Neo4jError

        until, pause = time.monotonic() + neo4j_connection.RETRY_SECONDS, 0.1
        while True:
            try:
                return session.begin_transaction()
            except (DriverError, Neo4jError) as error:
                if not error.is_retryable() or time.monotonic() + pause > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 3.0)
