"""The peer of the store in Neo4j: a minimal hand-written Cypher script for the same rows and questions.

It writes the same nodes, relationships and properties under its own labels and types, with the same unique keys
and indexes. New nodes are created from flat maps, files that models share are merged; nothing is looked up or checked,
and no edge waits for a missing end. One transaction per batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage.store.neo4j.captions import NAME, caption
from lineage.store.promoted import PROMOTED
from lineage.store.rows import Rows

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction

    from lineage_schemas.graph_batch import GraphBatch

LABELS = {"Model": "PlainModel", "Revision": "PlainRevision", "File": "PlainFile"}
EDGES = {
    "HAS_REVISION": ("PLAIN_REVISION", "Model", "Revision"),
    "CONTAINS": ("PLAIN_CONTAINS", "Revision", "File"),
    "DERIVED_FROM": ("PLAIN_DERIVED", "Model", "Model"),
}
BATCH = 10_000

ANCESTORS = """
MATCH (root:PlainModel {key: $key})-[:PLAIN_DERIVED*0..64]->(m) WITH DISTINCT m
RETURN properties(m), [(m)-[r:PLAIN_DERIVED]->(t) | [t.key, properties(r)]]
"""
DESCENDANTS = """
MATCH p = (root:PlainModel {key: $key})<-[:PLAIN_DERIVED*1..64]-(m) WITH m, min(length(p)) AS depth
"""
ALL = DESCENDANTS + "RETURN m.key, depth ORDER BY depth, m.key"
FIRST = DESCENDANTS + "RETURN m.key, depth ORDER BY depth, m.key LIMIT $limit"
COUNTS = DESCENDANTS + "MATCH (m)-[r:PLAIN_DERIVED]->() RETURN r.relation, count(DISTINCT m)"
HOLDERS = """
MATCH (f:PlainFile {key: $key})<-[:PLAIN_CONTAINS]-()<-[:PLAIN_REVISION]-(m) RETURN DISTINCT m.key
"""
UPSERTS = (
    "UNWIND $rows AS row MERGE (n:PlainModel {key: row.key}) SET n += row",
    "UNWIND $rows AS row MERGE (n:PlainRevision {key: row.key}) SET n += row"
    " WITH n, row MATCH (m:PlainModel {key: row.model}) MERGE (m)-[:PLAIN_REVISION]->(n)",
    "UNWIND $rows AS row MATCH (s:PlainModel {key: row.s}) MATCH (t:PlainModel {key: row.t})"
    " MERGE (s)-[r:PLAIN_DERIVED]->(t) SET r = row.p",
)


class PlainNeo4j:
    """Keep models, revisions, files and their edges under separate labels, beside those of the store."""

    def __init__(self, driver: Driver, database: str | None = None) -> None:
        self._driver, self._database = driver, database
        for label in LABELS.values():
            self.rows(f"CREATE CONSTRAINT {label}_key IF NOT EXISTS FOR (n:{label}) REQUIRE n.key IS UNIQUE")

    def load(self, rows: Rows) -> None:
        """Write a batch: nodes, then relationships between nodes that are found by key."""
        with self._driver.session(database=self._database) as session:
            session.execute_write(_load, rows)

    def finish(self) -> None:
        """Create the same indexes as the store, and wait for them."""
        for kind, label in LABELS.items():
            for name in (p.name for p in PROMOTED[kind] if p.indexed):  # type: ignore[index]
                self.rows(f"CREATE INDEX {label}_{name} IF NOT EXISTS FOR (n:{label}) ON (n.{name})")
        self.rows("CALL db.awaitIndexes(3600)")

    def drop(self) -> None:
        """Drop the unique keys and indexes again, because the database may belong to another user."""
        for what, plural in (("CONSTRAINT", "CONSTRAINTS"), ("INDEX", "INDEXES")):
            ours = f"SHOW {plural} YIELD name, labelsOrTypes AS labels WHERE labels[0] IN $labels RETURN name"
            for (name,) in self.rows(ours, labels=list(LABELS.values())):
                self.rows(f"DROP {what} {name}")

    def upsert(self, batch: GraphBatch) -> None:
        """Write records by key, one transaction."""
        models = [_flat(m.model_dump(mode="json")) for m in batch.models]
        revisions = [_flat(r.model_dump(mode="json")) for r in batch.revisions]
        edges = [
            {"s": d.child, "t": d.parent, "p": _flat(d.model_dump(mode="json", exclude={"child", "parent"}))}
            for d in batch.derivations
        ]

        def write(transaction: ManagedTransaction) -> None:
            for statement, rows in zip(UPSERTS, (models, revisions, edges), strict=True):
                _each(transaction, statement, rows)

        with self._driver.session(database=self._database) as session:
            session.execute_write(write)

    def rows(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """Run a query in its own transaction."""
        with self._driver.session(database=self._database) as session:
            return session.run(statement, parameters).values()

    def ancestors(self, key: str, *, managed: bool = False) -> list[list[Any]]:
        """Fetch a model and all its ancestors with their edges upward, in one statement.

        A plain transaction is the fastest; with `managed` it is retried after a failure, as the manual recommends.
        """
        if not managed:
            return self.rows(ANCESTORS, key=key)
        found = self._driver.execute_query(ANCESTORS, {"key": key}, routing_="r", database_=self._database)
        return [record.values() for record in found.records]

    def descendants(self, key: str) -> list[list[Any]]:
        """Fetch the keys of all descendants with their depths, in order."""
        return self.rows(ALL, key=key)

    def first(self, key: str, limit: int) -> tuple[list[str], dict[str, int]]:
        """Fetch the first descendants, and the number of all by relation."""
        found = self.rows(FIRST, key=key, limit=limit)
        return [key for key, _ in found], dict(self.rows(COUNTS, key=key))

    def holders(self, key: str) -> list[str]:
        """Return the keys of the models that hold a file."""
        return [found for (found,) in self.rows(HOLDERS, key=key)]


def _load(transaction: ManagedTransaction, rows: Rows) -> None:
    for kind, label in LABELS.items():
        nodes = rows.nodes.get(kind, {})  # type: ignore[call-overload]
        flat = [{"key": key, NAME: caption(kind, key, p), **_flat(p)} for key, p in nodes.items()]  # type: ignore[arg-type]
        make = f"MERGE (n:{label} {{key: row.key}})" if kind == "File" else f"CREATE (n:{label})"
        _each(transaction, f"UNWIND $rows AS row {make} SET n = row", flat)
    for kind, (name, source, target) in EDGES.items():
        edges = rows.edges.get(kind, {})  # type: ignore[call-overload]
        named = kind == "CONTAINS"
        flat = [{"s": s, "t": t, "p": {**_flat(p), "path": n} if named else _flat(p)} for (s, t, n), p in edges.items()]
        match = f"MATCH (s:{LABELS[source]} {{key: row.s}}) MATCH (t:{LABELS[target]} {{key: row.t}})"
        _each(transaction, f"UNWIND $rows AS row {match} CREATE (s)-[r:{name}]->(t) SET r = row.p", flat)


def _each(transaction: ManagedTransaction, statement: str, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), BATCH):
        transaction.run(statement, rows=rows[start : start + BATCH]).consume()


def _flat(properties: dict[str, Any]) -> dict[str, Any]:
    """Leave out nulls, and write observations as further properties."""
    known = {name: value for name, value in properties.items() if value is not None}
    seen = {name: value for name, value in known.pop("observations", {}).items() if value is not None}
    known |= {name: value["value"] for name, value in seen.items()}
    return known | ({"observed_at": next(iter(seen.values()))["observed_at"]} if seen else {})
