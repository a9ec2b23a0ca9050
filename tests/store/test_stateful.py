"""SQLite against memory: the same operations in any order leave the same graph."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from lineage.store.codec import encode
from lineage.store.graph import ENDS, NodeKind
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage.store.moving.copying import copy_store
from lineage.store.moving.jsonl import read_jsonl, write_jsonl
from lineage.store.promoted import PROMOTED
from lineage.store.sqlite.connection import connect
from lineage.store.sqlite.store import SqliteStore
from lineage.store.sqlite.write import SqliteWriter
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.graph_strategies import MODELS, PRODUCTS, batches, model_keys, products


def lines(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


class Machine(RuleBasedStateMachine):
    """Apply the same operations to a store in memory and to one in a file, with reopening and aborted writes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "graph.db"
        self.oracle, self.store = MemoryStore(), SqliteStore(self.path)

    @rule(batch=batches(agreeing=False))
    def write(self, batch: GraphBatch) -> None:
        for store in (self.oracle, self.store):
            store.write(batch)

    @rule(models=st.sets(model_keys), some=st.sets(products))
    def erase(self, models: Collection[str], some: Collection[str]) -> None:
        for store in (self.oracle, self.store):
            store.erase(models, some)

    @rule(some=st.lists(batches(agreeing=False), max_size=3))
    def load(self, some: list[GraphBatch]) -> None:
        for store in (self.oracle, self.store):
            with store.bulk():
                for batch in some:
                    store.write(batch)

    @precondition(lambda self: any(self.oracle.info().nodes.values()))
    @rule(by=st.sampled_from(["copy", "dump"]))
    def move(self, by: str) -> None:
        """Continue with a copy: a missing row shows at once, or when an awaited end is written."""
        self.path = self.path.with_name(f"{self.path.name}x")
        moved = SqliteStore(self.path)
        if by == "copy":
            copy_store(self.store, moved)
        else:
            file = io.BytesIO()
            with self.store.reading() as view:
                write_jsonl(view, file)
            read_jsonl(moved, file, "dump.jsonl")
        self.store.close()
        self.store = moved

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SqliteStore(self.path)

    @precondition(lambda self: self.path.exists())
    @rule(batch=batches(agreeing=False))
    def die_before_the_commit(self, batch: GraphBatch) -> None:
        with closing(connect(self.path, "rw", timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            SqliteWriter(connection).write(encode(batch))

    @invariant()
    def same_graph(self) -> None:
        assert lines(self.store) == lines(self.oracle)

    @invariant()
    def same_answers(self) -> None:
        keys = [*MODELS, *PRODUCTS, *(f"{model}@c{n}" for model in MODELS for n in range(3))]
        keys += [f"files.v1:{n}" for n in range(3)]
        with self.store.reading() as ours, self.oracle.reading() as theirs:
            for kind in PROMOTED:
                assert list(ours.all_awaited(kind)) == list(theirs.all_awaited(kind))
            for edge in ENDS:
                assert ours.count(edge) == theirs.count(edge)
                assert ours.neighbours(edge, keys, "out") == theirs.neighbours(edge, keys, "out")
                assert list(ours.edges(edge, keys, "in")) == list(theirs.edges(edge, keys, "in"))

    @rule()
    def find(self) -> None:
        for kind, promoted in PROMOTED.items():
            self.same_finds(kind, {p.name for p in promoted})

    def same_finds(self, kind: NodeKind, names: Collection[str]) -> None:
        with self.store.reading() as ours, self.oracle.reading() as theirs:
            for name in names:
                for value in (
                    (None, 1)
                    if name == "size"
                    else (None, "a/x", "mit", "refs/heads/main", "c1", "silent", f"{1:040x}", "layout.v1:1", "band")
                ):
                    assert ours.find(kind, {name: value}) == theirs.find(kind, {name: value})
                    assert ours.count(kind, {name: value}) == theirs.count(kind, {name: value})

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


@pytest.mark.slow
def test_sqlite_does_what_memory_does() -> None:
    """Writes, replacements, erasures, loads, reopening and aborted writes leave SQLite equal to memory."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=25, stateful_step_count=8, deadline=None, suppress_health_check=slow),
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(some=st.lists(batches(agreeing=True), min_size=1, max_size=4), data=st.data())
def test_order_and_partition_make_no_difference(some: list[GraphBatch], data: st.DataObject) -> None:
    """Consistent records give the same graph in any order, in one batch or many, once or twice."""
    first, second = MemoryStore(), MemoryStore()
    for batch in some:
        first.write(batch)
    single = [
        GraphBatch(**{name: (record,)})
        for batch in some
        for name in GraphBatch.model_fields
        for record in getattr(batch, name)
    ]
    for batch in (*data.draw(st.permutations(single)), *data.draw(st.permutations(some))):
        second.write(batch)
    assert lines(second) == lines(first)
