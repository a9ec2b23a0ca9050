"""A team's store: a graph in a Neo4j server, which users can also open in its browser and query in Cypher."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock, RLock, Timer
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from lineage.errors import StoreError
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage.store.graph import ENDS
from lineage.store.interface import GraphStore, Mark, StoreInfo, StoreView
from lineage.store.neo4j import retries, schema
from lineage.store.neo4j.connection import Address, check_server, connect
from lineage.store.neo4j.errors import as_store_errors
from lineage.store.neo4j.retries import RetryPolicy
from lineage.store.neo4j.transactions import Reading
from lineage.store.neo4j.view import Neo4jView
from lineage.store.promoted import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from neo4j import Driver, ManagedTransaction, Session, Transaction

    from lineage.store.neo4j.schema import State
    from lineage.store.neo4j.write import Neo4jWriter
    from lineage.store.rows import Rows
    from lineage_schemas.graph_batch import GraphBatch


LOG = Log(__name__)

ATOMIC_ROWS = 250_000
"""Rows that one transaction may write: the driver and the server need about 2 KB of memory for each."""

_EMPTY = "this database is empty: check that it is the right one; the first write makes a store in it"

_NO_SIZE = "Neo4j does not report the size of a database to clients: measure its folder on the server"
"""The community edition has no statement, procedure or bean for it, whatever the user's rights."""

_FOREIGN = "this database has nodes of another application and no store: use a separate database for a store"


class Neo4jStore(GraphStore):
    """Keep the graph in one database of a Neo4j server.

    The first write makes the schema; until then the store is empty. Each view has sessions and read transactions of its
    own, so that it works in any thread. A write is one managed transaction. It is retried for half a minute after a
    lost connection or a transient error, which is safe because writing the same rows again changes nothing. Queries
    are retried too. Waits are reported to `progress`.
    """

    backend = "neo4j"

    def __init__(self, address: Address, *, read_only: bool = False, progress: Progress = SILENT) -> None:
        self.url, self._address, self._read_only = address.shown, address, read_only
        self._progress = progress
        self._turn = RLock()
        self._link: Link | None = None
        self._is_ready = self._loading = False
        self._views, self._counting = 0, Lock()
        self._whole: Transaction | None = None
        self._seen_writes = self._last_writes = 0  # of the last commit, and of the last transaction

    def mark(self) -> Mark:
        """Read the store's counter of writes."""
        link = self._open()
        with as_store_errors(self.url), link.session("READ") as session:
            return (link.policy.retry(lambda: schema.writes_of(session)), 0)

    def write_since(self, mark: Mark, batch: GraphBatch) -> bool:
        """Compare the counter after the lock is taken: no other process can write between the two.

        If the server commits and the connection is lost, the driver repeats the write; the counter is another one then,
        and False makes the caller work the same batch out again.
        """
        from lineage.store.codec import encode

        rows = encode(batch)

        def change(writer: Neo4jWriter) -> None:
            if writer.writes != mark[0] + 1:
                raise _WrittenSinceError
            writer.write(rows)

        try:
            self._write(change)
        except _WrittenSinceError:
            return False
        return True

    def write_rows(self, rows: Rows) -> None:
        """Write rows in one transaction."""
        self._write(lambda writer: writer.write(rows))

    @contextmanager
    def reading(self) -> Iterator[StoreView]:
        """Open a view in sessions of its own."""
        with as_store_errors(self.url):
            link = self._open()
            asking = Reading(partial(link.session, "READ"), link.policy)
        self._count_view(1)
        try:
            yield Neo4jView(asking, self.url)
        finally:
            self._count_view(-1)
            with as_store_errors(self.url):
                asking.close()

    def erase(self, models: Collection[str], products: Collection[str] = ()) -> None:
        """Delete models and products in one transaction."""
        from lineage.store.forgetting import plan

        if not self._exists():
            return
        self._write(lambda writer: writer.forget(plan(writer.view(), models, products)))

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Load an empty store without indexes but for the unique constraints; make them when the block ends.

        A process that is killed during the load leaves a store with whole writes and without some indexes; the next
        writer makes them. Until then a lookup by a promoted property reads every node of the kind. A store that is not
        empty keeps its indexes: its readers would wait while they are dropped, and be slow afterwards.
        """
        with self._turn:
            if self._loading:
                raise ValueError("a bulk load is already running")
            self._make_ready()
            link = self._open()
            with as_store_errors(self.url), link.session("WRITE") as session:
                drops = not self._views and not schema.has_nodes(session, link.policy)
                if drops:
                    self._is_ready = False  # make dropped indexes again, also if not all can be dropped
                    schema.drop_indexes(session, link.policy)
                    self._is_ready = True
            self._loading = True
            try:
                yield
            finally:
                self._loading = False
                if drops:
                    self._is_ready = False
                    self._make_ready()

    @contextmanager
    def atomic(self, rows: int) -> Iterator[None]:
        """Open one transaction, in which every write of the block runs. It is not retried.

        The server and the driver hold all of it in memory until its end: more than ATOMIC_ROWS raise StoreError.
        """
        if rows > ATOMIC_ROWS:
            raise StoreError(
                f"{rows:,} rows are too many for one transaction of the store {self.url}: at most {ATOMIC_ROWS:,}",
                hint="import them into a SQLite store, then `lineage store copy` that: a copy is written in steps",
            )
        with self._turn:
            if self._whole is not None:
                raise ValueError("a load is already running")
            self._make_ready()
            link, mark = self._open(), uuid4().hex
            with as_store_errors(self.url), link.session("WRITE") as session, link.policy.watched(mark):
                with session.begin_transaction(metadata={"lineage": mark}) as transaction:
                    self._whole = transaction
                    try:
                        yield
                    finally:
                        self._whole = None
                    transaction.commit()
            self._seen_writes = self._last_writes

    def missing(self) -> str | None:
        """Return why there is no store in the database."""
        link = self._open()
        with as_store_errors(self.url), link.session("READ") as session:
            if link.policy.retry(lambda: schema.state_of(session, self.url)).version:
                return None
            return _FOREIGN if schema.foreign_label(session, link.policy) is not None else _EMPTY

    def info(self) -> StoreInfo:
        """Describe the store; its size on the server's disk is not known."""
        link = self._open()
        with as_store_errors(self.url), link.session("READ") as session:
            state = link.policy.retry(lambda: schema.state_of(session, self.url))
        with self.reading() as view:
            nodes: dict[str, int] = {kind: view.count(kind) for kind in PROMOTED}
            edges: dict[str, int] = {kind: view.count(kind) for kind in ENDS}
            attachments = view.attachment_counts()
        note = self.missing()
        if note is not None:
            nodes, edges, attachments = dict.fromkeys(nodes, 0), dict.fromkeys(edges, 0), {}
        return StoreInfo(
            self.url, self.backend, state.version or schema.schema_version(), None, nodes, edges, link.server,
            state.database, note, _NO_SIZE, attachments,
        )  # fmt: skip

    def close(self) -> None:
        """Close all connections."""
        with self._turn:
            if self._link is not None:
                self._link.driver.close()
            self._link, self._is_ready = None, False

    def _write(self, change: Callable[[Neo4jWriter], None]) -> None:
        """Run a change in a managed transaction."""
        from lineage.store.neo4j.write import Neo4jWriter

        def work(transaction: ManagedTransaction | Transaction) -> None:
            writer = Neo4jWriter.begin(transaction)
            schema.check_version(writer.schema_version, self.url)
            self._refuse_another(writer.writes)
            change(writer)

        with self._turn:
            if self._whole is not None:
                with as_store_errors(self.url):
                    work(self._whole)
                return
            self._make_ready()
            link = self._open()
            with as_store_errors(self.url), link.session("WRITE") as session:
                link.policy.write(session, work)
            self._seen_writes = self._last_writes

    def _refuse_another(self, writes: int) -> None:
        """Raise StoreError if the counter of writes is lower than before: the store was deleted or replaced."""
        if writes < self._seen_writes:
            raise StoreError(
                f"the store {self.url} was changed from outside while it was in use: its content was deleted or"
                " replaced",
                hint="what this command wrote before is lost; check the database, then run the command again",
            )
        self._last_writes = writes

    def _make_ready(self) -> None:
        """Make the schema before the first write."""
        if self._read_only:
            raise StoreError(f"the store {self.url} was opened for reading only")
        link = self._open()
        if not self._is_ready:
            with as_store_errors(self.url), link.session("WRITE") as session:
                if self._views and schema.can_be_written(session, link.policy):
                    return  # making a missing index now would wait for this process's own open view, forever
                schema.make_ready(session, link.policy)
            self._is_ready = True

    def _count_view(self, change: int) -> None:
        with self._counting:
            self._views += change

    def _open(self) -> Link:
        """Connect once. Raises StoreError for a server that is too old and for a store of a newer version.

        Once connected this takes no lock: a writer in another thread may hold `_turn` for a long time.
        """
        if (link := self._link) is not None:
            return link
        with self._turn:
            if self._link is None:
                with as_store_errors(self.url):
                    self._link = self._connected()
            return self._link

    def _connected(self) -> Link:
        driver = connect(self._address)
        try:
            with self._noting_a_wait("waiting for the server to answer"):
                link = Link(driver, check_server(driver, self._address), self._address, self._progress)
                with link.session("READ") as session:
                    state = schema.state_of(session, self.url)
            LOG.info("%s: connected to %s, store of version %d", self.url, link.server, state.version)
            if state.version and not state.is_ready:
                self._finish(link, state)
        except BaseException:
            driver.close()
            raise
        return link

    @contextmanager
    def _noting_a_wait(self, what: str) -> Iterator[None]:
        """Report a wait if the block takes longer than ANSWER_SECONDS."""
        timer = Timer(retries.ANSWER_SECONDS, self._progress.note, [f"the store {self.url}: {what}"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _finish(self, link: Link, state: State) -> None:
        """Bring an older store up to date, or finish an import: without constraints every query reads every node."""
        from neo4j.exceptions import ClientError

        what = "imported by neo4j-admin" if state.unfinished else "made by an older version of lineage"
        if self._read_only:
            raise StoreError(
                f"the store {self.url} was {what} and is not brought up to date yet",
                hint=f"run `lineage store info --store {self.url}` once; it takes minutes for millions of models",
            )
        try:
            with self._progress.task("making constraints and indexes, once"), link.session("WRITE") as session:
                schema.make_ready(session, link.policy)
        except (ClientError, StoreError) as error:  # a missing right, a read-only database
            reason = error.message
            if not state.lacks_keys_only:
                raise StoreError(
                    f"the store {self.url} was {what} and cannot be brought up to date ({reason})",
                    hint="run the command once as a user who may change the schema, while the database is writable",
                ) from error
            self._progress.note(f"the store {self.url} has no constraints and indexes, so queries are slow ({reason})")

    def _exists(self) -> bool:
        """Return whether the database holds a store."""
        link = self._open()
        with as_store_errors(self.url), link.session("READ") as session:
            return link.policy.retry(lambda: schema.state_of(session, self.url)).version > 0


class _WrittenSinceError(Exception):
    """Roll a transaction back because the store was written since a mark; it never leaves the store."""


class Link:
    """Hold a connected driver and the server's name and version.

    Sessions share bookmarks: in a cluster each sees what earlier ones wrote.
    """

    def __init__(self, driver: Driver, server: str, address: Address, progress: Progress) -> None:
        from neo4j import GraphDatabase

        self.driver, self.server = driver, server
        self._database, self._bookmarks = address.database, GraphDatabase.bookmark_manager()
        self.policy = RetryPolicy(address.shown, partial(self.session, "WRITE"), progress)

    def session(self, access: Literal["READ", "WRITE"]) -> Session:
        """Open a session on the store's database."""
        return self.driver.session(
            database=self._database, default_access_mode=access, bookmark_manager=self._bookmarks
        )
