"""Opening a Neo4j store: few statements, the rights of a reader are enough, and what is found is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lineage.answers.session import Session as Asking
from lineage.answers.store import store_info
from lineage.answers.trace import trace
from lineage.errors import StoreError
from lineage.store import migrations
from lineage.store.neo4j import connection, schema
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import FAMILY, model
from tests.support.neo4j_server import run

if TYPE_CHECKING:
    from neo4j import Session


@pytest.fixture
def family(neo4j_url: str) -> str:
    """Return the URL of a store with a small graph."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    return neo4j_url


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record every statement that is sent."""
    from neo4j import Session, Transaction

    sent: list[str] = []

    def listening(cls: type[Session] | type[Transaction]) -> None:
        send = cls.run

        def run(self: Any, query: Any, *given: Any, **named: Any) -> Any:
            sent.append(query)
            return send(self, query, *given, **named)

        monkeypatch.setattr(cls, "run", run)

    listening(Session)
    listening(Transaction)
    return sent


def test_opening_a_store_in_neo4j_costs_one_statement(family: str, statements: list[str]) -> None:
    """A reader queries the version only; it does not list indexes."""
    with open_store(family) as store:
        with store.reading() as view:
            assert view.count("Model") == 3
    assert [statement.split("RETURN")[0] for statement in statements] == ["MATCH (s:LineageStore) ", "MATCH (n:Model) "]


@pytest.mark.parametrize("has_keys", [True, False], ids=["whole", "imported"])
def test_a_role_in_neo4j_that_may_only_read(family: str, has_keys: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without the right to list indexes can read the store."""
    from neo4j import Session
    from neo4j.exceptions import Forbidden

    if not has_keys:
        run(family, "MATCH (s:LineageStore) SET s.unfinished = ['import']")
    send = Session.run

    def run_(self: Session, query: Any, *given: Any, **named: Any) -> Any:
        if "SHOW INDEXES" in query:
            raise Forbidden("Access denied")
        return send(self, query, *given, **named)

    monkeypatch.setattr(Session, "run", run_)
    with Asking(store_url=family, offline=True) as session:
        answer = trace(session, "you/tuned")
    assert "org/base" in answer.model_dump_json()
    if has_keys:
        with open_store(family) as store:
            store.write(FAMILY)


def test_a_database_of_neo4j_with_nothing_in_it_is_told(neo4j_url: str) -> None:
    """An empty database is reported as empty; another application's nodes are not counted."""
    with Asking(store_url=neo4j_url) as session:
        answer = store_info(session)
    assert "this database is empty" in (answer.note or "")
    assert answer.database == "neo4j"
    assert answer.size_bytes is None
    assert "does not report the size" in (answer.size_note or "")
    run(neo4j_url, "CREATE (:Model {key: 'theirs'})")
    with Asking(store_url=neo4j_url) as session:
        answer = store_info(session)
    assert "another application" in (answer.note or "")
    assert not any(answer.nodes.values())


def test_any_label_of_ours_in_neo4j_tells_a_stranger(neo4j_url: str) -> None:
    """A database with another application's nodes under any label of a store is refused."""
    labels = {statement.partition("FOR (n:")[2].partition(")")[0] for statement in schema.constraints().values()}
    assert {"Model", "Text", "Awaited", "LineageStore"} <= labels
    for label in sorted(labels):
        run(neo4j_url, "MATCH (n) DELETE n")
        run(neo4j_url, f"CREATE (:{label} {{key: 'theirs', kind: 'theirs', name: 'theirs'}})")
        with open_store(neo4j_url) as store:
            assert "another application" in (store.info().note or "")
            with pytest.raises(StoreError, match=f"has {label} nodes of another application"):
                store.write(FAMILY)
    assert run(neo4j_url, "MATCH (n) RETURN count(n)") == [[1]]


def test_two_that_begin_a_store_in_neo4j_at_once(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that found no store writes into the one that another has made in between."""
    look = schema.state_of
    with open_store(neo4j_url) as store, open_store(neo4j_url) as other:
        assert store.info().note
        assert other.info().note

        def late(session: Session, url: str) -> schema.State:
            state = look(session, url)
            monkeypatch.setattr(schema, "state_of", look)
            other.write(GraphBatch(models=(model("new/one"),)))
            return state

        monkeypatch.setattr(schema, "state_of", late)
        store.write(FAMILY)
        assert store.info().nodes["Model"] == 4


def test_a_store_in_neo4j_tells_its_own_version(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`info` reports the stored schema version, not the one of this lineage."""
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 7)
    run(family, "MATCH (s:LineageStore) SET s.schema_version = 7")
    with Asking(store_url=family) as session:
        answer = store_info(session)
    assert (answer.schema_version, answer.note, answer.database) == (7, None, "neo4j")


def test_a_server_that_is_too_old(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is too old is an error at the first use, which names the lowest version."""
    monkeypatch.setattr(connection, "LOWEST", (9999, 1))
    with open_store(neo4j_url) as store, pytest.raises(StoreError, match="too old") as caught:
        store.info()
    assert "9999.1" in (caught.value.hint or "")


def test_a_store_of_a_newer_lineage(neo4j_url: str) -> None:
    """A store of a newer version is neither read nor written."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    run(neo4j_url, "MATCH (s:LineageStore) SET s.schema_version = 99")
    with open_store(neo4j_url) as store:
        with pytest.raises(StoreError, match="newer version"):
            store.info()
        with pytest.raises(StoreError, match="newer version"):
            store.write(FAMILY)


def test_a_database_of_another_application(neo4j_url: str) -> None:
    """A database whose nodes have labels of a store but are another application's is not changed."""
    run(neo4j_url, "CREATE (:File {key: 'theirs'})")
    with open_store(neo4j_url) as store, pytest.raises(StoreError, match="another application"):
        store.write(FAMILY)
