"""Neo4j stores of older versions are brought up to date: once, also with several processes or a killed one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lineage.errors import StoreError
from lineage.store.neo4j import schema
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import FAMILY, model
from tests.support.neo4j_server import run
from tests.support.shared import ROOT

LATER = {
    2: ("a note", ("MATCH (n:Model) WHERE n.note IS NULL SET n.note = n.key",)),
    3: (
        "an index",
        (
            "CREATE INDEX lineage_test_note IF NOT EXISTS FOR (n:Model) ON (n.note)",
            "MATCH (n:Model) SET n.marked = true",
        ),
    ),
}
"""Migrations as later versions may bring them: each statement may be run twice."""

OPEN = f"""
import os, sys
from lineage.store import open
from lineage.store.neo4j import schema
schema.MIGRATIONS = {LATER!r}
change = schema._change
def changed(session, policy, statement):
    if sys.argv[2:] and sys.argv[2] in statement:
        os._exit(9)
    change(session, policy, statement)
schema._change = changed
with open.open_store(sys.argv[1]) as store, store.reading() as view:
    print(view.count("Model"))
"""


@pytest.fixture
def old(neo4j_url: str) -> Iterator[str]:
    """Return a store of version 1, and remove everything of later versions at the end."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    yield neo4j_url
    run(neo4j_url, "DROP INDEX lineage_test_note IF EXISTS")


def opened(url: str, *given: str) -> subprocess.Popen[str]:
    """Open a store in a process of a later version, which can be killed before a given statement."""
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, url, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def state(url: str) -> list[object]:
    """Return the schema version and what the migrations made."""
    [found] = run(
        url,
        "MATCH (s:LineageStore) RETURN s.schema_version, s.migrations,"
        " COUNT { MATCH (n:Model) WHERE n.note = n.key }, COUNT { MATCH (n:Model {marked: true}) }",
    )
    return found


DONE = [3, ["2 a note", "3 an index"], 3, 3]


def test_migrations_of_neo4j_run_in_order_and_once(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening an older store, also for reading, migrates it once."""
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    for _ in range(2):
        with open_store(old) as store:
            assert store.info().schema_version == 3
        assert state(old) == DONE
    run(old, "MATCH (n:Model) REMOVE n.marked")
    with open_store(old) as store:
        store.write(GraphBatch())
    assert state(old) == [*DONE[:3], 0]


def test_a_migration_of_neo4j_that_is_killed_is_done_by_the_next(old: str) -> None:
    """A migration killed between two statements keeps the version, and the next process repeats it."""
    killed = opened(old, "n.marked")
    killed.communicate(timeout=60)
    assert killed.returncode == 9
    assert state(old) == [2, ["2 a note"], 3, 0]
    again = opened(old)
    assert again.communicate(timeout=60)[0] == "3\n"
    assert state(old) == DONE


def test_migrations_of_neo4j_by_two_at_once(old: str) -> None:
    """Two processes that open an older store at once both read it, and it is migrated once."""
    both = [opened(old), opened(old)]
    for process in both:
        out, errors = process.communicate(timeout=60)
        assert out == "3\n", errors
    assert state(old) == DONE


def test_a_writer_of_an_older_lineage_stops_at_a_migrated_store(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that opened the store before its migration, or has a newer schema, cannot write."""
    with open_store(old) as store:
        store.write(GraphBatch())
        with monkeypatch.context() as later:
            later.setattr(schema, "MIGRATIONS", LATER)
            with open_store(old) as upgraded:
                upgraded.write(GraphBatch())
                before = state(old)
        with pytest.raises(StoreError, match=r"\(its schema is version 3; this lineage supports up to 1\)"):
            store.write(GraphBatch(models=(model("new/one"),)))
        assert state(old) == before == DONE
    run(old, "MATCH (s:LineageStore) SET s.schema_version = 1")
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    with open_store(old) as store:
        store.write(GraphBatch())
        run(old, "MATCH (s:LineageStore) SET s.schema_version = 2")
        with pytest.raises(StoreError, match="replaced by one of an older version"):
            store.write(GraphBatch(models=(model("new/one"),)))
        assert store.info().nodes["Model"] == 3


def test_an_old_store_in_neo4j_that_may_not_be_written(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store that may not be migrated is refused with the reason."""
    monkeypatch.setattr(schema, "MIGRATIONS", LATER)
    with open_store(old, read_only=True) as store, pytest.raises(StoreError, match="older version"), store.reading():
        pass
    monkeypatch.setattr(schema, "MIGRATIONS", {2: ("no right", ("SHOW NOTHING",))})
    with open_store(old) as store, pytest.raises(StoreError, match=r"older version .* cannot be brought") as caught:
        store.info()
    assert "may change the schema" in (caught.value.hint or "")
    assert state(old)[0] == 1
