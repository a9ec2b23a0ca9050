"""How long a store in Neo4j waits: for a server that went away, and for another writer. Whoever waits is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from lineage.errors import StoreError
from lineage.progress import SILENT, Progress
from lineage.store import neo4j_connection
from lineage.store.neo4j_errors import store_error, told

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Session

SAY_SECONDS = 3.0
"""How long a writer waits for another one before it says so."""

TURN_SECONDS = 30.0
"""How long a writer waits for another one before it gives up."""

_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

Given = TypeVar("Given")


class Patience:
    """Try again while a server is away, and bound the wait for another writer.

    `sessions` opens another session on the same database: a transaction that waits cannot end itself.
    """

    def __init__(self, url: str, sessions: Callable[[], Session], progress: Progress = SILENT) -> None:
        self.url = url
        self._sessions, self._progress = sessions, progress

    def tried(self, ask: Callable[[], Given]) -> Given:
        """Do what may be done twice, again where that helps, for half a minute after it failed first."""
        from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

        until, pause = float("inf"), _PAUSE
        while True:
            try:
                return ask()
            except (DriverError, Neo4jError) as error:
                if not (error.is_retryable() or isinstance(error, IncompleteCommit)):
                    raise
                if isinstance(error, DriverError) and until == float("inf"):
                    self._progress.note(
                        f"the store {self.url} does not answer;"
                        f" trying again for up to {neo4j_connection.RETRY_SECONDS:.0f} s"
                    )
                until = min(until, time.monotonic() + neo4j_connection.RETRY_SECONDS)
                if time.monotonic() + pause > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def write(
        self,
        session: Session,
        begin: Callable[[ManagedTransaction], Given],
        work: Callable[[Given], object] = lambda begun: None,
    ) -> None:
        """Run a managed write that does no harm when it is done twice; a read-only database is told at once.

        `begin` takes the turn among writers: that wait is bounded, `work` may take as long as it likes.
        """
        from neo4j import unit_of_work
        from neo4j.exceptions import ForbiddenOnReadOnlyDatabase

        mark = uuid4().hex

        @unit_of_work(metadata={"lineage": mark})
        def run(transaction: ManagedTransaction) -> None:
            try:
                with self._turn(mark):
                    begun = begin(transaction)
                work(begun)
            except ForbiddenOnReadOnlyDatabase as error:
                raise store_error(self.url, error) from error

        self.tried(lambda: session.execute_write(run))

    @contextmanager
    def _turn(self, mark: str) -> Iterator[None]:
        """Watch the transaction that bears a mark while it waits for another writer's lock."""
        from neo4j.exceptions import DriverError, Neo4jError

        done, gave_up = threading.Event(), threading.Event()
        threading.Thread(target=self._watch, args=(mark, done, gave_up), daemon=True).start()
        try:
            yield
        except (DriverError, Neo4jError) as error:
            if not gave_up.is_set():
                raise
            raise StoreError(
                f"the store {self.url} is held by another writer: waited {TURN_SECONDS:.0f} seconds for it."
                " Nothing was half-written",
                hint="run the command again later; SHOW TRANSACTIONS on the server names who holds it",
            ) from error
        finally:
            done.set()

    def _watch(self, mark: str, done: threading.Event, gave_up: threading.Event) -> None:
        """Say that a transaction waits, and end it when it did so for too long."""
        if done.wait(SAY_SECONDS):
            return
        self._progress.note(f"the store {self.url}: waiting for another writer, for up to {TURN_SECONDS:.0f} s")
        if done.wait(TURN_SECONDS - SAY_SECONDS):
            return
        gave_up.set()
        with suppress(StoreError), told(self.url), self._sessions() as session:
            found = (
                "SHOW TRANSACTIONS YIELD transactionId, metaData WHERE metaData.lineage = $mark RETURN transactionId"
            )
            if (waiting := session.run(found, mark=mark).value()) and not done.is_set():
                session.run("TERMINATE TRANSACTIONS $waiting", waiting=waiting).consume()
