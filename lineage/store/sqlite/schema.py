"""The SQLite schema, made from the table of promoted properties.

Each kind of node has a table: an integer id, which edges refer to, the key, the promoted properties, and the rest as
JSON in `body`. A row whose body is null is awaited: an edge to or from it was written first, and readers do not see it.
Each kind of edge has a table of ids, sorted by source, and an index sorted by target.
"""

from __future__ import annotations

from collections.abc import Iterator

from lineage.store.graph import ENDS, EdgeKind, NodeKind
from lineage.store.promoted import EDGE_PROMOTED, PROMOTED

APPLICATION_ID = 0x4C4E4745
"""`LNGE`, in SQLite's file header: it distinguishes a store from another application's database."""

_TYPES = {"text": "TEXT", "integer": "INTEGER", "boolean": "INTEGER", "digest": "BLOB"}


def table(kind: NodeKind | EdgeKind) -> str:
    """Return the name of a kind's table."""
    return kind.lower()


def columns(kind: NodeKind) -> str:
    """List a node's columns in the order of `lineage.store.promoted.pack`: promoted properties, then the body."""
    return ", ".join([*(f'"{p.name}"' for p in PROMOTED[kind]), "body"])


def tables() -> Iterator[str]:
    """Yield the statements that make the tables."""
    yield "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
    yield "CREATE TABLE attachment (kind TEXT NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL)"
    yield "CREATE UNIQUE INDEX attachment_key ON attachment (kind, key)"
    for kind, promoted in PROMOTED.items():
        key_type = "BLOB" if kind == "File" else "TEXT"
        fields = "".join(f', "{p.name}" {_TYPES[p.type]}' for p in promoted)
        yield f"CREATE TABLE {table(kind)} (id INTEGER PRIMARY KEY, key {key_type} NOT NULL{fields}, body TEXT)"
    for edge in ENDS:
        fields = "".join(f', "{name}" TEXT' for name in EDGE_PROMOTED.get(edge, ()))
        yield (
            f"CREATE TABLE {table(edge)} (source INTEGER NOT NULL, target INTEGER NOT NULL, name TEXT NOT NULL{fields},"
            " body TEXT, PRIMARY KEY (source, target, name)) WITHOUT ROWID"
        )


def indexes() -> dict[str, str]:
    """Return the statements that make the indexes, by name: a bulk load runs them after the rows."""
    made = {}
    for kind, promoted in PROMOTED.items():
        made[f"{table(kind)}_key"] = f"ON {table(kind)} (key)"
        made[f"{table(kind)}_awaited"] = f"ON {table(kind)} (id) WHERE body IS NULL"
        for p in promoted:
            if p.indexed:
                made[f"{table(kind)}_{p.name}"] = f'ON {table(kind)} ("{p.name}") WHERE "{p.name}" IS NOT NULL'
    for edge in ENDS:
        fields = "".join(f', "{name}"' for name in EDGE_PROMOTED.get(edge, ()))
        made[f"{table(edge)}_in"] = f"ON {table(edge)} (target, source{fields})"
    return {name: f"CREATE {_unique(name)}INDEX IF NOT EXISTS {name} {what}" for name, what in made.items()}


def _unique(name: str) -> str:
    return "UNIQUE " if name.endswith("_key") else ""
