"""The read transactions of a view: bounded in size, each with the bookmark of the one before, all read-only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lineage.errors import StoreError
from lineage.store.neo4j import transactions
from lineage.store.neo4j.transactions import CHUNK
from lineage.store.neo4j.view import Neo4jView
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import FAMILY, model

MANY = tuple(model(f"many/m{number:04}") for number in range(3000))
"""More than a driver fetches at once: a list of them is open at the server while others are asked."""

WRITING = "CREATE (n:Model {key: 'never/there'}) RETURN n"


class Listening:
    """Record the transaction of each statement, and the bookmarks of each transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from neo4j import Session, Transaction

        self.ran: list[Transaction] = []
        self.behind: list[frozenset[str]] = []
        begin, run = Session.begin_transaction, Transaction.run

        def beginning(session: Session, *given: Any, **named: Any) -> Transaction:
            self.behind.append(frozenset(session._get_bookmarks()))  # type: ignore[no-untyped-call]
            return begin(session, *given, **named)

        def running(transaction: Transaction, *given: Any, **named: Any) -> Any:
            self.ran.append(transaction)
            return run(transaction, *given, **named)

        monkeypatch.setattr(Session, "begin_transaction", beginning)
        monkeypatch.setattr(Transaction, "run", running)

    def most(self) -> int:
        """Return the number of statements of the largest transaction."""
        return max(Counter(map(id, self.ran)).values())


def test_a_view_holds_no_more_the_more_it_is_asked(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lookups during a stream share transactions of bounded size, and the stream ends normally."""
    monkeypatch.setattr(transactions, "MAX_STATEMENTS", 20)
    with open_store(neo4j_url) as store:
        store.write(GraphBatch(models=MANY))
        heard = Listening(monkeypatch)
        with store.reading() as view:
            seen = 0
            for row in view.all_nodes("Model"):
                seen += 1
                if seen % 10 == 0:
                    assert view.nodes("Model", [row.key])
            assert seen == len(MANY)
            assert len(heard.ran) == seen // 10
            assert heard.most() == 20
            heard.ran.clear()
            view.nodes("Model", [f"nobody/m{number}" for number in range(3 * CHUNK)])
            assert heard.most() == 1


def test_each_transaction_of_a_view_begins_behind_the_one_before(
    neo4j_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new transaction or stream of a view has the bookmark of the one before."""
    from neo4j import Session

    monkeypatch.setattr(transactions, "MAX_STATEMENTS", 2)
    lists: list[frozenset[str]] = []
    run = Session.run

    def running(session: Session, *given: Any, **named: Any) -> Any:
        lists.append(frozenset(session._get_bookmarks()))  # type: ignore[no-untyped-call]
        return run(session, *given, **named)

    with open_store(neo4j_url) as store:
        store.write(FAMILY)
        heard = Listening(monkeypatch)
        with store.reading() as view, open_store(neo4j_url) as writer:
            for number in range(3):
                assert view.count("Model") == 3 + number
                writer.write(GraphBatch(models=(model(f"new/m{number}"),)))
                assert view.count("Model") == 4 + number
            monkeypatch.setattr(Session, "run", running)
            assert len(list(view.all_nodes("Model"))) == 6
            assert view.count("Model") == 6
    assert all(heard.behind)
    assert len(set(heard.behind)) == len(heard.behind) == 4
    assert lists == [heard.behind[-1]]


def test_no_transaction_of_a_view_writes(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server refuses a write in the first transaction, the next ones and a stream's."""
    monkeypatch.setattr(transactions, "MAX_STATEMENTS", 1)
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
        with store.reading() as view:
            assert isinstance(view, Neo4jView)
            for ask in (view.rows, lambda statement: list(view.each(statement))):
                for _ in range(2):
                    with pytest.raises(StoreError):
                        ask(WRITING)
                    assert view.count("Model") == 3


def test_a_list_that_nobody_ends_is_closed_with_its_view(neo4j_url: str) -> None:
    """A stream that was not read to the end is closed with its view, and yields no rows later."""
    with open_store(neo4j_url) as store:
        store.write(GraphBatch(models=MANY))
        for _ in range(2):
            with store.reading() as view:
                rows, others = view.all_nodes("Model"), view.all_nodes("Model")
                assert next(rows).key == next(others).key == MANY[0].key
                assert next(others).key == MANY[1].key
            with pytest.raises(StoreError):
                list(rows)
        store.erase([each.key for each in MANY[:2]])
        with store.reading() as view:
            assert view.count("Model") == len(MANY) - 2
