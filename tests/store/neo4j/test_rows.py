"""The rows that a Neo4j server sends: no more than were asked for, however large the graph is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lineage.query.walk import descendants
from lineage.store.codec import encode
from lineage.store.neo4j.view import Neo4jView
from lineage.store.neo4j.write import Neo4jWriter
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import FAMILY, derivation, model
from tests.support.neo4j_server import login, run

CHILDREN = 3000


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the rows of every statement that a view runs."""
    counts: list[int] = []
    rows, each = Neo4jView.rows, Neo4jView.each

    def counted_rows(view: Neo4jView, statement: str, **parameters: Any) -> list[list[Any]]:
        found = rows(view, statement, **parameters)
        counts.append(len(found))
        return found

    def counted_each(view: Neo4jView, statement: str, **parameters: Any) -> Iterator[Any]:
        for row in each(view, statement, **parameters):
            counts.append(1)
            yield row

    monkeypatch.setattr(Neo4jView, "rows", counted_rows)
    monkeypatch.setattr(Neo4jView, "each", counted_each)
    return counts


def test_the_first_descendants_carry_no_others(neo4j_url: str, carried: list[int]) -> None:
    """The first hundred of thousands of descendants, and their count, take a hundred rows and their edges."""
    children = [f"you/m{number:04}" for number in range(CHILDREN)]
    with open_store(neo4j_url) as store:
        store.write(
            GraphBatch(
                models=(model("org/base"), *map(model, children)),
                derivations=tuple(derivation(child, "org/base") for child in children),
            )
        )
        with store.reading() as view:
            carried.clear()
            walk = descendants(view, "org/base", limit=100)
            assert sum(carried) < 250
            assert list(walk.depths) == ["org/base", *children[:100]]
            assert walk.total == CHILDREN
            carried.clear()
            assert len(view.find("Model", {}, limit=50)) == 50
            assert view.count("DERIVED_FROM") == CHILDREN
            assert sum(carried) < 60


class Profiled:
    """Run statements in a transaction and count the database hits."""

    def __init__(self, transaction: Any) -> None:
        self._transaction, self.hits = transaction, 0
        self._found: list[list[Any]] = []

    def run(self, statement: str, **parameters: Any) -> Profiled:
        """Run one statement."""
        result = self._transaction.run(f"PROFILE {statement}", **parameters)
        self._found = result.values()
        plans = [result.consume().profile]
        while plans:
            plan = plans.pop()
            self.hits += plan["args"].get("DbHits", 0)
            plans += plan.get("children", ())
        return self

    def values(self) -> list[list[Any]]:
        """Return the rows of the last statement."""
        return self._found


def test_a_write_looks_at_no_others_that_are_awaited(neo4j_url: str) -> None:
    """Thousands of awaited nodes do not slow down a write that is not about them."""
    from neo4j import GraphDatabase

    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    run(neo4j_url, "UNWIND range(1, 3000) AS n CREATE (:Awaited {kind: 'Model', key: 'm/' + n, name: 'm/' + n})")
    with GraphDatabase.driver(neo4j_url, auth=login()) as driver, driver.session() as session:
        with session.begin_transaction() as transaction:
            profiled: Any = Profiled(transaction)
            Neo4jWriter.begin(profiled).write(encode(GraphBatch(models=(model("new/one"),))))
    assert 0 < profiled.hits < 200
