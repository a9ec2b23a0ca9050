"""A graph that a user changed in Cypher: an error names the node, and the graph is never taken as sound."""

from __future__ import annotations

from io import BytesIO

import pytest

from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.errors import StoreError
from lineage.store.checking import check_store
from lineage.store.moving.jsonl import write_jsonl
from lineage.store.open import open_store
from tests.support.dump import dump
from tests.support.graphs import FAMILY
from tests.support.neo4j_server import run


@pytest.fixture
def family(neo4j_url: str) -> str:
    """Return the URL of a store with a small family."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    return neo4j_url


SPOILED = {
    "MATCH (m:Model {id: 'org/base'}) SET m.details = '{not json'": "Model org/base has `details`, `absent`",
    "MATCH (m:Model {id: 'org/base'}) SET m.details = '[1]'": "Model org/base has `details`, `absent`",
    "MATCH (m:Model {id: 'org/base'}) SET m.absent = ['nothing']": "Model org/base has `details`, `absent`",
    "MATCH (e:Evidence) SET e.absent = 5": "Evidence ",
    "MATCH ()-[d:DERIVED_FROM]->() SET d.details = '1.5'": "an edge DERIVED_FROM has `details`, `absent`",
}


@pytest.mark.parametrize("statement", SPOILED)
def test_a_spoiled_row_in_neo4j_is_named(family: str, statement: str) -> None:
    """Properties that lineage would not write are an error that names their node."""
    run(family, statement)
    with open_store(family) as store, store.reading() as view, pytest.raises(StoreError) as caught:
        list(dump(view))
    assert SPOILED[statement] in caught.value.message
    assert caught.value.hint


def test_a_bare_edge_in_neo4j_is_walked(family: str) -> None:
    """An edge drawn in the browser, without properties, is followed by walks."""
    run(family, "MATCH (a:Model {id: 'org/base'}), (b:Model {id: 'you/merged'}) CREATE (a)-[:DERIVED_FROM]->(b)")
    with Session(store_url=family, offline=True) as session:
        edges = {(edge.child, edge.parent) for edge in trace(session, "org/base").derivations}
    assert ("org/base", "you/merged") in edges


def test_a_doubled_key_in_neo4j_is_found(family: str) -> None:
    """Without the unique constraints, a duplicate node is found by a check and makes a backup fail."""
    for [name] in run(family, "SHOW CONSTRAINTS YIELD name RETURN name"):
        run(family, f"DROP CONSTRAINT {name}")
    run(family, "MATCH (m:Model {id: 'org/base'}) CREATE (n:Model) SET n = properties(m)")
    try:
        with open_store(family) as store, store.reading() as view:
            assert ("duplicate-key", "org/base") in {(fault.rule, fault.about) for fault in check_store(view)}
            with pytest.raises(StoreError, match="Model org/base is in the store twice"):
                write_jsonl(view, BytesIO())
    finally:
        run(family, "MATCH (n) DETACH DELETE n")
