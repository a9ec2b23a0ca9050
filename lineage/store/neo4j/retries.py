"""How long a store in Neo4j waits: for a server that went away, and for another writer. Whoever waits is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from lineage.errors import StoreError
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage.store.neo4j import connection
from lineage.store.neo4j.errors import as_store_errors, store_error

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Session

LOG = Log(__name__)

SAY_SECONDS = 3.0
"""How long a writer waits for another one before it says so."""

ANSWER_SECONDS = 3.0
"""How long a server may take to answer for the first time before it is said that it is waited for."""

TURN_SECONDS = 30.0
"""How long a writer waits for another one before it gives up. One that comes after that one is waited for as long."""

LOOK_SECONDS = 1.0
"""How long between two looks at a transaction, whether somebody is in its way."""

_HOLDER = {False: "another writer", True: "an open transaction of somebody else"}
"""Who is in the way of a write, and of a change of the schema, by whether it is one."""

_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

Given = TypeVar("Given")


class RetryPolicy:
    """Try again while a server is away, and bound the wait for whoever holds a lock.

    `sessions` opens another session for writing on the same database: a transaction that waits cannot end itself, and
    on a cluster it is shown by the member that writes.
    """

    def __init__(self, url: str, sessions: Callable[[], Session], progress: Progress = SILENT) -> None:
        self.url = url
        self._sessions, self._progress = sessions, progress

    def retry(self, ask: Callable[[], Given]) -> Given:
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
                        f"the store {self.url} does not answer; trying again for up to {connection.RETRY_SECONDS:.0f} s"
                    )
                until = min(until, time.monotonic() + connection.RETRY_SECONDS)
                if time.monotonic() + pause > until:
                    raise
                LOG.info("%s: %s; trying again in %.1f s", self.url, type(error).__name__, pause)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def write(
        self, session: Session, work: Callable[[ManagedTransaction], object], *, changes_schema: bool = False
    ) -> None:
        """Run a managed write that does no harm when it is done twice; a read-only database is told at once.

        While somebody else's lock is in its way it waits, and no longer than TURN_SECONDS for the same one: many that
        take turns may be waited for in turn. What it does itself may take as long as it likes.
        """
        from neo4j import unit_of_work
        from neo4j.exceptions import ForbiddenOnReadOnlyDatabase

        mark = uuid4().hex

        @unit_of_work(metadata={"lineage": mark})
        def run(transaction: ManagedTransaction) -> None:
            try:
                work(transaction)
            except ForbiddenOnReadOnlyDatabase as error:
                raise store_error(self.url, error) from error

        def once() -> None:
            with self._watched(mark, changes_schema):
                session.execute_write(run)

        self.retry(once)

    @contextmanager
    def _watched(self, mark: str, changes_schema: bool) -> Iterator[None]:
        """Watch the transaction that bears a mark for as long as it goes on."""
        from neo4j.exceptions import DriverError, Neo4jError

        done, gave_up = threading.Event(), threading.Event()
        threading.Thread(target=self._watch, args=(mark, changes_schema, done, gave_up), daemon=True).start()
        try:
            yield
        except (DriverError, Neo4jError) as error:
            if not gave_up.is_set():
                raise
            raise StoreError(
                f"the store {self.url} is held by {_HOLDER[changes_schema]}: waited {TURN_SECONDS:.0f} seconds for it."
                " Nothing was half-written",
                hint="run the command again later; SHOW TRANSACTIONS on the server names who holds it",
            ) from error
        finally:
            done.set()

    def _watch(self, mark: str, changes_schema: bool, done: threading.Event, gave_up: threading.Event) -> None:
        """Say that a transaction waits, and end it when it did so for too long.

        A look that fails is taken again: who waits cannot end itself, and nobody else would.
        """
        free = since = time.monotonic()  # when nothing was in the way, when the same holder was not in the way yet
        before, said, pause = "", False, SAY_SECONDS
        while not done.wait(pause):
            pause = LOOK_SECONDS
            with suppress(StoreError), as_store_errors(self.url), self._sessions() as session:
                ours, holder = _look(session, mark, changes_schema)
                now = time.monotonic()
                free = free if holder else now
                since = now if not holder or (before and holder != before) else since
                before = holder
                if now - free >= SAY_SECONDS and not said and not done.is_set():
                    said = True
                    whom = _HOLDER[changes_schema]
                    self._progress.note(f"the store {self.url}: waiting for {whom}, for up to {TURN_SECONDS:.0f} s")
                if now - since >= TURN_SECONDS and not done.is_set():
                    gave_up.set()
                    LOG.info("%s: waited %.0f s for %s", self.url, TURN_SECONDS, _HOLDER[changes_schema])
                    session.run("TERMINATE TRANSACTIONS $ours", ours=ours).consume()


def _look(session: Session, mark: str, changes_schema: bool) -> tuple[list[str], str]:
    """Name the transactions that bear a mark, and say who is in their way; nothing where nobody is.

    Of a change of the schema the server tells no lock that it waits for: it waits while it makes no index.
    """
    found = session.run(
        "SHOW TRANSACTIONS YIELD transactionId, status, metaData WHERE metaData.lineage = $mark"
        " RETURN transactionId, status",
        mark=mark,
    ).values()
    holder = next((status for _, status in found if status.startswith("Blocked")), "")
    if found and changes_schema and not holder:
        at_work = session.run("SHOW INDEXES YIELD name, state WHERE state = 'POPULATING' RETURN name").value()
        holder = "" if at_work else _HOLDER[True]
    return [each for each, _ in found], holder
