"""The paths between two models."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from lineage.query.paths import paths
from lineage.store.graph import EdgeRow
from tests.support.edge_list import EdgeList

node = st.sampled_from("abcdef")
edge_lists = st.lists(st.tuples(node, node), max_size=16)


@given(edge_lists, node, node)
def test_paths_are_the_simple_ones_of_networkx(edges: list[tuple[str, str]], a: str, b: str) -> None:
    """In any graph the result is all simple paths up from either model to the other."""
    graph = nx.DiGraph(edges)
    graph.add_nodes_from([a, b])
    expected = {(a,)} if a == b else {
        tuple(path) for start, end in ((a, b), (b, a)) for path in nx.all_simple_paths(graph, start, end)
    }  # fmt: skip
    found = paths(EdgeList(edges), a, b, limit=10_000)
    assert list(found.paths) == sorted(expected, key=lambda path: (len(path), path))
    assert not found.more
    steps = {step for path in expected for step in pairwise(path)}
    assert [(row.source, row.target) for row in found.edges] == sorted(steps)


@given(edge_lists, node, node, st.integers(0, 4))
def test_a_limit_keeps_the_shortest_and_reports_it(edges: list[tuple[str, str]], a: str, b: str, limit: int) -> None:
    """A limit keeps the shortest paths, and `more` is true if there are others."""
    whole = paths(EdgeList(edges), a, b, limit=10_000)
    cut = paths(EdgeList(edges), a, b, limit=limit)
    kept = 1 if a == b else min(limit, len(whole.paths))
    assert [len(path) for path in cut.paths] == [len(path) for path in whole.paths[:kept]]
    assert set(cut.paths) <= set(whole.paths)
    assert cut.more == (len(whole.paths) > kept)


@given(edge_lists, node, node, st.integers(0, 4))
def test_without_cycles_paths_of_one_length_are_limited_by_key(
    edges: list[tuple[str, str]], a: str, b: str, limit: int
) -> None:
    """In a graph without cycles a limit keeps the first paths of the whole list, in order of length and key."""
    upward = EdgeList([(max(edge), min(edge)) for edge in edges])
    whole = paths(upward, a, b, limit=10_000)
    assert paths(upward, a, b, limit=limit).paths == whole.paths[: 1 if a == b else limit]


def test_exponentially_many_paths_end_at_the_limit() -> None:
    """A ladder of forty rungs has a trillion paths; the first few are found at once."""
    rungs = [(f"{n}{x}", f"{n + 1}{y}") for n in range(40) for x in "ab" for y in "ab"]
    found = paths(EdgeList(rungs), "0a", "40a", limit=5)
    assert len(found.paths) == 5
    assert found.more


def test_siblings_have_no_path() -> None:
    """Siblings have a common parent and no path between them."""
    assert paths(EdgeList([("a", "base"), ("b", "base")]), "a", "b", limit=10).paths == ()


class Vanishing(EdgeList):
    """Return the edges upward once, like a store without snapshots whose edges are deleted afterwards."""

    def ancestry(self, root: str, *, depth: int | None) -> list[EdgeRow]:
        """Return all edges; later calls return none."""
        given, self.rows = self.rows, []
        return given


def test_paths_are_found_in_what_was_fetched() -> None:
    """If edges are deleted during the search for paths, the answer is still consistent."""
    found = paths(Vanishing([("d", "c"), ("c", "b"), ("b", "a"), ("d", "b")]), "d", "a", limit=5)
    assert found.paths == (("d", "b", "a"), ("d", "c", "b", "a"))
    assert [(row.source, row.target) for row in found.edges] == [("b", "a"), ("c", "b"), ("d", "b"), ("d", "c")]
