"""What a store in Neo4j waits for, how long, and what it says meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lineage.errors import StoreError
from lineage.progress import Progress
from lineage.store import neo4j_connection, neo4j_patience
from lineage.store.neo4j import Neo4jStore
from lineage.store.neo4j_patience import Patience
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.cut_line import Proxy
from tests.support.graphs import FAMILY, model
from tests.support.neo4j_server import login

AWAY = "does not answer; trying again for up to"

WAITS = "waiting for another writer, for up to"


class Heard(Progress):
    """Keep what a person would be told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        """Keep one note."""
        self.notes.append(message)


@contextmanager
def held(url: str) -> Iterator[Callable[[], None]]:
    """Hold the lock that writers take turns by, as a writer that hangs does; gives what lets it go."""
    from neo4j import GraphDatabase

    with GraphDatabase.driver(url, auth=login()) as driver, driver.session() as session:
        transaction = session.begin_transaction()
        transaction.run("MATCH (s:LineageStore) SET s.writes = s.writes").consume()
        yield transaction.close
        transaction.close()


@pytest.fixture
def line(neo4j_url: str) -> Iterator[Proxy]:
    """Give a line to a server with a small graph that can be cut and mended."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    proxy = Proxy(int(neo4j_url.rpartition(":")[2]))
    yield proxy
    proxy.cut()


def over(line: Proxy, heard: Progress) -> Neo4jStore:
    """Open the store at the end of a line."""
    store = open_store(f"bolt://127.0.0.1:{line.port}", progress=heard)
    assert isinstance(store, Neo4jStore)
    return store


def test_a_writer_that_waits_says_so_and_gives_up(
    neo4j_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that another writer keeps waiting tells it on stderr, and ends in an error; nothing is written."""
    from lineage_cli.main import main

    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    monkeypatch.setattr(neo4j_patience, "SAY_SECONDS", 0.3)
    monkeypatch.setattr(neo4j_patience, "TURN_SECONDS", 1.5)
    with held(neo4j_url):
        for quiet in ((), ("--quiet",)):
            before = time.monotonic()
            with pytest.raises(SystemExit) as ended:
                main.main(["store", "forget", "you/tuned", "--store", neo4j_url, "--offline", *quiet])
            assert ended.value.code == 2
            assert 1.5 <= time.monotonic() - before < 20
            said = capsys.readouterr()
            assert "held by another writer" in said.err
            assert "hint: run the command again later" in said.err
            assert (said.err.count(WAITS), said.out) == (0 if quiet else 1, "")
    with open_store(neo4j_url) as store, store.reading() as view:
        assert view.count("Model") == 3


def test_a_writer_that_waits_gets_its_turn(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited less than that writes as soon as the other one is done."""
    heard = Heard()
    with open_store(neo4j_url, progress=heard) as store:
        store.write(FAMILY)
        heard.notes.clear()
        monkeypatch.setattr(neo4j_patience, "SAY_SECONDS", 0.2)
        with held(neo4j_url) as let_go:
            timer = threading.Timer(1.0, let_go)
            timer.start()
            store.write(GraphBatch(models=(model("new/one"),)))
            timer.join()
        with store.reading() as view:
            assert view.count("Model") == 4
    assert [WAITS in note for note in heard.notes] == [True]


def test_a_long_write_is_not_cut(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is one of waiting: whoever has the turn may take longer."""
    heard = Heard()
    with Neo4jStore(neo4j_connection.address_of(neo4j_url), progress=heard) as store:
        store.write(FAMILY)
        heard.notes.clear()
        monkeypatch.setattr(neo4j_patience, "SAY_SECONDS", 2.0)
        monkeypatch.setattr(neo4j_patience, "TURN_SECONDS", 3.0)
        store._write(lambda writer: time.sleep(5))
    assert heard.notes == []


def test_a_server_that_comes_back_is_waited_for(line: Proxy) -> None:
    """A write and a question that find the server away are told once and done when it is back."""
    heard = Heard()
    with over(line, heard) as store:
        store.write(GraphBatch())
        for work in (lambda: store.write(GraphBatch(models=(model("new/one"),))), store.info):
            line.cut()
            timer = threading.Timer(1.0, line.mend)
            timer.start()
            work()
            timer.join()
        assert store.info().nodes["Model"] == 4
    assert [AWAY in note for note in heard.notes] == [True, True]


def test_a_question_whose_connection_breaks_is_asked_again(line: Proxy) -> None:
    """A view goes on in another transaction; one that is amid its rows tells that the connection broke."""
    heard = Heard()
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
        with pytest.raises(StoreError, match=r"the connection to the store .* broke"):
            list(rows)
        assert view.count("Model") == 3003


@pytest.mark.parametrize("kind", ["IncompleteCommit", "ServiceUnavailable", "SessionExpired"])
def test_the_patience_with_neo4j_is_as_long_as_it_says(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a write fails by, half a minute of trying is not begun a second time."""
    from neo4j import exceptions

    monkeypatch.setattr(neo4j_connection, "RETRY_SECONDS", 1.0)
    heard, tries = Heard(), 0

    class Broken:
        """Fail as a session does."""

        def execute_write(self, work: object) -> None:
            """Fail."""
            nonlocal tries
            tries += 1
            raise getattr(exceptions, kind)("gone")

    session: Any = Broken()
    before = time.monotonic()
    with pytest.raises(getattr(exceptions, kind)):
        Patience("bolt://h", lambda: session, heard).write(session, lambda transaction: None)
    assert time.monotonic() - before < 1.5
    assert tries > 2
    assert heard.notes == ["the store bolt://h does not answer; trying again for up to 1 s"]


def test_a_reader_waits_for_no_writer_of_its_process(neo4j_url: str) -> None:
    """A view in another thread answers while a long write goes on."""
    with Neo4jStore(neo4j_connection.address_of(neo4j_url)) as store:
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
    """A view begins behind the last write, also on another member of a cluster: it carries the write's bookmark."""
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
