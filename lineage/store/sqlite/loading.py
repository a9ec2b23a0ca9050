"""Find nodes by key during a bulk load, while the store has no indexes.

Keys come in random order, so each insert into an index touches another page. Once the index is larger than the cache,
a transaction rewrites most of its pages: 110 µs a model at first, 360 µs after a million. A load therefore drops the
indexes, keeps a 64-bit hash of each key with the node's id in a temporary database, and makes the indexes at the end
from sorted keys. For example `org/base` with hash 17 and id 5 is the row (17, 5).
"""

# ruff: noqa: S608 -- the names in statements are our own tables'

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from lineage.store.promoted import PROMOTED
from lineage.store.rows import chunks
from lineage.store.sqlite.keys import unpack_key
from lineage.store.sqlite.schema import table
from lineage.store.sqlite.view import CHUNK, marks

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind

CACHE_KIB = 262_144
"""Memory for hashes and ids in KiB: 10 million nodes fit; SQLite writes more to the temporary file."""

number_of: Callable[[str], int] = hash
"""Hash a key: Python's hash of a text has 64 bits and differs in each process, so that collisions cannot be planned."""


class LoadedKeys:
    """Map the hash of each key to the node's id.

    A lookup returns candidates: the caller compares the key in the node's row. So keys with the same hash do not
    mix, and entries of writes that were rolled back do no harm: this map is never rolled back. Of several keys with the
    same hash the first is in the table, the others are in memory (`_collisions`).
    """

    def __init__(self, store: sqlite3.Connection) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("BEGIN")
        self._collisions: dict[NodeKind, dict[str, int]] = {}
        self._store = store
        self._version = self._data_version()
        self._read_store()

    def candidates(self, kind: NodeKind, keys: Collection[str]) -> list[int]:
        """List ids of nodes that may have these keys; the nodes that do are among them."""
        collisions = self._collisions[kind]
        found = [collisions[key] for key in keys if key in collisions]
        for chunk in chunks([number_of(key) for key in keys], CHUNK):
            rows = self._connection.execute(f"SELECT id FROM {table(kind)} WHERE hash IN ({marks(chunk)})", chunk)
            found += [number for (number,) in rows]
        return found

    def add(self, kind: NodeKind, ids: Iterable[tuple[str, int]]) -> None:
        """Add new nodes. A key whose hash is in the table already is kept in memory."""
        rows = [(number_of(key), number, key) for key, number in ids]
        before = self._connection.total_changes
        self._connection.executemany(f"INSERT OR IGNORE INTO {table(kind)} (hash, id) VALUES (?, ?)", _firsts(rows))
        if self._connection.total_changes - before < len(rows):
            for hashed, number, key in rows:
                find = self._connection.execute(f"SELECT id FROM {table(kind)} WHERE hash = ?", (hashed,))
                if find.fetchone()[0] != number:
                    self._collisions[kind][key] = number

    def refresh(self) -> None:
        """Read all keys again if another process has written to the store: its nodes are not in this map."""
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._read_store()

    def close(self) -> None:
        """Close and delete the temporary database."""
        self._connection.close()

    def _data_version(self) -> int:
        return int(self._store.execute("PRAGMA data_version").fetchone()[0])

    def _read_store(self) -> None:
        for kind in PROMOTED:
            self._collisions[kind] = {}
            self._connection.execute(f"DROP TABLE IF EXISTS {table(kind)}")
            self._connection.execute(f"CREATE TABLE {table(kind)} (hash INTEGER PRIMARY KEY, id INTEGER NOT NULL)")
            rows = self._store.execute(f"SELECT key, id FROM {table(kind)}")
            for chunk in chunks(rows, 100_000):
                self.add(kind, ((unpack_key(key), number) for key, number in chunk))


def _firsts(rows: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int]]:
    return ((hashed, number) for hashed, number, _ in rows)
