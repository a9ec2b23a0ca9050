"""Walks that Neo4j goes by itself: one statement for many hops, and counts instead of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineage.store.interface import Descent, EdgeRow
from lineage.store.neo4j_codec import edge_from
from lineage.store.neo4j_view import chunks

if TYPE_CHECKING:
    from lineage.store.neo4j_view import Neo4jView

MAX_HOPS = 64
"""Hops that one statement goes: a walk without a bound may never end. Longer ones go on from where it stopped."""

_UP = """
UNWIND $keys AS key MATCH (root:Model {{key: key}})
MATCH (root)-[:DERIVED_FROM*0..{hops}]->(m:Model) WITH DISTINCT m
MATCH (m)-[r:DERIVED_FROM]->(t:Model) RETURN m.key, t.key, properties(r)
"""

_DOWN = f"""
MATCH (root:Model {{key: $root}})
MATCH p = (root)<-[:DERIVED_FROM*1..{MAX_HOPS}]-(m:Model) WHERE m <> root
WITH root, m, min(length(p)) AS depth
"""
"""Every descendant once, with the number of edges from the root: the server looks at each node once."""

_COUNTS = (
    _DOWN
    + """
WITH root, m, depth, COUNT { (m)-[:DERIVED_FROM]->() } AS parents
WITH depth, CASE
  WHEN parents = 1 THEN [(m)-[r:DERIVED_FROM]->() | r.relation]
  WHEN depth = 1 THEN [(m)-[r:DERIVED_FROM]->(root) | r.relation]
  ELSE [m.key] + [(m)-[r:DERIVED_FROM]->(t) | [t.key, r.relation]]
END AS told
RETURN depth, told, count(*)
"""
)
"""How many descendants there are at each depth by relation. Where several parents may have been first, they are told
one by one: the descendant's key, then each parent's key and relation."""

_FIRST = _DOWN + "WITH m, depth WHERE depth <= $depth RETURN m.key AS key, depth ORDER BY depth, key LIMIT $limit"

_ALL = _DOWN + "WITH m, depth WHERE depth <= $depth RETURN depth, collect(m.key)"
"""All keys, a list for each depth: a row costs more than a key."""

_DEPTHS = _DOWN + "WITH m, depth WHERE m.key IN $keys RETURN m.key, depth"


def ancestry(view: Neo4jView, root: str, depth: int | None) -> list[EdgeRow]:
    """List the edges of descent upward from a model and all its ancestors within `depth`."""
    edges: dict[str, list[EdgeRow]] = {}
    frontier, gone = {root}, 0
    while frontier and (depth is None or gone <= depth):
        hops = MAX_HOPS if depth is None else min(MAX_HOPS, depth - gone)
        for source, target, properties in view.rows(_UP.format(hops=hops), keys=sorted(frontier)):
            edges.setdefault(source, []).append(
                EdgeRow("DERIVED_FROM", source, target, *edge_from("DERIVED_FROM", properties))
            )
        frontier = _beyond(edges, frontier, hops)
        gone += hops + 1
    return [edge for key in sorted(edges) for edge in sorted(edges[key], key=lambda edge: edge.target)]


def _beyond(edges: dict[str, list[EdgeRow]], start: set[str], hops: int) -> set[str]:
    """Go as far as the statement went, and give what lies one edge further and is not known yet."""
    seen, level = set(start), start
    for _ in range(hops + 1):
        level = {edge.target for key in level for edge in edges.get(key, ())} - seen
        seen |= level
    return level - edges.keys()


def descent(view: Neo4jView, root: str, depth: int | None, limit: int | None) -> Descent | None:
    """Count the descendants of a model and list the first; None where they reach further than one statement goes."""
    counts: Counter[str | None] = Counter()
    waiting: list[tuple[int, list[Any]]] = []
    deepest = 0
    for at, told, number in view.rows(_COUNTS, root=root):
        deepest = max(deepest, at)
        if len(told) == 1:
            counts[told[0]] += number
        else:
            waiting.append((at, told[1:]))
    if deepest >= MAX_HOPS:
        return None
    counts.update(_first_relations(view, root, waiting))
    near = MAX_HOPS if depth is None else depth
    total = sum(counts.values())
    return Descent(_first(view, root, near, total if limit is None else limit, total), total, dict(counts))


def _first_relations(view: Neo4jView, root: str, waiting: list[tuple[int, list[Any]]]) -> Iterable[str | None]:
    """Tell the relation of the edge by which each of some descendants was first reached.

    That is the edge to the first parent by key among those that are one edge nearer to the root.
    """
    if not waiting:
        return []
    parents = sorted({key for _, ways in waiting for key, _ in ways})
    depths = {key: at for chunk in chunks(parents) for key, at in view.rows(_DEPTHS, root=root, keys=chunk)}
    return [min((key, relation or "") for key, relation in ways if depths.get(key) == at - 1)[1] or None
            for at, ways in waiting]  # fmt: skip


def _first(view: Neo4jView, root: str, depth: int, limit: int, total: int) -> dict[str, int]:
    """List the root and the first descendants in order of depth and key."""
    if limit < total:
        found = [(at, key) for key, at in view.rows(_FIRST, root=root, depth=depth, limit=limit)]
    else:
        found = sorted((at, key) for at, keys in view.rows(_ALL, root=root, depth=depth) for key in keys)
    return {root: 0, **{key: at for at, key in found}}
