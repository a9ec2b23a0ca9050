"""How long a Neo4j store waits for a server that does not answer, and for another writer's lock.

Retries and waits are reported as progress notes.
"""

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

NOTE_SECONDS = 3.0
"""How long a writer waits for another one before a note reports it."""

ANSWER_SECONDS = 3.0
"""How long a server may take for its first answer before a note reports the wait."""

TURN_SECONDS = 30.0
"""How long a writer waits for one other writer before it fails. Waiting for the next writer starts at zero again."""

JOIN_SECONDS = 5.0
"""How long the end of a transaction waits for the thread that watched it: one query of that thread."""

POLL_SECONDS = 1.0
"""Time between two queries whether a transaction is blocked."""

_HOLDER = {False: "another writer", True: "another client's open transaction"}
"""What blocks a write (False) and a change of the schema (True)."""

_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

Result = TypeVar("Result")


class RetryPolicy:
    """Retry while a server does not answer, and limit the wait for a lock.

    `sessions` opens another session for writing on the same database. Two things need it: a transaction that is blocked
    cannot end itself, and in a cluster only the member that writes lists it.
    """

    def __init__(self, url: str, sessions: Callable[[], Session], progress: Progress = SILENT) -> None:
        self.url = url
        self._sessions, self._progress = sessions, progress

    def retry(self, action: Callable[[], Result]) -> Result:
        """Run an idempotent action; retry it after a transient error, for RETRY_SECONDS after the first one.

        Pauses double from 0.1 to 3 seconds. The driver marks transient errors: a lost connection, a deadlock, a
        database that is starting. A commit whose outcome is unknown (IncompleteCommit) is repeated too, because the
        action is idempotent.
        """
        from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

        deadline, pause = float("inf"), _PAUSE
        while True:
            try:
                return action()
            except (DriverError, Neo4jError) as error:
                if not (error.is_retryable() or isinstance(error, IncompleteCommit)):
                    raise
                if isinstance(error, DriverError) and deadline == float("inf"):
                    self._progress.note(
                        f"the store {self.url} does not answer; retrying for up to {connection.RETRY_SECONDS:.0f} s"
                    )
                deadline = min(deadline, time.monotonic() + connection.RETRY_SECONDS)
                if time.monotonic() + pause > deadline:
                    raise
                LOG.info("%s: %s; retrying in %.1f s", self.url, type(error).__name__, pause)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def write(
        self, session: Session, work: Callable[[ManagedTransaction], object], *, changes_schema: bool = False
    ) -> None:
        """Run idempotent work in a managed write transaction, and limit its wait for locks.

        The work itself may take any time. It may wait TURN_SECONDS for each other writer: a queue of writers that each
        take their turn may take longer. Raises StoreError when that time is over, and at once for a read-only database.
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
            with self.watched(mark, changes_schema=changes_schema):
                session.execute_write(run)

        self.retry(once)

    @contextmanager
    def watched(self, mark: str, *, changes_schema: bool = False) -> Iterator[None]:
        """Watch the transaction that carries a mark while the block runs.

        A statement that waits for a lock blocks this thread, and by default the server has no time limit for locks. So
        a second thread asks the server in a session of its own whether the marked transaction is blocked, and
        terminates it after TURN_SECONDS. The blocked statement then fails here, and `terminated` says why.
        """
        from neo4j.exceptions import DriverError, Neo4jError

        done, terminated = threading.Event(), threading.Event()
        watcher = threading.Thread(target=self._watch, args=(mark, changes_schema, done, terminated), daemon=True)
        watcher.start()
        try:
            yield
        except (DriverError, Neo4jError) as error:
            if not terminated.is_set():
                raise
            raise StoreError(
                f"the store {self.url} is locked by {_HOLDER[changes_schema]}: waited {TURN_SECONDS:.0f} seconds."
                " The write was rolled back",
                hint="run the command again later; SHOW TRANSACTIONS on the server lists who holds the lock",
            ) from error
        finally:
            done.set()
            watcher.join(JOIN_SECONDS)  # a connection that it still uses must not be closed under it

    def _watch(self, mark: str, changes_schema: bool, done: threading.Event, terminated: threading.Event) -> None:
        """Report that a transaction is blocked, and terminate it after TURN_SECONDS behind the same holder.

        `unblocked` is the last time when it was not blocked, `since` the time when the present holder began to block
        it. With TURN_SECONDS = 30, three writers that hold the lock for 20 seconds each are waited for, 60 seconds in
        all; one that holds it for 31 seconds is not. The note comes once, after NOTE_SECONDS. After an error of a query
        the loop continues: without this thread the transaction would wait without a limit.
        """
        unblocked = since = time.monotonic()
        before, noted, pause = "", False, NOTE_SECONDS
        while not done.wait(pause):
            pause = POLL_SECONDS
            with suppress(StoreError), as_store_errors(self.url), self._sessions() as session:
                ours, holder = _holder_of_lock(session, mark, changes_schema)
                now = time.monotonic()
                # The note counts the whole wait, from `unblocked`; the limit counts one holder's turn, from `since`.
                unblocked = unblocked if holder else now
                since = now if not holder or (before and holder != before) else since
                before = holder
                if now - unblocked >= NOTE_SECONDS and not noted and not done.is_set():
                    noted = True
                    whom = _HOLDER[changes_schema]
                    self._progress.note(f"the store {self.url}: waiting for {whom}, for up to {TURN_SECONDS:.0f} s")
                if now - since >= TURN_SECONDS and not done.is_set():
                    # Set before the termination, so that the failing statement finds the reason when it raises.
                    terminated.set()
                    LOG.info("%s: waited %.0f s for %s", self.url, TURN_SECONDS, _HOLDER[changes_schema])
                    session.run("TERMINATE TRANSACTIONS $ours", ours=ours).consume()


def _holder_of_lock(session: Session, mark: str, changes_schema: bool) -> tuple[list[str], str]:
    """Return the ids of the transactions that carry a mark, and what blocks them; empty if nothing does.

    The status of a blocked write names its holder: `Blocked by: [neo4j-transaction-17]`. A change of the schema that
    waits has no such status, so it counts as blocked unless an index is being populated.
    """
    found = session.run(
        "SHOW TRANSACTIONS YIELD transactionId, status, metaData WHERE metaData.lineage = $mark"
        " RETURN transactionId, status",
        mark=mark,
    ).values()
    holder = next((status for _, status in found if status.startswith("Blocked")), "")
    if found and changes_schema and not holder:
        populating = session.run("SHOW INDEXES YIELD name, state WHERE state = 'POPULATING' RETURN name").value()
        holder = "" if populating else _HOLDER[True]
    return [each for each, _ in found], holder
