"""Write rows to a store in SQLite, inside a transaction that the caller begins and ends."""

# ruff: noqa: S608 -- the names in statements are our own tables' and columns'; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lineage.store.codec import settled
from lineage.store.forgetting import EDGES_OF_A_STUB
from lineage.store.graph import ENDS
from lineage.store.merging import RULES, merged, merged_stub
from lineage.store.promoted import EDGE_PROMOTED, PROMOTED, canonical, pack, unpack
from lineage.store.rows import chunks
from lineage.store.sqlite.keys import pack_key, packed_node, stored_node, unpack_key
from lineage.store.sqlite.schema import columns, table
from lineage.store.sqlite.view import CHUNK, marks

if TYPE_CHECKING:
    from lineage.store.forgetting import Forgetting
    from lineage.store.graph import EdgeKind, NodeKind, Properties
    from lineage.store.promoted import Packed
    from lineage.store.rows import Rows
    from lineage.store.sqlite.loading import LoadedKeys


class SqliteWriter:
    """Write through one connection, for one transaction.

    A row that would change nothing is not written, so that a repeated write costs reads only. During a bulk load,
    `loaded` replaces the indexes of keys.

    An edge refers to its ends by id. An end that is not stored yet gets a row without a body, an awaited node; when
    its record is written, the row is filled and the edges need no change. For example the first commit that is read
    of a shallow clone awaits its parent.
    """

    def __init__(self, connection: sqlite3.Connection, loaded: LoadedKeys | None = None) -> None:
        self._connection, self._loaded = connection, loaded
        self._ids: dict[NodeKind, dict[str, int]] = {kind: {} for kind in PROMOTED}
        self._added: dict[NodeKind, set[int]] = {kind: set() for kind in PROMOTED}

    def write(self, rows: Rows) -> None:
        """Write rows."""
        rows = settled(rows, self._stored)
        self._replace_changes(rows)
        dropped = self._find("Evidence", rows.dropped_evidence - rows.nodes.get("Evidence", {}).keys())
        self._delete("Evidence", dropped.values())
        for kind, nodes in rows.nodes.items():
            self._put(kind, nodes, partial(_merged, kind))
        for kind, nodes in rows.stubs.items():
            self._put(kind, nodes, partial(_merged_stub, kind))
        for edge_kind in {**rows.replaced, **rows.replaced_touching, **rows.edges}:
            self._put_edges(edge_kind, rows)
        self._connection.executemany(
            "INSERT INTO attachment (kind, key, data) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET data = excluded.data WHERE data IS NOT excluded.data",
            [(kind, key, data) for (kind, key), data in sorted(rows.attachments.items())],
        )

    def forget(self, going: Forgetting) -> None:
        """Delete nodes with all edges that touch them, and reduce others to stubs."""
        for kind, keys in going.nodes.items():
            self._delete(kind, self._find(kind, keys).values())
        stubs = self._find("Model", going.stubs)
        for edge, position in EDGES_OF_A_STUB:
            end = ("source", "target")[position]
            self._connection.executemany(
                f"DELETE FROM {table(edge)} WHERE {end} = ?", [(number,) for number in stubs.values()]
            )
        self._overwrite("Model", [(number, pack("Model", going.stubs[key])) for key, number in stubs.items()])
        self._connection.executemany("DELETE FROM attachment WHERE kind = ? AND key = ?", sorted(going.attachments))
        self._sweep()

    def _put(
        self, kind: NodeKind, nodes: Mapping[str, Properties], merge: Callable[[str, Packed, Properties], Packed]
    ) -> None:
        """Write nodes: new and awaited ones as they are, stored ones as `merge` returns them."""
        added: list[tuple[str, Packed]] = []
        changed: list[tuple[int, Packed]] = []
        existing = self._existing(kind, nodes)
        for key, properties in nodes.items():
            if key not in existing:
                added.append((key, stored_node(kind, pack(kind, properties))))
                continue
            number, stored = existing[key]
            if stored[-1] is None:
                changed.append((number, stored_node(kind, pack(kind, properties))))
            elif (packed := merge(key, stored, properties)) != stored:
                changed.append((number, packed))
        self._add(kind, added)
        self._overwrite(kind, changed)

    def _existing(self, kind: NodeKind, keys: Collection[str]) -> dict[str, tuple[int, Packed]]:
        """Fetch stored nodes encoded, awaited ones too, and cache their ids."""
        rows = self._rows(kind, keys, f"key, id, {columns(kind)}")
        found = {key: (number, tuple(stored)) for key, number, *stored in rows}
        self._ids[kind].update((key, number) for key, (number, _) in found.items())
        return found

    def _stored(self, kind: NodeKind, keys: Collection[str]) -> dict[str, Properties]:
        """Fetch stored nodes, awaited ones left out."""
        found = self._existing(kind, keys)
        return {key: unpack(kind, packed_node(kind, row)) for key, (_, row) in found.items() if row[-1] is not None}

    def _find(self, kind: NodeKind, keys: Collection[str]) -> dict[str, int]:
        """Look up the ids of nodes, awaited ones too. A key that is not stored is left out."""
        known = self._ids[kind]
        known.update(self._rows(kind, set(keys) - known.keys(), "key, id"))
        return {key: known[key] for key in keys if key in known}

    def _rows(self, kind: NodeKind, keys: Collection[str], wanted: str) -> Iterator[Any]:
        """Yield rows by key; the first column in `wanted` must be the key."""
        by_id = self._loaded is not None
        values = (
            sorted(self._loaded.candidates(kind, keys))
            if self._loaded
            else [pack_key(kind, key) for key in sorted(keys)]
        )
        start = f"SELECT {wanted} FROM {table(kind)} WHERE {'id' if by_id else 'key'} IN "
        for chunk in chunks(values, CHUNK):
            for packed, *rest in self._connection.execute(f"{start}({marks(chunk)})", chunk).fetchall():
                key = unpack_key(packed)
                if not by_id or key in keys:
                    yield key, *rest

    def _add(self, kind: NodeKind, nodes: Iterable[tuple[str, Packed]]) -> None:
        """Insert nodes in order of key, so that neighbours in the index are written together."""
        (last,) = self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {table(kind)}").fetchone()
        numbered = [(last + n, key, packed) for n, (key, packed) in enumerate(sorted(nodes, key=_key), 1)]
        values = ((number, pack_key(kind, key), *packed) for number, key, packed in numbered)
        width = len(PROMOTED[kind]) + 3
        self._connection.executemany(
            f"INSERT INTO {table(kind)} (id, key, {columns(kind)}) VALUES ({marks(range(width))})", values
        )
        self._ids[kind].update((key, number) for number, key, _ in numbered)
        if self._loaded is not None:
            self._loaded.add(kind, ((key, number) for number, key, _ in numbered))
        self._added[kind].update(number for number, _, _ in numbered)

    def _overwrite(self, kind: NodeKind, nodes: Iterable[tuple[int, Packed]]) -> None:
        width = len(PROMOTED[kind]) + 1
        self._connection.executemany(
            f"UPDATE {table(kind)} SET ({columns(kind)}) = ({marks(range(width))}) WHERE id = ?",
            [(*packed, number) for number, packed in nodes],
        )

    def _put_edges(self, kind: EdgeKind, rows: Rows) -> None:
        """Write edges of a kind, and delete those that are replaced and not written again."""
        edges = rows.edges.get(kind, {})
        source_kind, target_kind = ENDS[kind]
        sources = self._await(source_kind, {edge[0] for edge in edges})
        targets = self._await(target_kind, {edge[1] for edge in edges})
        promoted = EDGE_PROMOTED.get(kind, ())
        encoded = {
            (sources[source], targets[target], name): (
                *map(properties.get, promoted),
                canonical(properties) if properties else None,
            )
            for (source, target, name), properties in edges.items()
        }
        replaceable = {
            *self._replaceable(kind, rows.replaced.get(kind, {})),
            *self._touching(kind, rows.replaced_touching.get(kind, ())),
        }
        deleted = sorted(replaceable - encoded.keys())
        self._connection.executemany(
            f"DELETE FROM {table(kind)} WHERE source = ? AND target = ? AND name = ?", deleted
        )  # fmt: skip
        columns = ["source", "target", "name", *(f'"{name}"' for name in promoted), "body"]
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns[3:])
        self._connection.executemany(
            f"INSERT INTO {table(kind)} ({', '.join(columns)}) VALUES ({marks(columns)})"
            f" ON CONFLICT DO UPDATE SET {changes} WHERE body IS NOT excluded.body",
            [(*edge, *encoded[edge]) for edge in sorted(encoded)],
        )

    def _await(self, kind: NodeKind, keys: Collection[str]) -> dict[str, int]:
        """Return the ids of nodes; a node that is not stored is added as an awaited one."""
        found = self._find(kind, keys)
        awaited = (None,) * (len(PROMOTED[kind]) + 1)
        self._add(kind, [(key, awaited) for key in keys if key not in found])
        return {key: self._ids[kind][key] for key in keys}

    def _replaceable(self, kind: EdgeKind, replaced: Mapping[str, Collection[str]]) -> Iterator[tuple[int, int, str]]:
        """List the stored edges that a replacement deletes. Sources that this transaction added have none."""
        source_kind = ENDS[kind][0]
        numbers = self._find(source_kind, replaced)
        names = {n: replaced[key] for key, n in numbers.items() if n not in self._added[source_kind]}
        for chunk in chunks(sorted(names), CHUNK):
            statement = f"SELECT source, target, name FROM {table(kind)} WHERE source IN ({marks(chunk)})"
            for source, target, name in self._connection.execute(statement, chunk).fetchall():
                if not names[source] or name in names[source]:
                    yield source, target, name

    def _touching(self, kind: EdgeKind, keys: Collection[str]) -> Iterator[tuple[int, int, str]]:
        """List the stored edges that begin or end at some nodes; of a kind that joins nodes of one kind."""
        numbers = self._find(ENDS[kind][0], keys).values()
        for end in ("source", "target"):
            for chunk in chunks(sorted(numbers), CHUNK):
                statement = f"SELECT source, target, name FROM {table(kind)} WHERE {end} IN ({marks(chunk)})"
                yield from self._connection.execute(statement, chunk).fetchall()

    def _replace_changes(self, rows: Rows) -> None:
        """Delete the changes of replaced models that are not written again.

        They are found by edge: during a load the index of a change's model does not exist.
        """
        again = rows.nodes.get("Change", {})
        models = self._find("Model", rows.replaced_changes)
        for chunk in chunks(sorted(models.values()), CHUNK):
            statement = (
                "SELECT c.key, c.id FROM has_change e CROSS JOIN change c"
                f" WHERE c.id = e.target AND e.source IN ({marks(chunk)})"
            )
            changes = self._connection.execute(statement, chunk).fetchall()
            self._delete("Change", [number for key, number in changes if key not in again])

    def _delete(self, kind: NodeKind, numbers: Iterable[int]) -> None:
        """Delete nodes, and every edge that touches them."""
        ids = [(number,) for number in numbers]
        for edge, ends in ENDS.items():
            for end, end_kind in zip(("source", "target"), ends, strict=True):
                if end_kind == kind:
                    self._connection.executemany(f"DELETE FROM {table(edge)} WHERE {end} = ?", ids)
        self._connection.executemany(f"DELETE FROM {table(kind)} WHERE id = ?", ids)

    def _sweep(self) -> None:
        """Delete awaited nodes that no edge refers to any more, so that nothing of a deleted model is left."""
        for kind in PROMOTED:
            uses = [
                f"SELECT 1 FROM {table(edge)} WHERE {end} = n.id"
                for edge, ends in ENDS.items()
                for end, end_kind in zip(("source", "target"), ends, strict=True)
                if end_kind == kind
            ]
            unused = " AND ".join(f"NOT EXISTS ({use})" for use in uses) or "true"
            self._connection.execute(f"DELETE FROM {table(kind)} AS n WHERE body IS NULL AND {unused}")


def _merged_stub(kind: NodeKind, key: str, stored: Packed, properties: Properties) -> Packed:
    """Encode what to store where a stub is written over a stored node."""
    found = merged_stub(kind, key, unpack(kind, packed_node(kind, stored)), properties)
    return stored_node(kind, pack(kind, found))


def _merged(kind: NodeKind, key: str, stored: Packed, properties: Properties) -> Packed:
    """Encode what to store where new properties are written over stored ones."""
    if kind in RULES:
        properties = merged(kind, unpack(kind, packed_node(kind, stored)), properties)
    return stored_node(kind, pack(kind, properties))


def _key(node: tuple[str, Any]) -> str:
    return node[0]
