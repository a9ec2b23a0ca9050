"""What a Neo4j store waits for, for how long, and what it reports meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lineage.errors import StoreError
from lineage.store.neo4j import connection, retries, schema
from lineage.store.neo4j.retries import RetryPolicy
from lineage.store.neo4j.store import Neo4jStore
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.cut_line import Proxy
from tests.support.graphs import FAMILY, model
from tests.support.neo4j_server import login, run
from tests.support.notes import Notes

AWAY = "does not answer; retrying for up to"

WAITS = "waiting for another writer, for up to"


TURN = "MATCH (s:LineageStore) SET s.writes = s.writes"
"""What holds the lock that writers take turns by."""

LOOKED_UP = "MATCH (n:Model {hub: 'huggingface.co'}) RETURN n"
"""What holds up a change of the schema: a question that an index of models answers."""


@contextmanager
def held(url: str, statement: str = TURN) -> Iterator[Callable[[], None]]:
    """Hold a lock like a hanging writer or reader; yield what releases it."""
    from neo4j import GraphDatabase

    with (
        GraphDatabase.driver(url, auth=login(), notifications_min_severity="OFF") as driver,
        driver.session() as session,
    ):
        transaction = session.begin_transaction()
        transaction.run(statement).consume()
        yield transaction.close
        transaction.close()


@pytest.fixture
def line(neo4j_url: str) -> Iterator[Proxy]:
    """Yield a proxy, which can be cut and restored, to a server with a small graph."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    proxy = Proxy(int(neo4j_url.rpartition(":")[2]))
    yield proxy
    proxy.cut()


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set every time limit to a second or less."""
    for name, seconds in (("NOTE_SECONDS", 0.1), ("TURN_SECONDS", 1.0), ("POLL_SECONDS", 0.1)):
        monkeypatch.setattr(retries, name, seconds)


def over(line: Proxy, heard: Notes) -> Neo4jStore:
    """Open the store behind a proxy."""
    store = open_store(f"bolt://127.0.0.1:{line.port}", progress=heard)
    assert isinstance(store, Neo4jStore)
    return store


def test_a_writer_that_waits_says_so_and_gives_up(
    neo4j_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A blocked command reports the wait on stderr and ends in an error; nothing is written."""
    from lineage_cli.main import main

    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    monkeypatch.setattr(retries, "NOTE_SECONDS", 0.3)
    monkeypatch.setattr(retries, "TURN_SECONDS", 1.5)
    monkeypatch.setattr(retries, "POLL_SECONDS", 0.2)
    with held(neo4j_url):
        for quiet in ((), ("--quiet",)):
            before = time.monotonic()
            with pytest.raises(SystemExit) as ended:
                main.main(["store", "forget", "you/tuned", "--store", neo4j_url, "--offline", *quiet])
            assert ended.value.code == 2
            assert 1.5 <= time.monotonic() - before < 20
            said = capsys.readouterr()
            assert "locked by another writer" in said.err
            assert "hint: run the command again later" in said.err
            assert (said.err.count(WAITS), said.out) == (0 if quiet else 1, "")
    with open_store(neo4j_url) as store, store.reading() as view:
        assert view.count("Model") == 3


def test_a_writer_that_waits_gets_its_turn(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer blocked for a short time writes as soon as the other one is done."""
    heard = Notes()
    with open_store(neo4j_url, progress=heard) as store:
        store.write(FAMILY)
        heard.notes.clear()
        monkeypatch.setattr(retries, "NOTE_SECONDS", 0.2)
        with held(neo4j_url) as let_go:
            timer = threading.Timer(1.0, let_go)
            timer.start()
            store.write(GraphBatch(models=(model("new/one"),)))
            timer.join()
        with store.reading() as view:
            assert view.count("Model") == 4
    assert [WAITS in note for note in heard.notes] == [True]


def test_a_long_write_is_not_cut(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for waiting only: a writer that holds the lock may take longer."""
    heard = Notes()
    with Neo4jStore(connection.address_of(neo4j_url), progress=heard) as store:
        store.write(FAMILY)
        heard.notes.clear()
        monkeypatch.setattr(retries, "NOTE_SECONDS", 0.2)
        monkeypatch.setattr(retries, "TURN_SECONDS", 0.5)
        monkeypatch.setattr(retries, "POLL_SECONDS", 0.2)
        store._write(lambda writer: time.sleep(2))
    assert heard.notes == []


@pytest.mark.parametrize("change", ["made", "dropped"])
def test_a_change_of_the_schema_is_not_waited_for_without_end(
    neo4j_url: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another client's open transaction delays a first load for a limited time, with a note."""
    heard = Notes()
    with Neo4jStore(connection.address_of(neo4j_url), progress=heard) as store:
        store.write(GraphBatch())
        store.close()
        if change == "made":
            run(neo4j_url, "DROP INDEX lineage_model_family")
        with held(neo4j_url, LOOKED_UP), monkeypatch.context() as hurried:
            hurry(hurried)
            before = time.monotonic()
            with pytest.raises(StoreError, match="locked by another client's open transaction"), store.bulk():
                pytest.fail("the load began")
            assert time.monotonic() - before < 15
        assert ["another client's open transaction, for up to 1 s" in note for note in heard.notes] == [True]
        with store.bulk():
            assert indexes(neo4j_url).isdisjoint(schema.indexes())
            store.write(FAMILY)
        assert schema.indexes().keys() <= indexes(neo4j_url)


def test_a_load_beside_readers_keeps_the_indexes(neo4j_url: str) -> None:
    """A load into a store that is not empty and its readers do not wait for each other."""
    heard = Notes()
    with Neo4jStore(connection.address_of(neo4j_url), progress=heard) as store:
        store.write(FAMILY)
        with held(neo4j_url, LOOKED_UP), store.bulk():
            assert schema.indexes().keys() <= indexes(neo4j_url)
            store.write(GraphBatch(models=(model("new/one"),)))
            assert run(neo4j_url, "MATCH (n:Model {licence: 'mit'}) RETURN count(n)") is not None
        assert store.info().nodes["Model"] == 4
    assert heard.notes == []


def indexes(url: str) -> set[str]:
    """Return the names of all indexes."""
    return {name for [name] in run(url, "SHOW INDEXES YIELD name")}


def test_a_server_that_comes_back_is_waited_for(line: Proxy) -> None:
    """Writes and queries are retried until the server is back, with one note each."""
    heard = Notes()

    def away(work: Callable[[], object]) -> None:
        line.cut()
        timer = threading.Timer(0.7, line.mend)
        timer.start()
        work()
        timer.join()

    with over(line, heard) as store:
        with store.reading():  # while a view is open, a write looks whether it can do without the missing indexes
            away(lambda: store.write(GraphBatch(models=(model("new/one"),))))
        away(lambda: store.write(GraphBatch(models=(model("new/two"),))))
        away(lambda: store.write(GraphBatch(models=(model("new/three"),))))
        away(store.info)
        assert store.info().nodes["Model"] == 6
    assert [AWAY in note for note in heard.notes] == [True] * 4


def test_a_question_whose_connection_breaks_is_asked_again(line: Proxy) -> None:
    """A query is retried in another transaction; a stream reports the lost connection."""
    heard = Notes()
    with over(line, heard) as store, store.reading() as view:
        assert view.count("Model") == 3
        line.hang_up()
        assert view.count("Model") == 3
        line.hang_up()
        assert len(list(view.all_nodes("Model"))) == 3
        assert len(heard.notes) == 2
        store.write(GraphBatch(models=tuple(model(f"many/m{number}") for number in range(3000))))
        rows = view.all_nodes("Model")
        next(rows)
        line.hang_up()
        with pytest.raises(StoreError, match=r"the connection to the store .* was lost"):
            list(rows)
        assert view.count("Model") == 3003


@pytest.mark.parametrize("kind", ["IncompleteCommit", "ServiceUnavailable", "SessionExpired"])
def test_the_time_for_retries_is_not_extended(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time for retries is not extended by an error of another kind."""
    from neo4j import exceptions

    monkeypatch.setattr(connection, "RETRY_SECONDS", 1.0)
    heard, tries = Notes(), 0

    class Broken:
        """Fail like a session."""

        def execute_write(self, work: object) -> None:
            """Fail."""
            nonlocal tries
            tries += 1
            raise getattr(exceptions, kind)("gone")

    session: Any = Broken()
    before = time.monotonic()
    with pytest.raises(getattr(exceptions, kind)):
        RetryPolicy("bolt://h", lambda: session, heard).write(session, lambda transaction: None)
    assert time.monotonic() - before < 1.5
    assert tries > 2
    assert heard.notes == ["the store bolt://h does not answer; retrying for up to 1 s"]


class Held:
    """A session whose write is blocked; queries about it get the given answers in turn, the last one repeatedly."""

    def __init__(self, *looks: list[str] | Exception) -> None:
        self._looks, self._ended, self._found = list(looks), threading.Event(), list[list[str]]()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def execute_write(self, work: object) -> None:
        """Wait until the last look was answered or the wait is ended from outside; without either, for long."""
        from neo4j.exceptions import ClientError

        until = time.monotonic() + 20
        while time.monotonic() < until and self._looks:
            if self._ended.wait(0.02):
                raise ClientError("terminated")

    def run(self, statement: str, **given: object) -> Held:
        """Answer a look, or end the wait."""
        if statement.startswith("TERMINATE"):
            self._ended.set()
        elif statement.startswith("SHOW TRANSACTIONS"):
            look = self._looks[0] if len(self._looks) == 1 and self._looks[0] == HANGS else self._looks.pop(0)
            if isinstance(look, Exception):
                raise look
            self._found = [["neo4j-transaction-9", status] for status in look]
        return self

    def values(self) -> list[list[str]]:
        """Give what was found."""
        return self._found

    def consume(self) -> None:
        """Read nothing."""


HANGS = ["Blocked by: [neo4j-transaction-1]"]


@pytest.mark.slow
def test_a_queue_at_neo4j_is_waited_for_as_long_as_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for one writer that hangs: eight that take turns may take longer together."""
    hurry(monkeypatch)
    heard = Notes()
    looks = [[f"Blocked by: [neo4j-transaction-{holder}]"] for holder in range(8) for _ in range(2)]
    session: Any = Held(*looks)
    before = time.monotonic()
    RetryPolicy("bolt://h", lambda: session, heard).write(session, lambda transaction: None)
    assert time.monotonic() - before > 1.2
    assert heard.notes == ["the store bolt://h: waiting for another writer, for up to 1 s"]


@pytest.mark.slow
def test_a_look_at_neo4j_that_fails_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocked write is ended in time though some queries about it failed or found nothing."""
    from neo4j.exceptions import ClientError, ServiceUnavailable

    hurry(monkeypatch)
    session: Any = Held(ServiceUnavailable("gone"), ClientError("no"), [], HANGS)
    before = time.monotonic()
    with pytest.raises(StoreError, match="locked by another writer"):
        RetryPolicy("bolt://h", lambda: session, Notes()).write(session, lambda transaction: None)
    assert time.monotonic() - before < 10


def test_a_reader_waits_for_no_writer_of_its_process(neo4j_url: str) -> None:
    """A view in another thread answers during a long write."""
    with Neo4jStore(connection.address_of(neo4j_url)) as store:
        store.write(FAMILY)
        writing, read = threading.Event(), threading.Event()

        def work(writer: object) -> None:
            writing.set()
            assert read.wait(30)

        thread = threading.Thread(target=store._write, args=(work,))
        thread.start()
        assert writing.wait(30)
        with store.reading() as view:
            assert view.count("Model") == 3
        read.set()
        thread.join()


def test_a_view_sees_what_its_process_wrote(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view starts with the bookmark of the last write, so that any member of a cluster shows it."""
    from neo4j import Session

    began: list[set[str]] = []
    begin = Session.begin_transaction

    def listening(session: Session, *given: Any, **named: Any) -> Any:
        began.append(set(session._get_bookmarks()))  # type: ignore[no-untyped-call]
        return begin(session, *given, **named)

    monkeypatch.setattr(Session, "begin_transaction", listening)
    with open_store(neo4j_url) as store:
        for batch in (FAMILY, GraphBatch(models=(model("new/one"),))):
            store.write(batch)
            with store.reading():
                pass
    assert all(began)
    assert began[0] != began[1]
