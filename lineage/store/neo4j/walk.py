"""Walks in the server: one statement for many hops, and counts instead of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from lineage.store.graph import EdgeRow
from lineage.store.interface import Descent
from lineage.store.neo4j.codec import edge_from
from lineage.store.neo4j.transactions import CHUNK
from lineage.store.rows import chunks

Found = TypeVar("Found")

Ask = Callable[..., list[list[Any]]]
"""Run a statement with its parameters and fetch all rows: `Neo4jView.rows`."""

MAX_HOPS = 64
"""Hops in one statement: a walk without a bound may never end. A longer walk takes several statements."""

TRIES = 3
"""How often a walk of several statements is started again if their results do not agree."""

_UP = """
UNWIND $keys AS key MATCH (root:Model {{key: key}})
MATCH (root)-[:DERIVED_FROM*0..{hops}]->(m:Model) WITH DISTINCT m
RETURN m.key, properties(m), [(m)-[r:DERIVED_FROM]->(t:Model) | [t.key, properties(r)]]
"""
"""Every ancestor once, with its properties and edges: the caller fetches the models next, and a second statement would
cost more than their properties."""

_DOWN = f"""
MATCH (root:Model {{key: $root}})
MATCH p = (root)<-[:DERIVED_FROM*1..{MAX_HOPS}]-(m) WHERE m <> root AND all(n IN nodes(p) WHERE n:Model)
WITH root, m, min(length(p)) AS depth
"""
"""Every descendant once, with its distance from the root: the server visits each node once."""

_RELATION = """
WITH m, depth, CASE depth
  WHEN 1 THEN [(m)-[r:DERIVED_FROM]->(root) | coalesce(r.relation, '')]
  ELSE [(m)-[r:DERIVED_FROM]->() | coalesce(r.relation, '')]
END AS relations
WITH m, depth, CASE WHEN all(each IN relations WHERE each = relations[0]) THEN relations[0] END AS relation
"""
"""The relation by which a descendant is first reached: empty for an edge without one, null where its edges differ and
the depths of its parents must decide."""

_COUNTS = _DOWN + _RELATION + "RETURN depth, relation, count(*)"

_KEYS = _DOWN + _RELATION + "RETURN depth, relation, collect(m.key)"
"""All keys, in one list for each depth and relation: a row costs more than a key."""

_SEVERAL = (
    _DOWN
    + _RELATION
    + "WITH m, depth, relation WHERE relation IS NULL"
    + " RETURN depth, [(m)-[r:DERIVED_FROM]->(t:Model) | [t.key, r.relation]]"
)

_WAYS = """
UNWIND $keys AS key MATCH (m:Model {key: key})
RETURN key, [(m)-[r:DERIVED_FROM]->(t:Model) | [t.key, r.relation]]
"""

_DEPTHS = _DOWN + "WITH m, depth WHERE m.key IN $keys RETURN m.key, depth"

_FIRST = _DOWN + "WITH m, depth WHERE depth <= $depth RETURN m.key AS key, depth ORDER BY depth, key LIMIT $limit"


def ancestry(ask: Ask, root: str, depth: int | None) -> tuple[list[EdgeRow], dict[str, dict[str, Any]]]:
    """Return the edges from a model and its ancestors within `depth` to their parents, and these models encoded."""
    edges: dict[str, list[EdgeRow]] = {}
    models: dict[str, dict[str, Any]] = {}
    frontier, walked = {root}, 0
    while frontier and (depth is None or walked <= depth):
        hops = MAX_HOPS if depth is None else min(MAX_HOPS, depth - walked)
        for source, stored, ways in ask(_UP.format(hops=hops), keys=sorted(frontier)):
            models[source] = stored
            edges[source] = [
                EdgeRow("DERIVED_FROM", source, target, *edge_from("DERIVED_FROM", properties))
                for target, properties in ways
            ]
        frontier = _beyond(edges, frontier, hops)
        walked += hops + 1
    return [edge for key in sorted(edges) for edge in sorted(edges[key], key=lambda edge: edge.target)], models


def _beyond(edges: dict[str, list[EdgeRow]], start: set[str], hops: int) -> set[str]:
    """Return the models one edge beyond the last hop of a statement that were not fetched yet."""
    seen, level = set(start), start
    for _ in range(hops + 1):
        level = {edge.target for key in level for edge in edges.get(key, ())} - seen
        seen |= level
    return level - edges.keys()


def levels_down(ask: Ask, root: str) -> list[dict[str, str | None]] | None:
    """List the descendants of each depth with the relation of their first edge; None: walk hop by hop."""
    return _consistent(lambda: _levels_down(ask, root))


def descent(ask: Ask, root: str, depth: int | None, limit: int | None) -> Descent | None:
    """Count the descendants of a model and list the first; None: walk hop by hop."""
    return _consistent(lambda: _descent(ask, root, depth, limit))


def _consistent(walk: Callable[[], Found | None]) -> Found | None:
    """Run a walk, and again up to TRIES times if a write between its statements changed the graph.

    None tells the caller to walk hop by hop, which needs no two statements to agree. A walk returns None itself where
    the descendants go deeper than one statement.
    """
    for _ in range(TRIES):
        with suppress(_ChangedError):
            return walk()
    return None


def _levels_down(ask: Ask, root: str) -> list[dict[str, str | None]] | None:
    levels: dict[int, dict[str, str | None]] = {}
    several: dict[str, int] = {}
    for depth, relation, keys in ask(_KEYS, root=root):
        levels.setdefault(depth, {}).update(dict.fromkeys(keys, relation or None))
        several.update(dict.fromkeys(keys, depth) if relation is None else ())
    if len(levels) >= MAX_HOPS:
        return None
    if sorted(levels) != list(range(1, len(levels) + 1)):
        raise _ChangedError
    found = {key: ways for chunk in chunks(sorted(several), CHUNK) for key, ways in ask(_WAYS, keys=chunk)}
    for key, depth in several.items():
        nearer = levels.get(depth - 1, {root: None})
        levels[depth][key] = _first_relation(way for way in found.get(key, ()) if way[0] in nearer)
    return [dict(sorted(levels[depth].items())) for depth in sorted(levels)]


def _descent(ask: Ask, root: str, depth: int | None, limit: int | None) -> Descent | None:
    counts: Counter[str | None] = Counter()
    at_depth: Counter[int] = Counter()
    several = 0
    for at, relation, number in ask(_COUNTS, root=root):
        at_depth[at] += number
        if relation is None:
            several += number
        else:
            counts[relation or None] += number
    if max(at_depth, default=0) >= MAX_HOPS:
        return None
    reached = _several(ask, root) if several else []
    if len(reached) != several:
        raise _ChangedError
    counts.update(reached)
    near = MAX_HOPS if depth is None else depth
    total = counts.total()
    found = ask(_FIRST, root=root, depth=near, limit=total if limit is None else limit)
    known = sum(number for at, number in at_depth.items() if at <= near)
    if len(found) != (known if limit is None else min(limit, known)):
        raise _ChangedError
    return Descent({root: 0, **{key: at for key, at in found}}, total, dict(counts))


def _several(ask: Ask, root: str) -> list[str | None]:
    """Return the relation by which each descendant is first reached whose edges have different relations.

    That is the relation of the edge to the first parent by key among those that are one edge nearer to the root.
    """
    undecided = ask(_SEVERAL, root=root)
    parents = sorted({key for _, ways in undecided for key, _ in ways})
    depths: dict[str, int] = {}
    for chunk in chunks(parents, CHUNK):
        depths.update({key: at for key, at in ask(_DEPTHS, root=root, keys=chunk)})
    return [_first_relation(way for way in ways if depths.get(way[0]) == depth - 1) for depth, ways in undecided]


def _first_relation(ways: Iterable[list[Any]]) -> str | None:
    """Return the relation of the edge to the first parent by key."""
    first = min(ways, key=lambda way: way[0], default=None)
    if first is None:
        raise _ChangedError
    relation: str | None = first[1]
    return relation


class _ChangedError(Exception):
    """Report that a write was committed between two statements of a walk, so that their results do not agree."""
