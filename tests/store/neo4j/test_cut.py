"""Connections to a Neo4j server that are cut: a clear error, and no partial write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from lineage.errors import StoreError
from lineage.query.walk import ancestors
from lineage.store.codec import encode
from lineage.store.neo4j import connection
from lineage.store.neo4j.write import Neo4jWriter
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.cut_line import Proxy
from tests.support.dump import dump
from tests.support.ended import assert_error, here
from tests.support.graphs import FAMILY, derivation, model
from tests.support.neo4j_server import login
from tests.support.shared import ROOT

HUB = ROOT / "lineage" / "demo_data" / "hub"


@pytest.fixture
def line(neo4j_url: str) -> Iterator[Proxy]:
    """Return a proxy to the server that can be cut."""
    proxy = Proxy(int(neo4j_url.rpartition(":")[2]))
    yield proxy
    proxy.cut()


def over(line: Proxy) -> str:
    """Return the URL of the store behind a proxy."""
    return f"bolt://127.0.0.1:{line.port}"


def lines(url: str) -> list[str]:
    """Dump a store without times of reading."""
    with open_store(url) as store, store.reading() as view:
        return list(dump(view))


def chain(length: int, note: str) -> GraphBatch:
    """Make models that each derive from the next one, with a long note each."""
    names = [f"chain/m{number:02}" for number in range(length)]
    return GraphBatch(
        models=tuple(model(name, state_note=note) for name in names),
        derivations=tuple(derivation(child, parent) for child, parent in pairwise(names)),
    )


def test_a_connection_cut_in_a_walk(neo4j_url: str, line: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk whose connection stays cut ends in one clear error; the store answers on another connection."""
    monkeypatch.setattr(connection, "RETRY_SECONDS", 1.0)
    with open_store(neo4j_url) as store:
        store.write(chain(40, "x" * 5000))
    line.cut_after(50_000, "server")
    assert_error(here(over(line), "trace", "chain/m00", "--offline"), "does not answer", "start the server")
    assert line.is_cut
    line.mend()
    with open_store(over(line)) as cut, cut.reading() as view:
        assert ancestors(view, "chain/m38").total == 1
        line.cut_after(50_000, "server")
        before = time.monotonic()
        with pytest.raises(StoreError, match="does not answer"):
            ancestors(view, "chain/m00")
        assert time.monotonic() - before < 10
        assert line.is_cut
    with open_store(neo4j_url) as store, store.reading() as view:
        assert ancestors(view, "chain/m00").total == 39


def test_a_connection_cut_in_a_write(neo4j_url: str, line: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write whose connection is lost before the commit writes nothing, and fails after the retries."""
    monkeypatch.setattr(connection, "RETRY_SECONDS", 1.0)
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
        before = lines(neo4j_url)
    with open_store(over(line)) as cut:
        cut.write(GraphBatch())
        line.cut_after(50_000, "client")
        with pytest.raises(StoreError, match="does not answer"):
            cut.write(chain(40, "x" * 5000))
    assert line.is_cut
    assert lines(neo4j_url) == before


def test_a_connection_cut_in_a_collection(neo4j_url: str, line: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose write is cut ends with exit code 2 and leaves nothing of the write."""
    monkeypatch.setattr(connection, "RETRY_SECONDS", 1.0)
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    before = lines(neo4j_url)
    line.cut_after(20_000, "client")
    assert_error(
        here(over(line), "collect", "mattshumer/Reflection-Llama-3.1-70B", "--hub", str(HUB)),
        "does not answer",
        "start the server",
    )
    assert line.is_cut
    assert lines(neo4j_url) == before


def test_dying_before_the_commit_leaves_nothing(neo4j_url: str) -> None:
    """A writer that dies before its commit leaves nothing, and the next one need not wait."""
    from neo4j import GraphDatabase

    with open_store(neo4j_url) as store:
        store.write(FAMILY)
        before = lines(neo4j_url)
        with GraphDatabase.driver(neo4j_url, auth=login()) as driver, driver.session() as session:
            transaction = session.begin_transaction()
            Neo4jWriter.begin(transaction).write(encode(GraphBatch(models=(model("new/one"),))))
            transaction.close()
        store.write(FAMILY)
    assert lines(neo4j_url) == before
