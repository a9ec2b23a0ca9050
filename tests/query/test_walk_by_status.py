"""Walks by the status of edges: nothing is reached over a contradicted edge, and weaker edges can be left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.query.paths import paths
from lineage.query.walk import STATUSES, ancestors, descendants
from lineage.store.graph import EdgeRow
from lineage_schemas.derivation import Status
from tests.support.edge_list import EdgeList

node = st.sampled_from("abcdef")
edges = st.dictionaries(st.tuples(node, node), st.sampled_from(STATUSES), max_size=16)


def graph(found: dict[tuple[str, str], Status]) -> EdgeList:
    """Make a view of edges with a status each."""
    view = EdgeList(())
    view.rows = [EdgeRow("DERIVED_FROM", *ends, "", {"status": status}) for ends, status in sorted(found.items())]
    return view


def reached(found: dict[tuple[str, str], Status], root: str, *, down: bool, least: Status | None) -> set[str]:
    """List what is reached, worked out in the plainest way: grow a set until nothing is added."""
    allowed = STATUSES[: STATUSES.index(least) + 1] if least else STATUSES
    steps = [((b, a) if down else (a, b), status) for (a, b), status in found.items() if status in allowed]
    followed, size = {root}, 0
    while size < len(followed):
        size = len(followed)
        followed |= {far for (near, far), status in steps if near in followed and status != "contradicted"}
    return followed | {far for (near, far), _ in steps if near in followed}


@given(edges, node, st.sampled_from([None, *STATUSES]), st.booleans())
def test_a_walk_stops_at_contradicted_edges(
    found: dict[tuple[str, str], Status], root: str, least: Status | None, down: bool
) -> None:
    """In any graph, both ways: a contradicted edge ends a walk, and what is hidden and what is shown is everything."""
    walk = (descendants if down else ancestors)(graph(found), root, least=least)
    assert set(walk.depths) == reached(found, root, down=down, least=least)
    whole = reached(found, root, down=down, least=None)
    assert walk.only_weaker == (len(whole) - len(walk.depths) if least else 0)
    if least:
        assert all(STATUSES.index(row.properties["status"]) <= STATUSES.index(least) for row in walk.edges)


CHAIN: dict[tuple[str, str], Status] = {("d", "c"): "confirmed", ("c", "b"): "contradicted", ("b", "a"): "confirmed"}


def test_a_contradicted_parent_is_shown_and_not_followed() -> None:
    """The denied parent is in the answer with its edge; its own parent is not."""
    walk = ancestors(graph(CHAIN), "d")
    assert dict(walk.depths) == {"d": 0, "c": 1, "b": 2}
    assert [(row.source, row.target) for row in walk.edges] == [("c", "b"), ("d", "c")]


def test_a_contradicted_child_is_shown_and_not_counted() -> None:
    """A model whose claim is denied is not a descendant, and what was made from it is not one either."""
    walk = descendants(graph(CHAIN), "b")
    assert dict(walk.depths) == {"b": 0, "c": 1}
    assert walk.counts == {}


def test_another_edge_may_lead_on() -> None:
    """A model that is denied as one parent and right as another is followed."""
    walk = ancestors(graph({**CHAIN, ("d", "b"): "declared"}), "d")
    assert set(walk.depths) == {"d", "c", "b", "a"}


@pytest.mark.parametrize(
    ("least", "shown", "weaker", "only_weaker"),
    [(None, "dcb", 0, 0), ("contradicted", "dcb", 0, 0), ("indirect", "dc", 1, 1), ("confirmed", "dc", 1, 1)],
)
def test_weaker_edges_are_counted(least: Status | None, shown: str, weaker: int, only_weaker: int) -> None:
    """What a wanted status hides is counted: the edges, and the models that nothing else leads to."""
    walk = ancestors(graph(CHAIN), "d", least=least)
    assert ("".join(walk.depths), walk.weaker, walk.only_weaker) == (shown, weaker, only_weaker)


def test_no_path_leads_over_a_contradicted_edge() -> None:
    """Between two models there is no path where the weights deny a step; a denied claim between them is shown."""
    assert paths(graph(CHAIN), "d", "a", limit=9).paths == ()
    assert paths(graph(CHAIN), "d", "c", limit=9).paths == (("d", "c"),)
    direct = paths(graph(CHAIN), "c", "b", limit=9)
    assert direct.paths == ()
    assert [(row.source, row.target) for row in direct.edges] == [("c", "b")]


def test_paths_by_status() -> None:
    """A path with an edge of a weaker status than wanted is hidden, and the edge is counted."""
    two: dict[tuple[str, str], Any] = {("c", "b"): "declared", ("b", "a"): "confirmed"}
    assert paths(graph(two), "c", "a", limit=9, least="declared").paths == (("c", "b", "a"),)
    hidden = paths(graph(two), "c", "a", limit=9, least="inferred")
    assert (hidden.paths, hidden.weaker) == ((), 1)
