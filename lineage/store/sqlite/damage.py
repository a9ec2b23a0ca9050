"""Find the faults of a store's file that reading single rows does not show.

SQLite's integrity check reads every page and compares every index with its table. It does not know what the columns
mean: an edge whose node is gone is invisible to every query of a store, and a promoted column may differ from the
record that it was taken from. Both are checked here.
"""

# ruff: noqa: S608 -- the names in statements are our own tables' and columns'

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from lineage.store.graph import ENDS
from lineage.store.promoted import EDGE_PROMOTED, PROMOTED
from lineage.store.sqlite.log_file import log_damage
from lineage.store.sqlite.schema import table

MOST = 100
"""Faults that SQLite's integrity check lists before it stops."""


def damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield each fault, in a transaction of the caller. What a fault makes unreadable is a fault too."""
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    if file and (fault := log_damage(Path(file))) is not None:
        yield fault
    checks = (_pages, _tables, _references, _promoted)
    for check in checks:
        try:
            yield from check(connection)
        except sqlite3.Error as error:
            yield f"SQLite cannot read all of it ({error})"


def _pages(connection: sqlite3.Connection) -> Iterator[str]:
    with closing(connection.execute(f"PRAGMA integrity_check({MOST})")) as found:
        for (message,) in found:
            if message != "ok":
                yield from (line for line in str(message).split("\n") if line and not line.startswith("*** in"))


def _tables(connection: sqlite3.Connection) -> Iterator[str]:
    existing = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name in (*map(table, PROMOTED), *map(table, ENDS), "attachment", "migration"):
        if name not in existing:
            yield f"the table {name} is missing"


def _references(connection: sqlite3.Connection) -> Iterator[str]:
    """Find edges whose end has no row, neither stored nor awaited: no query returns them."""
    for kind, ends in ENDS.items():
        for column, end in zip(("source", "target"), ends, strict=True):
            statement = (
                f"SELECT count(*) FROM {table(kind)} AS e"
                f" WHERE NOT EXISTS (SELECT 1 FROM {table(end)} AS n WHERE n.id = e.{column})"
            )
            (number,) = connection.execute(statement).fetchone()
            if number:
                yield f"{number:,} {kind} edges have a {column} that is not in the table {table(end)}"


def _promoted(connection: sqlite3.Connection) -> Iterator[str]:
    """Find columns that differ from the record that they copy: queries read the one, answers show the other."""
    copies = [(table(kind), name, name) for kind, names in EDGE_PROMOTED.items() for name in names]
    copies += [(table(kind), p.name, ".".join(p.path)) for kind, many in PROMOTED.items() for p in many if p.path]
    for name, column, path in copies:
        statement = (
            f"SELECT count(*) FROM {name} WHERE body IS NOT NULL AND json_valid(body)"
            f""" AND "{column}" IS NOT CASE json_type(body, '$.{path}') WHEN 'text'"""
            f" THEN json_extract(body, '$.{path}') END"
        )
        (number,) = connection.execute(statement).fetchone()
        if number:
            yield f"the column {column} of the table {name} differs from the record in {number:,} rows"
