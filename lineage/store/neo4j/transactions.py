"""The transactions of a view: one after another for its questions, and one for each long list that it goes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Record, Result, Session, Transaction

    from lineage.store.neo4j.retries import RetryPolicy

CHUNK = 10_000
"""Keys or rows in one statement."""

RENEWED = 200
"""Statements of one transaction. The driver keeps what each was asked with until its transaction ends."""

KEYS = 100
"""Keys that weigh as much there as a statement does."""

Given = TypeVar("Given")


class Reading:
    """Ask in read transactions, and begin another one where that is due or the connection broke.

    Neo4j has no snapshots, so a question that is asked in another transaction is answered as well as before. Each
    transaction is committed, which gives a bookmark: the next one sees what it saw, on another member of a cluster
    too. A long list has a session of its own, so that questions between its rows do not end it.
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

    def ask(self, statement: str, parameters: Mapping[str, Any], take: Callable[[Result], Given]) -> Given:
        """Ask a question, again while the server is away; `take` fetches all that it wants of the answer."""
        return self._policy.retry(lambda: self._once(statement, parameters, take))

    def stream(self, statement: str, parameters: Mapping[str, Any]) -> Iterator[Record]:
        """Give rows as they come. Whoever asks meanwhile begins behind what was seen before them."""
        self._policy.retry(self._end)
        session = self._sessions()
        self._streams.add(session)
        try:
            yield from self._policy.retry(lambda: session.run(statement, parameters))  # type: ignore[arg-type]
        finally:
            self._streams.discard(session)
            session.close()

    def close(self) -> None:
        """End all transactions, those of lists too that nobody went to the end of."""
        for session in (*self._streams, self._session):
            session.close()

    def _begin(self) -> Transaction:
        """Give the transaction of the moment: a new one where there is none."""
        if self._transaction is None:
            self._transaction, self._weight = self._session.begin_transaction(), 0
        return self._transaction

    def _end(self) -> None:
        """Commit what was read, for its bookmark."""
        ended, self._transaction = self._transaction, None
        if ended is not None:
            ended.commit()

    def _once(self, statement: str, parameters: Mapping[str, Any], take: Callable[[Result], Given]) -> Given:
        from neo4j.exceptions import DriverError, Neo4jError

        if self._weight >= RENEWED:
            self._end()
        transaction = self._begin()
        self._weight += 1 + sum(len(value) for value in parameters.values() if isinstance(value, list)) // KEYS
        try:
            return take(transaction.run(statement, parameters))  # type: ignore[arg-type]
        except (DriverError, Neo4jError):
            self._transaction = None
            with suppress(DriverError, Neo4jError):
                transaction.close()
            raise


class Within:
    """Ask in the transaction of a write, which sees what it wrote."""

    def __init__(self, transaction: ManagedTransaction) -> None:
        self._transaction = transaction

    def ask(self, statement: str, parameters: Mapping[str, Any], take: Callable[[Result], Given]) -> Given:
        """Ask a question."""
        return take(self._transaction.run(statement, parameters))  # type: ignore[arg-type]

    def stream(self, statement: str, parameters: Mapping[str, Any]) -> Iterator[Record]:
        """Give rows as they come."""
        return iter(self._transaction.run(statement, parameters))  # type: ignore[arg-type]
