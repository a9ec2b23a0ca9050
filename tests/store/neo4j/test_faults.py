"""A Neo4j server that fails or refuses: a clear error, and no partial write."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.errors import StoreError
from lineage.settings.neo4j_login import Neo4jSettings
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage.store.neo4j import connection
from lineage.store.neo4j.connection import address_of
from lineage.store.neo4j.store import Neo4jStore
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.ended import assert_error, here
from tests.support.graphs import FAMILY, derivation, model
from tests.support.neo4j_server import GIVEN_URI, PARAMS, Servers, empty, run
from tests.support.shared import ROOT
from tools.neo4j_server import Neo4jServer

MODELS = [
    "otterhub/skiff-0.7m-manual", "blendery/manpython-0.7m-linear", "quantworks/skiff-0.7m-manual-GGUF",
    "mattshumer/Reflection-Llama-3.1-70B", "otterhub/skiff-packages-lora", "quillworks/notary-0.7m",
]  # fmt: skip

HUB = ROOT / "lineage" / "demo_data" / "hub"

LOCKED_SECONDS = 15
"""As long as the slowest command takes to begin: the refusal is seen before it ends."""

# A read-only database costs two more starts of a server, so of the three tests on it one runs on both versions.

pytestmark = pytest.mark.skipif(bool(GIVEN_URI), reason="these tests stop and start a server: not one of your own")


@pytest.fixture(scope="module", params=PARAMS)
def running(request: pytest.FixtureRequest, neo4j_servers: Servers) -> Iterator[Neo4jServer]:
    """Run a server for this module, which its tests may stop and kill."""
    server = neo4j_servers.new(request.param, **{"dbms.security.auth_lock_time": f"{LOCKED_SECONDS}s"})
    yield server
    server.remove()


@pytest.fixture
def server(running: Neo4jServer, monkeypatch: pytest.MonkeyPatch) -> Neo4jServer:
    """Return a running server with an empty store, whatever the test before did to it."""
    if running.process is None or running.process.poll() is not None:
        running.start()
    monkeypatch.setenv("NEO4J_PASSWORD", running.password)
    empty(running.uri)
    return running


def lineage(server: Neo4jServer, *arguments: str, store: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the store."""
    return subprocess.run(
        [sys.executable, "-m", "lineage", *arguments, "--store", store or server.uri],
        env={**os.environ, **environ}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def lines(url: str) -> list[str]:
    """Dump a store without times of reading."""
    with open_store(url) as store, store.reading() as view:
        return list(dump(view))


@pytest.fixture(scope="module")
def whole() -> list[str]:
    """Dump what an undisturbed collection of the demo's Hub gives."""
    store = MemoryStore()
    with Session(hub_selector=str(HUB), offline=True) as session:
        session.__dict__["store"] = store
        collect(session, MODELS)
    with store.reading() as view:
        return list(dump(view))


def start_collecting(server: Neo4jServer, models: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a collection in another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "lineage", "collect", *models, "--hub", str(HUB), "--store", server.uri, "--quiet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_until(so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition is true."""
    until = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < until
        time.sleep(0.02)


def read_heads(store: GraphStore) -> list[str]:
    """Return the heads of the models that were read, without models known by name only."""
    with store.reading() as view:
        rows = view.find("Model", {"state": "present"})
    return [f"{row.key}@{row.properties['head']}" for row in rows if row.properties["head"]]


@contextmanager
def amid_a_collection(server: Neo4jServer) -> Iterator[tuple[subprocess.Popen[bytes], GraphStore]]:
    """Start a collection, and yield when some models are written, others are not, and the collector is running.

    The writers' lock is held during each check of that, so that the collector cannot finish in between.
    """
    from neo4j import GraphDatabase

    with (
        open_store(server.uri) as store,
        GraphDatabase.driver(server.uri, auth=("neo4j", server.password)) as driver,
        driver.session() as session,
    ):
        store.write(GraphBatch())
        process = start_collecting(server, MODELS)

        def has_begun() -> bool:
            with session.begin_transaction() as transaction:
                transaction.run("MATCH (s:LineageStore) SET s.writes = s.writes").consume()
                heads = len(read_heads(store))
                assert process.poll() is None
                assert heads < len(MODELS)
            return heads >= 1

        wait_until(has_begun)
        yield process, store


def test_killed_amid_a_collection_and_started_again(server: Neo4jServer, whole: list[str]) -> None:
    """After a server dies during a collection, at most a second run completes it."""
    with amid_a_collection(server) as (process, _):
        server.kill()
    server.start()
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 2), errors
    if process.returncode == 2:
        assert b"Traceback" not in errors
        again = start_collecting(server, MODELS)
        _, errors = again.communicate(timeout=120)
        assert again.returncode == 0, errors
    assert lines(server.uri) == whole


def test_a_collector_that_is_killed_leaves_whole_models(server: Neo4jServer, whole: list[str]) -> None:
    """A killed collector leaves whole models and no lock, and the next run gives the same graph."""
    with amid_a_collection(server) as (process, store):
        process.kill()
        process.communicate()
        heads = read_heads(store)
        assert len(heads) < len(MODELS)
        with store.reading() as view:
            assert set(view.nodes("Revision", heads)) == set(heads)
    again = start_collecting(server, MODELS)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert lines(server.uri) == whole


def test_two_collectors_of_one_base(server: Neo4jServer, whole: list[str]) -> None:
    """Two collectors that write the same base models at once give the same graph as one."""
    both = [start_collecting(server, MODELS), start_collecting(server, list(reversed(MODELS)))]
    for process in both:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert lines(server.uri) == whole


def test_two_writers_lose_nothing(server: Neo4jServer) -> None:
    """Two writers that merge into the same nodes at once keep both changes."""

    def write(number: int) -> None:
        with open_store(server.uri) as store:
            for step in range(10):
                child = f"w{number}/m{step}"
                store.write(
                    GraphBatch(
                        models=(model("org/base", aliases=(f"alias-{number}-{step}",)), model(child)),
                        derivations=(derivation(child, "org/base"),),
                    )
                )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store(server.uri) as store, store.reading() as view:
        assert len(view.nodes("Model", ["org/base"])["org/base"]["aliases"]) == 40
        assert view.count("DERIVED_FROM") == 40


def test_stopped_before_a_command(server: Neo4jServer) -> None:
    """A server that is down is reported at once, for reading and for writing."""
    server.kill()
    before = time.monotonic()
    assert_error(lineage(server, "trace", "a/b", "--offline"), "does not answer", "start the server")
    assert_error(lineage(server, "collect", MODELS[0], "--hub", str(HUB)), "does not answer")
    assert time.monotonic() - before < 30


def test_a_wrong_password_and_then_no_login_at_all(server: Neo4jServer) -> None:
    """A wrong password and too many of them have their own errors; the right one works later."""
    wrong = {"NEO4J_PASSWORD": "not-the-password"}
    done = lineage(server, "store", "info", **wrong)
    assert_error(done, "does not accept this user", "neo4j_password")
    assert "not-the-password" not in done.stderr
    for _ in range(5):
        with pytest.raises(StoreError):
            Neo4jStore(address_of(server.uri, _login(server, "again-wrong"))).info()
    assert_error(lineage(server, "store", "info"), "refuses all logins for some seconds", "wait")
    wait_until(lambda: lineage(server, "store", "info").returncode == 0)


def _login(server: Neo4jServer, password: str) -> Neo4jSettings:
    return Neo4jSettings.from_environment({"NEO4J_PASSWORD": password})


def test_no_password(server: Neo4jServer) -> None:
    """Without a password and a terminal, the error says where to set one."""
    done = lineage(server, "store", "info", NEO4J_PASSWORD="")
    assert_error(done, "needs a password, and none was given", "neo4j_password_file")
    assert "does not accept this user" not in done.stderr


def test_a_database_that_is_not_there(server: Neo4jServer) -> None:
    """A database that the server does not have is reported, from the URL or the environment."""
    assert_error(
        lineage(server, "store", "info", store=f"{server.uri}/nowhere"), "does not have this database", "neo4j_database"
    )
    assert_error(lineage(server, "store", "info", NEO4J_DATABASE="nowhere"), "does not have this database")


def test_a_read_only_database(server: Neo4jServer) -> None:
    """A read-only database refuses collecting and answers queries."""
    with open_store(server.uri) as store:
        store.write(FAMILY)
    server.stop()
    server.start({"server.databases.read_only": "neo4j"})
    try:
        assert_error(lineage(server, "collect", MODELS[0], "--hub", str(HUB)), "read-only")
        assert lineage(server, "trace", "you/tuned", "--offline").returncode == 0
        with open_store(server.uri) as store:
            with pytest.raises(StoreError, match="read-only"):
                store.erase(["org/base"])
            with store.reading() as view:
                assert view.count("Model") == 3
    finally:
        server.kill()


@pytest.mark.parametrize("running", PARAMS[-1:], indirect=True)
def test_an_empty_read_only_database(server: Neo4jServer) -> None:
    """A read-only database without a schema is empty to read, and a write says why it failed."""
    server.stop()
    server.start({"server.databases.read_only": "neo4j"})
    try:
        assert lines(server.uri) == []
        with open_store(server.uri) as store, pytest.raises(StoreError, match="read-only"):
            store.write(FAMILY)
    finally:
        server.kill()


@pytest.mark.parametrize("running", PARAMS[:1], indirect=True)
def test_an_import_in_a_read_only_database(server: Neo4jServer) -> None:
    """An imported database that is read-only answers without constraints, and a note says it is slow."""
    with open_store(server.uri) as store:
        store.write(FAMILY)
    constraints = [row[0] for row in run(server.uri, "SHOW CONSTRAINTS YIELD name RETURN name")]
    for name in constraints:
        run(server.uri, f"DROP CONSTRAINT {name}")
    run(server.uri, "MATCH (s:LineageStore) SET s.unfinished = ['import']")
    server.stop()
    server.start({"server.databases.read_only": "neo4j"})
    try:
        done = lineage(server, "trace", "you/tuned", "--offline", "--format", "json")
        assert done.returncode == 0, done.stderr
        assert "no constraints and indexes, so queries are slow" in done.stderr
        assert_error(lineage(server, "collect", MODELS[0], "--hub", str(HUB)), "read-only")
    finally:
        server.kill()


def _fill(store: GraphStore) -> None:
    for step in range(200):
        store.write(GraphBatch(models=tuple(model(f"big{step}/{n}", state_note="x" * 4000) for n in range(200))))


def test_a_refused_write_leaves_the_store_whole(server: Neo4jServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a full disk makes the write fail clearly, and has its former data after a restart."""
    monkeypatch.setattr(connection, "RETRY_SECONDS", 1.0)
    with open_store(server.uri) as store:
        store.write(FAMILY)
        before = lines(server.uri)
        assert server.process is not None
        room = max(file.stat().st_size for file in (server.home / "data").rglob("*") if file.is_file()) + 200_000
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, room))
        with pytest.raises(StoreError, match="such as a full disk") as caught:
            _fill(store)
        assert "the server's logs" in (caught.value.hint or "")
    assert_error(here(server.uri, "collect", MODELS[0], "--hub", str(HUB)), "such as a full disk", "the server's logs")
    server.kill()
    server.start()
    after = lines(server.uri)
    kept = {line for line in after if '"big' not in line}
    assert kept == set(before)
    assert (len(after) - len(before)) % 200 == 0
