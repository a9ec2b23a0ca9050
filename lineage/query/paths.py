"""The paths between two models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush, merge
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from lineage.query.walk import Followed, all_above, is_weaker, status_of, upward

if TYPE_CHECKING:
    import networkx as nx

    from lineage.query.walk import Edges
    from lineage.store.graph import EdgeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Status


@dataclass(frozen=True)
class Paths:
    """Hold the paths between two models, each from child to ancestor, the shortest first and then by key.

    No path visits a model twice. `edges` are the edges on these paths, in order of child and parent. `more` is true
    if there are paths beyond the limit, `weaker` counts the edges above the two that are left out for their status.
    """

    paths: tuple[tuple[str, ...], ...]
    edges: tuple[EdgeRow, ...]
    more: bool
    weaker: int = 0


def paths(view: StoreView, a: str, b: str, *, limit: int, least: Status | None = None) -> Paths:
    """Find the paths from one model up to the other, whichever of them descends from the other.

    No path has a contradicted edge, or one of a weaker status than `least`. If one of the models declares the other as
    its parent and that is contradicted, the edge is among `edges`, and no path is.
    In a cycle each descends from the other, and both directions are returned. From a model to itself there is one
    path, which consists of the model.
    """
    if a == b:
        return Paths(((a,),), (), more=False)
    above_a, above_b = (Followed(upward(view, key), least) for key in (a, b))
    upwards = merge(_paths_up(above_a, a, b), _paths_up(above_b, b, a), key=len)
    found = sorted(islice(upwards, limit + 1), key=lambda path: (len(path), path))
    kept = found[:limit]
    steps = {step for path in kept for step in pairwise(path)}
    children = sorted({child for child, _ in steps})
    rows = {row[1:4]: row for above in (above_a, above_b) for row in above.edges("DERIVED_FROM", children, "out")}
    steps |= {(a, b), (b, a)}
    rows |= {row[1:4]: row for row in view.edges("DERIVED_FROM", [a, b], "out") if not is_weaker(status_of(row), least)}
    edges = tuple(row for _, row in sorted(rows.items()) if (row.source, row.target) in steps)
    return Paths(tuple(kept), edges, more=len(found) > limit, weaker=len(above_a.weaker | above_b.weaker))


def _paths_up(above: Edges, child: str, ancestor: str) -> Iterator[tuple[str, ...]]:
    """List the simple paths from a child to an ancestor, the shortest first; none if it is not an ancestor.

    Only models that the child descends from and that descend from the ancestor can be on such a path. Even with
    cycles, the search for the next shortest path takes polynomial time; a depth-first search over all simple paths may
    run into exponentially many dead ends.
    """
    known = all_above(above, child)
    if ancestor not in known:
        return
    import networkx as nx

    pairs = [(s, t) for s, t in above.neighbours("DERIVED_FROM", sorted(known), "out") if s != t]
    graph: nx.DiGraph[str] = nx.DiGraph(sorted(pairs))
    between = nx.ancestors(graph, ancestor) | {ancestor}
    graph.remove_nodes_from([key for key in known if key not in between])
    if nx.is_directed_acyclic_graph(graph):
        yield from _without_cycles(graph, child, ancestor)
    else:
        for path in nx.shortest_simple_paths(graph, child, ancestor):
            yield tuple(path)


def _without_cycles(graph: nx.DiGraph[str], child: str, ancestor: str) -> Iterator[tuple[str, ...]]:
    """List the paths through a graph without cycles, the shortest first and then by key.

    Partial paths are queued by the smallest total length that they can reach. Each of them does reach it, so there
    are no dead ends, and the cost of a path is its own length.
    """
    import networkx as nx

    left = nx.single_source_shortest_path_length(graph.reverse(copy=False), ancestor)
    waiting: list[tuple[int, tuple[str, ...]]] = [(left[child], (child,))]
    while waiting:
        _, path = heappop(waiting)
        if path[-1] == ancestor:
            yield path
            continue
        for parent in graph[path[-1]]:
            heappush(waiting, (len(path) + left[parent], (*path, parent)))
