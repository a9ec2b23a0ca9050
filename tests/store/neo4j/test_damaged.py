"""A graph that a user changed in Cypher: an error names the node, and the graph is never taken as sound."""

from __future__ import annotations

from io import BytesIO

import pytest

from lineage.answers.moving import store_export
from lineage.answers.session import Session
from lineage.answers.store import store_check
from lineage.answers.trace import trace
from lineage.errors import StoreError
from lineage.store.checking.rules import check_store
from lineage.store.moving.jsonl import write_jsonl
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.graphs import FAMILY, model, sha
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


EDITED = {
    "MATCH (m:Model {id: 'org/base'}) SET m.details = '{not json'": ("unreadable-rows", "Model org/base"),
    "MATCH ()-[d:DERIVED_FROM]->(:Model {id: 'you/tuned'}) SET d.absent = 5": (
        "unreadable-rows", "DERIVED_FROM you/merged → you/tuned",
    ),
    "MATCH (m:Model {id: 'org/base'}) SET m.state = 'weird'": ("invalid-record", "org/base"),
    "MATCH (m:Model {id: 'org/base'}) SET m.aliases = 7": ("invalid-record", "org/base"),
    "MATCH (m:Model {id: 'org/base'}) SET m.colour = 'red'": ("invalid-record", "org/base"),
    "MATCH (m:Model {id: 'org/base'}) SET m.collected_at = datetime()": ("invalid-record", "org/base"),
    "MATCH (m:Model {id: 'org/base'}) SET m.hub = 'elsewhere.org'": ("model-key", "org/base"),
    "MATCH (r:Revision {key: 'org/base@c1'}) SET r.commit = 'c9'": ("record-key", "org/base@c1"),
    "MATCH (r:Revision {key: 'org/base@c1'}) REMOVE r.model": ("invalid-record", "org/base@c1"),
    "MATCH (f:File) WHERE f.size = 10 SET f.size = 'ten'": ("invalid-record", f"sha256:{sha(1)}"),
    "MATCH ()-[w:HAS_WEIGHTS]->() SET w.group = 'other'": ("invalid-record", "org/base@c1 → files.v1:1 other"),
    "MATCH ()-[d:DERIVED_FROM]->(:Model {id: 'you/tuned'}) SET d.confidence = 'high'": (
        "invalid-record", "you/merged → you/tuned",
    ),
    "MATCH (n:Text) SET n.text = 5": ("unreadable-rows", "attachments"),
    "CREATE (:Model {id: 'by/hand'})": ("damaged-file", "the store's file"),
    "MATCH (m:Model {id: 'org/base'}), (w:Weights) CREATE (m)-[:HAS_WEIGHTS]->(w)": (
        "damaged-file", "the store's file",
    ),
    "MATCH (r:Revision {key: 'org/base@c1'}) DETACH DELETE r": ("head-without-revision", "org/base"),
    "MATCH (m:Model {id: 'org/base'}) DETACH DELETE m": ("revision-without-model", "org/base@c1"),
    "MATCH (e:Evidence {key: 'e1'}) DETACH DELETE e": (
        "derivation-of-unknown-evidence", "you/tuned → org/base",
    ),
    "MATCH (p:Publisher {key: 'org'}) DETACH DELETE p": ("missing-edge", "org/base"),
    "MATCH (w:Weights) DETACH DELETE w": ("attachment-of-nothing", "files.v1:1"),
}  # fmt: skip


def test_what_a_user_edited_in_neo4j_is_found(family: str) -> None:
    """Each row that was changed or deleted in Cypher is a finding, and an export refuses what is not a record."""
    missed = {}
    for statement, finding in EDITED.items():
        run(family, "MATCH (n) DETACH DELETE n")
        with open_store(family) as store:
            store.write(FAMILY)
        run(family, statement)
        with Session(store_url=family, offline=True) as session:
            found = {(each.id, each.about) for each in store_check(session).findings}
            if finding not in found:
                missed[statement] = found
            if "DELETE" not in statement:
                with pytest.raises(StoreError):
                    store_export(session, "jsonl", BytesIO())
    assert missed == {}


def test_a_database_that_was_emptied_during_a_run_is_noticed(family: str) -> None:
    """A store whose nodes were all deleted while it is in use is an error for the next write, and not a new store."""
    with open_store(family) as store:
        store.write(GraphBatch(models=(model("new/one"),)))
        run(family, "MATCH (n) DETACH DELETE n")
        with pytest.raises(StoreError, match="changed from outside while it was in use"):
            store.write(GraphBatch(models=(model("new/two"),)))
    assert run(family, "MATCH (n) RETURN count(n)") == [[0]]


def test_too_many_rows_for_one_transaction_are_refused(family: str) -> None:
    """An import that a server cannot hold in one transaction is an error that names another way."""
    with open_store(family) as store, pytest.raises(StoreError, match="too many for one transaction") as caught:
        store.atomic(10_000_000).__enter__()
    assert "lineage store copy" in (caught.value.hint or "")
