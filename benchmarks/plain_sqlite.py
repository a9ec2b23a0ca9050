"""The peer of the embedded store: a minimal hand-written schema for the same rows and questions.

Ids come from dictionaries in memory, bodies are JSON, nothing is merged, checked, migrated or promoted beyond what the
questions need. It is made for one load of this size and nothing else.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from lineage.store.rows import Rows
from lineage_schemas.graph_batch import GraphBatch

SCHEMA = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -65536;
CREATE TABLE model (id INTEGER PRIMARY KEY, key TEXT NOT NULL, licence TEXT, body TEXT);
CREATE TABLE revision (id INTEGER PRIMARY KEY, key TEXT NOT NULL, model INTEGER NOT NULL, body TEXT);
CREATE TABLE file (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, size INTEGER);
CREATE TABLE contains (
  revision INTEGER NOT NULL, file INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (revision, file, path)
) WITHOUT ROWID;
CREATE TABLE derived (
  child INTEGER NOT NULL, parent INTEGER NOT NULL, body TEXT, PRIMARY KEY (child, parent)
) WITHOUT ROWID;
"""
INDEXES = """
CREATE UNIQUE INDEX model_key ON model (key);
CREATE UNIQUE INDEX revision_key ON revision (key);
CREATE UNIQUE INDEX file_hash ON file (hash);
CREATE INDEX contains_file ON contains (file);
CREATE INDEX derived_parent ON derived (parent, child);
ANALYZE;
"""
ANCESTORS = """
WITH RECURSIVE up (id) AS (
  SELECT id FROM model WHERE key = ? UNION SELECT parent FROM derived JOIN up ON child = up.id
) SELECT key, body FROM up JOIN model USING (id)
"""
DESCENDANTS = """
WITH RECURSIVE down (id) AS (
  SELECT child FROM derived JOIN model ON model.id = parent WHERE key = ?
  UNION SELECT child FROM derived JOIN down ON parent = down.id
) SELECT key FROM down JOIN model USING (id) WHERE key != ?
"""
HOLDERS = """
SELECT DISTINCT model.key FROM file JOIN contains ON contains.file = file.id
JOIN revision ON revision.id = contains.revision JOIN model ON model.id = revision.model WHERE hash = ?
"""


class PlainSqlite:
    """Keep models, revisions, files and two kinds of edges in a hand-written schema."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(SCHEMA)
        self._models: dict[str, int] = {}
        self._files: dict[bytes, int] = {}
        self._revisions = 0

    def load(self, rows: Rows) -> None:
        """Insert a batch, one transaction."""
        edges, run = rows.edges, self._connection.executemany
        self._connection.execute("BEGIN")
        run("INSERT INTO model VALUES (?, ?, ?, ?)", [
            (self._model(key), key, p["licence"], json.dumps(p)) for key, p in rows.nodes["Model"].items()
        ])  # fmt: skip
        revisions = {key: self._revisions + n for n, key in enumerate(rows.nodes["Revision"], 1)}
        self._revisions += len(revisions)
        run("INSERT INTO revision VALUES (?, ?, ?, ?)", [
            (revisions[key], key, self._model(p["model"]), json.dumps(p)) for key, p in rows.nodes["Revision"].items()
        ])  # fmt: skip
        new = []
        for key, p in rows.nodes["File"].items():
            hashed = bytes.fromhex(key[7:])
            if hashed not in self._files:
                self._files[hashed] = len(self._files) + 1
                new.append((self._files[hashed], hashed, p["size"]))
        run("INSERT INTO file VALUES (?, ?, ?)", new)
        run("INSERT INTO contains VALUES (?, ?, ?)", [
            (revisions[source], self._files[bytes.fromhex(target[7:])], name)
            for source, target, name in edges["CONTAINS"]
        ])  # fmt: skip
        run("INSERT INTO derived VALUES (?, ?, ?)", [
            (self._model(child), self._model(parent), json.dumps(p))
            for (child, parent, _), p in edges.get("DERIVED_FROM", {}).items()
        ])  # fmt: skip
        self._connection.execute("COMMIT")

    def _model(self, key: str) -> int:
        return self._models.setdefault(key, len(self._models) + 1)

    def finish(self) -> None:
        """Create the indexes, and free what only the load needed."""
        self._connection.executescript(INDEXES)
        self._models.clear()
        self._files.clear()

    def upsert(self, batch: GraphBatch) -> None:
        """Write records by key, one transaction."""
        run = self._connection.executemany
        self._connection.execute("BEGIN IMMEDIATE")
        run(
            "INSERT INTO model (key, licence, body) VALUES (?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET licence = excluded.licence, body = excluded.body",
            [(m.key, m.licence, m.model_dump_json()) for m in batch.models],
        )
        run(
            "INSERT INTO revision (key, model, body) VALUES (?, (SELECT id FROM model WHERE key = ?), ?)"
            " ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            [(r.key, r.model, r.model_dump_json()) for r in batch.revisions],
        )
        run(
            "INSERT INTO derived (child, parent, body) SELECT c.id, p.id, ? FROM model c, model p"
            " WHERE c.key = ? AND p.key = ? ON CONFLICT DO UPDATE SET body = excluded.body",
            [(d.model_dump_json(), d.child, d.parent) for d in batch.derivations],
        )
        self._connection.execute("COMMIT")

    def ancestors(self, key: str) -> list[dict[str, Any]]:
        """Return a model and all its ancestors."""
        return [json.loads(body) for _, body in self.rows(ANCESTORS, key)]

    def descendants(self, key: str) -> list[str]:
        """Return the keys of all descendants of a model."""
        return [found for (found,) in self.rows(DESCENDANTS, key, key)]

    def holders(self, key: str) -> list[str]:
        """Return the keys of the models that hold a file."""
        return [found for (found,) in self.rows(HOLDERS, bytes.fromhex(key[7:]))]

    def rows(self, statement: str, *values: object) -> list[Any]:
        """Run a query."""
        return self._connection.execute(statement, values).fetchall()

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size
