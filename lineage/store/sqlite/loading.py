"""Finding nodes by key during a bulk load, while the indexes that do it otherwise are away.

Random keys make an index slow once it outgrows the memory: each transaction then writes most of its pages again. A
load therefore keeps a number for each key, 64 bits of a hash that is secret to this process, in a temporary file
beside the store, and the indexes are made afterwards from sorted keys.
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
"""Memory for hashes and ids: 10 million nodes fit; beyond, SQLite pages to the temporary file."""

number_of: Callable[[str], int] = hash
"""Number a key: Python's hash of a text is 64 bits and differs from process to process."""


class LoadedKeys:
    """Remember the ids of all nodes by the hash of their keys.

    What it gives are candidates: a node counts only if its row has the very key. So two keys with one hash do no harm,
    nor do entries of writes that were rolled back. It is never rolled back itself, and dies with the process.
    """

    def __init__(self, store: sqlite3.Connection) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("BEGIN")
        self._crowded: dict[NodeKind, dict[str, int]] = {}
        self._store = store
        self._version = self._data_version()
        self._read_store()

    def candidates(self, kind: NodeKind, keys: Collection[str]) -> list[int]:
        """List ids among which those of some keys are, where they are there at all."""
        crowded = self._crowded[kind]
        found = [crowded[key] for key in keys if key in crowded]
        for chunk in chunks([number_of(key) for key in keys], CHUNK):
            rows = self._connection.execute(f"SELECT id FROM {table(kind)} WHERE hash IN ({marks(chunk)})", chunk)
            found += [number for (number,) in rows]
        return found

    def add(self, kind: NodeKind, ids: Iterable[tuple[str, int]]) -> None:
        """Remember new nodes. A key whose hash is taken is remembered in memory."""
        rows = [(number_of(key), number, key) for key, number in ids]
        before = self._connection.total_changes
        self._connection.executemany(f"INSERT OR IGNORE INTO {table(kind)} (hash, id) VALUES (?, ?)", _firsts(rows))
        if self._connection.total_changes - before < len(rows):
            for hashed, number, key in rows:
                find = self._connection.execute(f"SELECT id FROM {table(kind)} WHERE hash = ?", (hashed,))
                if find.fetchone()[0] != number:
                    self._crowded[kind][key] = number

    def refresh(self) -> None:
        """Read all keys anew where another process has written since: it knew nothing of this map."""
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._read_store()

    def close(self) -> None:
        """Let the temporary file go."""
        self._connection.close()

    def _data_version(self) -> int:
        return int(self._store.execute("PRAGMA data_version").fetchone()[0])

    def _read_store(self) -> None:
        for kind in PROMOTED:
            self._crowded[kind] = {}
            self._connection.execute(f"DROP TABLE IF EXISTS {table(kind)}")
            self._connection.execute(f"CREATE TABLE {table(kind)} (hash INTEGER PRIMARY KEY, id INTEGER NOT NULL)")
            rows = self._store.execute(f"SELECT key, id FROM {table(kind)}")
            for chunk in chunks(rows, 100_000):
                self.add(kind, ((unpack_key(key), number) for key, number in chunk))


def _firsts(rows: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int]]:
    return ((hashed, number) for hashed, number, _ in rows)
