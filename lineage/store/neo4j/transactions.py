"""The transactions of a view: one after another for its queries, and one for each list that is streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Record, Result, Session, Transaction

    from lineage.store.neo4j.retries import RetryPolicy

CHUNK = 10_000
"""Keys or rows in one statement."""

MAX_STATEMENTS = 200
"""Statements of one transaction. The driver keeps the parameters of each until the transaction ends."""

KEYS_WEIGHT = 100
"""Keys that take as much of the driver's memory as a statement: a statement with 300 of them counts as four."""

Taken = TypeVar("Taken")


class Reading:
    """Run queries in read transactions, and begin a new one after MAX_STATEMENTS or a lost connection.

    Neo4j has no snapshots, so the transaction of a query makes no difference to its result. Each transaction is
    committed for its bookmark: with it the next one sees at least the same data, on another member of a cluster too. A
    stream has a session of its own, so that queries between its rows do not end it.
    """

    def __init__(self, sessions: Callable[[], Session], policy: RetryPolicy) -> None:
        self._sessions, self._policy = sessions, policy
        self._session = sessions()
        self._streams: set[Session] = set()
        self._transaction: Transaction | None = None
        self._weight = 0
        try:
            policy.retry(self._begin)
        except BaseException:
            self.close()
            raise

    def ask(self, statement: str, parameters: Mapping[str, Any], take: Callable[[Result], Taken]) -> Taken:
        """Run a query, retried while the server does not answer; `take` fetches what is needed of the result."""
        return self._policy.retry(lambda: self._once(statement, parameters, take))

    def stream(self, statement: str, parameters: Mapping[str, Any]) -> Iterator[Record]:
        """Yield rows as they arrive. They are at least as recent as the results of earlier queries."""
        self._policy.retry(self._end)
        session = self._sessions()
        self._streams.add(session)
        try:
            yield from self._policy.retry(lambda: session.run(statement, parameters))  # type: ignore[arg-type]
        finally:
            self._streams.discard(session)
            session.close()

    def close(self) -> None:
        """End all transactions, also those of streams that were not read to the end."""
        for session in (*self._streams, self._session):
            session.close()

    def _begin(self) -> Transaction:
        """Return the open transaction, or begin one."""
        if self._transaction is None:
            self._transaction, self._weight = self._session.begin_transaction(), 0
        return self._transaction

    def _end(self) -> None:
        """Commit the open transaction, for its bookmark."""
        ended, self._transaction = self._transaction, None
        if ended is not None:
            ended.commit()

    def _once(self, statement: str, parameters: Mapping[str, Any], take: Callable[[Result], Taken]) -> Taken:
        from neo4j.exceptions import DriverError, Neo4jError

        if self._weight >= MAX_STATEMENTS:
            self._end()
        transaction = self._begin()
        self._weight += 1 + sum(len(value) for value in parameters.values() if isinstance(value, list)) // KEYS_WEIGHT
        try:
            return take(transaction.run(statement, parameters))  # type: ignore[arg-type]
        except (DriverError, Neo4jError):
            self._transaction = None
            with suppress(DriverError, Neo4jError):
                transaction.close()
            raise


class Within:
    """Run queries in the transaction of a write, which sees its own changes."""

    def __init__(self, transaction: ManagedTransaction | Transaction) -> None:
        self._transaction = transaction

    def ask(self, statement: str, parameters: Mapping[str, Any], take: Callable[[Result], Taken]) -> Taken:
        """Run a query."""
        return take(self._transaction.run(statement, parameters))  # type: ignore[arg-type]

    def stream(self, statement: str, parameters: Mapping[str, Any]) -> Iterator[Record]:
        """Yield rows as they arrive."""
        return iter(self._transaction.run(statement, parameters))  # type: ignore[arg-type]
