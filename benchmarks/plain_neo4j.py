"""The peer of the store in Neo4j: the least Cypher that somebody would write by hand for the same rows and questions.

Nodes are created from flat maps, what is nested as one text; nothing is merged but files, which models share. One
transaction a batch.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lineage.store.rows import Rows

if TYPE_CHECKING:
    from neo4j import Driver

LABELS = {"Model": "PlainModel", "Revision": "PlainRevision", "File": "PlainFile"}
EDGES = {
    "HAS_REVISION": ("PLAIN_REVISION", "Model", "Revision"),
    "CONTAINS": ("PLAIN_CONTAINS", "Revision", "File"),
    "DERIVED_FROM": ("PLAIN_DERIVED", "Model", "Model"),
}
BATCH = 10_000

ANCESTORS = """
MATCH (root:PlainModel {key: $key})-[:PLAIN_DERIVED*0..64]->(m) WITH DISTINCT m
OPTIONAL MATCH (m)-[r:PLAIN_DERIVED]->(t) RETURN properties(m), collect([t.key, properties(r)])
"""
DESCENDANTS = """
MATCH p = (root:PlainModel {key: $key})<-[:PLAIN_DERIVED*1..64]-(m) WITH m, min(length(p)) AS depth
"""
FIRST = DESCENDANTS + "RETURN m.key, depth ORDER BY depth, m.key LIMIT $limit"
COUNTS = DESCENDANTS + "MATCH (m)-[r:PLAIN_DERIVED]->() RETURN r.relation, count(DISTINCT m)"
ALL = DESCENDANTS + "RETURN m.key, depth ORDER BY depth, m.key"


class PlainNeo4j:
    """Keep models, revisions, files and their edges under labels of their own, beside the store's."""

    def __init__(self, driver: Driver, database: str | None) -> None:
        self._driver, self._database = driver, database
        for label in LABELS.values():
            self.rows(f"CREATE CONSTRAINT {label}_key IF NOT EXISTS FOR (n:{label}) REQUIRE n.key IS UNIQUE")

    def load(self, rows: Rows) -> None:
        """Write a batch: nodes, then relationships between nodes that are found by key."""
        with self._driver.session(database=self._database) as session:
            session.execute_write(_load, rows)

    def rows(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """Ask in a read transaction of its own."""
        with self._driver.session(database=self._database) as session:
            return session.run(statement, parameters).values()

    def ancestors(self, key: str) -> int:
        """Fetch all ancestors with their edges, in one statement."""
        return len(self.rows(ANCESTORS, key=key))


def _load(transaction: Any, rows: Rows) -> None:
    for kind, label in LABELS.items():
        flat = [{"key": key, **_flat(p)} for key, p in rows.nodes.get(kind, {}).items()]  # type: ignore[call-overload]
        verb = f"MERGE (n:{label} {{key: row.key}})" if kind == "File" else f"CREATE (n:{label})"
        _each(transaction, f"UNWIND $rows AS row {verb} SET n = row", flat)
    for kind, (name, source, target) in EDGES.items():
        edges = rows.edges.get(kind, {})  # type: ignore[call-overload]
        flat = [{"s": s, "t": t, "p": {**_flat(p), "name": n}} for (s, t, n), p in edges.items()]
        match = f"MATCH (s:{LABELS[source]} {{key: row.s}}) MATCH (t:{LABELS[target]} {{key: row.t}})"
        _each(transaction, f"UNWIND $rows AS row {match} CREATE (s)-[r:{name}]->(t) SET r = row.p", flat)


def _each(transaction: Any, statement: str, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), BATCH):
        transaction.run(statement, rows=rows[start : start + BATCH]).consume()


def _flat(properties: dict[str, Any]) -> dict[str, Any]:
    """Leave out nulls, and write what is nested as text."""
    known = {name: value for name, value in properties.items() if value is not None}
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in known.items()}
