"""Find nodes and relationships that no query of a store returns, because a user made or changed them in Cypher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lineage.store.graph import ENDS
from lineage.store.neo4j.codec import ATTACHMENTS, AWAITED
from lineage.store.promoted import PROMOTED

Ask = Callable[[str], list[list[Any]]]


def damage(ask: Ask) -> Iterator[str]:
    """Yield what is wrong: nodes without a key, and relationships between nodes of other kinds than theirs."""
    for label in (*PROMOTED, *(label for label, _ in ATTACHMENTS.values()), AWAITED):
        statement = f"MATCH (n:{label}) RETURN count(n) - sum(CASE WHEN n.key >= '' THEN 1 ELSE 0 END)"
        if number := ask(statement)[0][0]:
            yield f"{number:,} {label} nodes have no key, or one that is not a text"
    for kind, (source, target) in ENDS.items():
        is_source, is_target = (
            f"({end}:{of} OR ({end}:{AWAITED} AND {end}.kind = '{of}'))" for end, of in (("s", source), ("t", target))
        )
        statement = f"MATCH (s)-[r:{kind}]->(t) WHERE NOT ({is_source} AND {is_target}) RETURN count(r)"
        if number := ask(statement)[0][0]:
            yield f"{number:,} {kind} relationships do not go from a {source} to a {target}"
