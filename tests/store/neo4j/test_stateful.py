"""Neo4j against memory: the same operations in any order leave the same graph."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from neo4j import GraphDatabase

from lineage.query.walk import ancestors, descendants
from lineage.store.codec import encode
from lineage.store.graph import ENDS
from lineage.store.interface import GraphStore, StoreView
from lineage.store.memory import MemoryStore
from lineage.store.moving.copying import copy_store
from lineage.store.neo4j.write import Neo4jWriter
from lineage.store.open import open_store
from lineage.store.promoted import PROMOTED
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.graph_strategies import MODELS, batches, model_keys, products
from tests.support.graphs import derivation
from tests.support.neo4j_server import empty, login

PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""No shrinking: on a server it would take longer than all tests together."""

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def lines(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


class Machine(RuleBasedStateMachine):
    """Apply the same operations to memory and to a server, with lost connections and aborted writes."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        empty(self.url)
        self.oracle, self.store = MemoryStore(), open_store(self.url)

    @rule(batch=batches(agreeing=False))
    def write(self, batch: GraphBatch) -> None:
        for store in (self.oracle, self.store):
            store.write(batch)

    @rule(models=st.sets(model_keys), some=st.sets(products))
    def erase(self, models: set[str], some: set[str]) -> None:
        for store in (self.oracle, self.store):
            store.erase(models, some)

    @precondition(lambda self: any(self.oracle.info().nodes.values()))
    @rule()
    def move_out_and_back(self) -> None:
        """Continue with a copy of a copy: a missing row shows at once, or when an awaited end is written."""
        between = MemoryStore()
        copy_store(self.store, between)
        empty(self.url)
        self.reopen()  # a store refuses to write where its content was deleted from outside
        copy_store(between, self.store)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.url)

    @rule(batch=batches(agreeing=False))
    def die_before_the_commit(self, batch: GraphBatch) -> None:
        with GraphDatabase.driver(self.url, auth=login(), notifications_min_severity="OFF") as driver:
            with driver.session() as session:
                transaction = session.begin_transaction()
                Neo4jWriter.begin(transaction).write(encode(batch))
                transaction.rollback()

    @invariant()
    def same_graph(self) -> None:
        assert lines(self.store) == lines(self.oracle)

    @invariant()
    def same_answers(self) -> None:
        keys = [*MODELS, *(f"{model}@c{n}" for model in MODELS for n in range(3))]
        with self.store.reading() as ours, self.oracle.reading() as theirs:
            for kind in PROMOTED:
                assert list(ours.all_awaited(kind)) == list(theirs.all_awaited(kind))
            for edge in ENDS:
                assert ours.count(edge) == theirs.count(edge)
                assert ours.neighbours(edge, keys, "out") == theirs.neighbours(edge, keys, "out")
                assert list(ours.edges(edge, keys, "in")) == list(theirs.edges(edge, keys, "in"))
            for kind, promoted in PROMOTED.items():
                for name in sorted({p.name for p in promoted}):
                    for value in (None, "a/x", "mit"):
                        assert ours.find(kind, {name: value}) == theirs.find(kind, {name: value})

    def teardown(self) -> None:
        self.store.close()


@pytest.mark.timeout(600)
def test_neo4j_does_what_memory_does(neo4j_url: str) -> None:
    """Writes, replacements, erasures, reopening and aborted writes leave Neo4j equal to memory."""
    run_state_machine_as_test(
        type("Neo4jMachine", (Machine,), {"url": neo4j_url}),
        settings=settings(
            max_examples=4, stateful_step_count=6, deadline=None, phases=PHASES, suppress_health_check=SLOW
        ),
    )


nodes = st.sampled_from("abcdefgh")
edges = st.dictionaries(st.tuples(nodes, nodes), st.sampled_from([None, "finetune", "merge"]), max_size=20)


def same_walks(ours: StoreView, theirs: StoreView) -> None:
    """Compare every walk over a small graph with the other view's, order included."""
    for root in "abch":
        for depth, limit in ((None, None), (None, 2), (1, None), (2, 3), (0, 0)):
            for walk in (ancestors, descendants):
                mine, other = (walk(view, root, depth=depth, limit=limit) for view in (ours, theirs))
                assert mine == other
                assert list(mine.depths.items()) == list(other.depths.items())
        assert ours.walk(root, "in") == theirs.walk(root, "in")


def test_neo4j_walks_as_others_do(neo4j_url: str) -> None:
    """Over any graph, with cycles and any limits, the server's walks equal those hop by hop."""

    @settings(max_examples=10, deadline=None, phases=PHASES, suppress_health_check=SLOW)
    @given(edges)
    def hold(found: dict[tuple[str, str], str | None]) -> None:
        empty(neo4j_url)
        batch = GraphBatch(derivations=tuple(derivation(*ends, relation=r) for ends, r in found.items()))
        oracle = MemoryStore()
        with open_store(neo4j_url) as store:
            for each in (oracle, store):
                each.write(batch)
            with store.reading() as ours, oracle.reading() as theirs:
                same_walks(ours, theirs)

    hold()
