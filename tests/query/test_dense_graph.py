"""A dense graph of merges with an astronomic number of paths, which no walk may enumerate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pytest

from lineage.query.paths import paths
from lineage.query.walk import ancestors, descendants
from lineage.store.graph import EdgeRow, NodeRow
from lineage.store.interface import GraphStore
from lineage.store.merging import stub
from lineage.store.open import open_store
from lineage.store.rows import Rows
from tests.support.neo4j_server import PARAMS, empty_store

LAYERS, WIDTH, PARENTS = 30, 20, 10

LAYER = [[f"layer/{layer:02}-{number:02}" for number in range(WIDTH)] for layer in range(LAYERS)]

EDGES = [
    (child, above[(number + step) % WIDTH])
    for above, layer in pairwise(LAYER)
    for number, child in enumerate(layer)
    for step in range(PARENTS)
]
"""Each model merges ten of the layer before: some 10**27 paths from a model of the last layer to one of the first."""

GRAPH: nx.DiGraph[str] = nx.DiGraph(EDGES)

FIRST, LAST = LAYER[0][0], LAYER[-1][0]

SECONDS = 30.0
"""A walk that visits each model once is faster than this, however busy the machine is."""


@pytest.fixture(params=["memory", "sqlite", *PARAMS])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStore]:
    """Open a store of each kind that holds the dense graph."""
    local = {"memory": "memory:", "sqlite": str(tmp_path / "dense.db")}
    url = local.get(request.param) or empty_store(request.param, request, monkeypatch)
    edges = [EdgeRow("DERIVED_FROM", child, parent, "", {"relation": "merge"}) for child, parent in EDGES]
    with open_store(url) as opened:
        opened.write_rows(Rows.of([("Model", NodeRow(key, stub(key))) for layer in LAYER for key in layer], edges))
        yield opened


@pytest.mark.slow
def test_each_model_of_a_dense_graph_is_visited_once(store: GraphStore) -> None:
    """Walks up and down and the first hundred paths are found at once in every store, and equal those of networkx."""
    start = time.perf_counter()
    with store.reading() as view:
        up, down = ancestors(view, LAST), descendants(view, FIRST, limit=100)
        whole, found = view.walk(FIRST, "in"), paths(view, LAST, FIRST, limit=100)
    assert time.perf_counter() - start < SECONDS
    assert up.depths == dict(nx.single_source_shortest_path_length(GRAPH, LAST))
    below = nx.single_source_shortest_path_length(GRAPH.reverse(copy=False), FIRST)
    assert (down.total, down.counts) == (len(below) - 1, {"merge": len(below) - 1})
    assert [set(level) for level in whole] == [
        {key for key, depth in below.items() if depth == at} for at in range(1, LAYERS)
    ]
    assert {len(path) for path in found.paths} == {LAYERS}
    assert len(found.paths) == 100
    assert found.more
