"""Walks over the edges of descent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.query.walk import Walk, ancestors, descendants
from lineage.store.graph import EdgeRow
from lineage.store.interface import StoreView
from tests.support.edge_list import EdgeList

CHAIN = [("d", "c"), ("c", "b"), ("b", "a")]
DIAMOND = [("top", "left"), ("top", "right"), ("left", "base"), ("right", "base")]

node = st.sampled_from("abcdefgh")
relation = st.sampled_from([None, "finetune", "merge"])
edge_lists = st.lists(st.tuples(node, node, relation), max_size=24)


def steps(edges: Iterable[EdgeRow]) -> list[tuple[str, str]]:
    """List (child, parent) of a walk's edges."""
    return [(row.source, row.target) for row in edges]


@pytest.mark.slow
@given(edge_lists, node)
def test_ancestors_are_those_of_networkx(edges: list[tuple[str, str, str | None]], root: str) -> None:
    """In any graph, even with cycles and self-loops, the walk reaches what networkx reaches, at the same distance."""
    graph = nx.DiGraph([(child, parent) for child, parent, _ in edges])
    graph.add_node(root)
    walk = ancestors(EdgeList(edges), root)
    assert dict(walk.depths) == nx.single_source_shortest_path_length(graph, root)
    assert steps(walk.edges) == sorted(graph.subgraph(walk.depths).edges)
    assert (walk.total, walk.hidden) == (len(walk.depths) - 1, 0)


@pytest.mark.slow
@given(edge_lists, node)
def test_descendants_are_those_of_networkx(edges: list[tuple[str, str, str | None]], root: str) -> None:
    """Downwards the same is true, and the counts by relation add up to the number of descendants."""
    graph = nx.DiGraph([(parent, child) for child, parent, _ in edges])
    graph.add_node(root)
    walk = descendants(EdgeList(edges), root)
    assert dict(walk.depths) == nx.single_source_shortest_path_length(graph, root)
    assert sum(walk.counts.values()) == walk.total == len(walk.depths) - 1
    assert list(walk.depths.items()) == sorted(walk.depths.items(), key=lambda item: (item[1], item[0]))


@pytest.mark.slow
@given(edge_lists, node, st.integers(0, 3), st.integers(0, 5))
def test_caps_keep_the_nearest_and_change_no_count(
    edges: list[tuple[str, str, str | None]], root: str, depth: int, limit: int
) -> None:
    """With limits the nearest models are kept in order of key, and the totals still count all."""
    view = EdgeList(edges)
    whole, cut = descendants(view, root), descendants(view, root, depth=depth, limit=limit)
    near = [key for key, at in whole.depths.items() if at <= depth]
    assert list(cut.depths) == near[: limit + 1]
    assert (cut.counts, cut.total) == (whole.counts, whole.total)
    assert all(row.source in cut.depths and row.target in cut.depths for row in cut.edges)
    upward = ancestors(view, root, depth=depth, limit=limit)
    every = [key for key, at in ancestors(view, root).depths.items() if at <= depth]
    assert list(upward.depths) == every[: limit + 1]


def test_each_hop_is_one_batch() -> None:
    """A walk queries edges once per hop, and once more to see that there is no further hop."""
    view = EdgeList(CHAIN)
    ancestors(view, "d")
    assert view.asked == len(CHAIN) + 1


def test_depth_says_where_it_stopped() -> None:
    """A walk that was limited by depth lists the models that have further relatives."""
    walk = ancestors(EdgeList(CHAIN), "d", depth=1)
    assert (dict(walk.depths), walk.deeper) == ({"d": 0, "c": 1}, ("c",))
    assert ancestors(EdgeList(CHAIN), "d", depth=3).deeper == ()
    assert ancestors(EdgeList([("a", "b"), ("b", "a")]), "a", depth=1).deeper == ()


def test_diamonds_are_walked_once() -> None:
    """A model that is reached on two paths is listed once, and both edges to it are kept."""
    walk = ancestors(EdgeList(DIAMOND), "top")
    assert dict(walk.depths) == {"top": 0, "left": 1, "right": 1, "base": 2}
    assert steps(walk.edges) == sorted(DIAMOND)


def test_counts_tell_the_relation_of_the_first_edge() -> None:
    """A descendant counts once, under the nearest edge that reaches it, or of several the first by key."""
    edges = [("kid", "base", "merge"), ("kid", "left", "finetune"), ("left", "base", None), ("far", "left", "adapter"),
             ("far", "kid", "merge")]  # fmt: skip
    assert descendants(EdgeList(edges), "base").counts == {"merge": 2, "none": 1}


@pytest.mark.parametrize("walk", [ancestors, descendants])
def test_an_unknown_root_is_alone(walk: Callable[[StoreView, str], Walk]) -> None:
    """A walk from a model without edges finds only that model."""
    found = walk(EdgeList(CHAIN), "nobody")
    assert (dict(found.depths), found.edges, found.total) == ({"nobody": 0}, (), 0)
