"""Read a store in SQLite through one connection, inside one read transaction."""

# ruff: noqa: S608 -- the names in statements are our own tables' and columns'; values are always bound

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.interface import StoreView
from lineage.store.promoted import PROMOTED, check_where, unpack
from lineage.store.rows import chunks
from lineage.store.sqlite.damage import damage
from lineage.store.sqlite.errors import DECODING, DamagedRowError, shown_key, store_error
from lineage.store.sqlite.keys import pack_digest, pack_key, packed_node, unpack_key
from lineage.store.sqlite.schema import columns, table

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKind, NodeKind, Scalar
    from lineage.store.interface import OnDamage
    from lineage_schemas.graph_batch import AttachmentKind

CHUNK = 500
"""Keys or ids in one statement; more are not faster (benchmarks/stores)."""

MAX_CACHED = 200_000
"""Ids that a view caches, so that the next hop of a walk does not look up its keys again."""


def marks(values: Sequence[Any]) -> str:
    """Return one question mark for each value."""
    return "?" + ",?" * (len(values) - 1)


class SqliteView(StoreView):
    """Read through a connection; the caller begins and ends its transaction."""

    def __init__(self, connection: sqlite3.Connection, url: str) -> None:
        self._connection, self._url = connection, url
        self._ids: dict[NodeKind, dict[str, int]] = {}
        self._most_used: dict[int, list[str]] = {}

    def nodes(self, kind: NodeKind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Fetch nodes by key."""
        found: dict[str, dict[str, Any]] = {}
        start = f"SELECT key, {columns(kind)} FROM {table(kind)} WHERE body IS NOT NULL AND key IN "
        for chunk in chunks(sorted(set(keys)), CHUNK):
            rows = self._rows(f"{start}({marks(chunk)})", [pack_key(kind, key) for key in chunk])
            found.update(self._node(kind, row) for row in rows)
        return {key: found[key] for key in sorted(found)}

    def find(
        self, kind: NodeKind, where: Mapping[str, Scalar], *, after: str | None = None, limit: int | None = None
    ) -> Sequence[NodeRow]:
        """List nodes by promoted properties, in order of key."""
        check_where(kind, where)
        condition, values = _condition(kind, where)
        if after is not None:
            condition, values = f"{condition} AND key > ?", [*values, pack_key(kind, after)]
        statement = f"SELECT key, {columns(kind)} FROM {table(kind)} WHERE {condition} ORDER BY key LIMIT ?"
        rows = self._rows(statement, [*values, -1 if limit is None else limit])
        return [NodeRow(*self._node(kind, row)) for row in rows]

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterator[EdgeRow]:
        """List the edges that touch a set of nodes, in order. Edges to the frontier are sorted in memory."""
        rows = self._touching(kind, frontier, direction, ", e.name, e.body")
        if direction == "in":
            rows = iter(sorted(rows))
        yield from self._edges(kind, rows)

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List the ends of the edges that touch a set of nodes."""
        return sorted(self._touching(kind, frontier, direction, ""))

    def neighbours_up_to(
        self, kind: EdgeKind, frontier: Collection[str], direction: Direction, limit: int
    ) -> dict[str, list[str]]:
        """List up to `limit + 1` neighbours of each node of a frontier, by one statement a node, which ends there."""
        near_kind, far_kind = ENDS[kind] if direction == "out" else ENDS[kind][::-1]
        near, far = ("source", "target") if direction == "out" else ("target", "source")
        statement = (
            f"SELECT DISTINCT f.key FROM {table(kind)} e CROSS JOIN {table(far_kind)} f"
            f" WHERE e.{near} = ? AND f.id = e.{far} AND f.body IS NOT NULL LIMIT ?"
        )
        found: dict[str, list[str]] = {}
        for key, number in sorted(self._known_ids(near_kind, frontier).items()):
            if keys := [unpack_key(row[0]) for row in self._rows(statement, [number, limit + 1])]:
                found[key] = sorted(keys)
        return found

    def most_used(self, limit: int) -> list[str]:
        """List the models with most edges of descent to them: two indexes are read, once, and no body."""
        if limit in self._most_used:
            return self._most_used[limit]
        awaited = "SELECT id FROM model WHERE body IS NULL"
        counted = f"SELECT target, count(*) AS uses FROM derived_from WHERE source NOT IN ({awaited}) GROUP BY target"
        statement = (
            f"SELECT m.key FROM ({counted}) e CROSS JOIN model m"
            " WHERE m.id = e.target AND m.body IS NOT NULL ORDER BY e.uses DESC, m.key LIMIT ?"
        )
        return self._most_used.setdefault(limit, [row[0] for row in self._rows(statement, [limit])])

    def walk(self, root: str, direction: Direction) -> list[dict[str, str | None]]:
        """Walk level by level over ids and relations, which one index holds; each model's key is read once.

        `ways` maps each model of the next level to the first edge found to it: (id of the model before it, relation).
        `several` holds all edges of models that differ in this: `_relations` chooses by key, because ids are not in the
        order of keys. Awaited nodes count as seen, so that the walk never reaches them.
        """
        near, far = ("source", "target") if direction == "out" else ("target", "source")
        start = f"SELECT {far}, {near}, relation FROM derived_from WHERE {near} IN "
        level = list(self._known_ids("Model", [root]).values())
        seen = {number for (number,) in self._rows("SELECT id FROM model WHERE body IS NULL")}
        levels: list[dict[str, str | None]] = []
        while level:
            seen.update(level)
            ways: dict[int, tuple[int, str | None]] = {}
            several: dict[int, set[tuple[int, str | None]]] = {}
            for chunk in chunks(level, CHUNK):
                for reached, *way in self._rows(f"{start}({marks(chunk)})", chunk):
                    if reached not in seen and ways.setdefault(reached, (way[0], way[1])) != (way[0], way[1]):
                        several.setdefault(reached, {ways[reached]}).add((way[0], way[1]))
            levels.append(self._relations(ways, several))
            level = sorted(ways)
        return levels[:-1]

    def _relations(
        self, ways: dict[int, tuple[int, str | None]], several: dict[int, set[tuple[int, str | None]]]
    ) -> dict[str, str | None]:
        """Return the relation by which each model of a level is reached: of several edges, that from the first key."""
        before = self._keys({near for choices in several.values() for near, _ in choices})
        for reached, choices in several.items():
            ways[reached] = min(choices, key=lambda way: before[way[0]])
        return dict(sorted((key, ways[number][1]) for number, key in self._keys(ways).items()))

    def _keys(self, ids: Collection[int]) -> dict[int, str]:
        """Look up the keys of models by id."""
        found: dict[int, str] = {}
        for chunk in chunks(sorted(ids), CHUNK):
            found.update(self._rows(f"SELECT id, key FROM model WHERE id IN ({marks(chunk)})", chunk))
        return found

    def count(self, kind: NodeKind | EdgeKind, where: Mapping[str, Scalar] | None = None) -> int:
        """Count nodes or edges; without a condition this reads the smallest index only."""
        check_where(kind, where or {})
        if kind in ENDS:
            return self._count_edges(cast("EdgeKind", kind), where or {})
        if where:
            condition, values = _condition(cast("NodeKind", kind), where)
            return self._number(f"SELECT count(*) FROM {table(kind)} WHERE {condition}", values)
        awaited = f"(SELECT count(*) FROM {table(kind)} WHERE body IS NULL)"
        return self._number(f"SELECT count(*) - {awaited} FROM {table(kind)}")

    def attachment(self, kind: AttachmentKind, key: str) -> bytes | None:
        """Fetch the bytes stored under a key."""
        rows = self._rows("SELECT data FROM attachment WHERE kind = ? AND key = ?", [kind, key])
        return next((data for (data,) in rows), None)

    def attachment_counts(self) -> dict[str, int]:
        """Count the attachments of each kind; this reads an index only."""
        return dict(self._rows("SELECT kind, count(*) FROM attachment GROUP BY kind ORDER BY kind"))

    def damage(self) -> Iterator[str]:
        """Yield the faults of the file: of its pages and indexes, its log, and references between its tables."""
        yield from damage(self._connection)

    def all_nodes(self, kind: NodeKind, on_damage: OnDamage | None = None) -> Iterator[NodeRow]:
        """Iterate over all nodes of a kind."""
        statement = f"SELECT key, {columns(kind)} FROM {table(kind)} WHERE body IS NOT NULL ORDER BY key"
        for row in self._each(statement):
            try:
                node = NodeRow(*self._node(kind, row))
            except DamagedRowError as error:
                error.report_to(on_damage)
                continue
            yield node

    def all_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over all edges of a kind, source by source, so that SQLite sorts one source's edges at a time."""
        source_kind, target_kind = ENDS[kind]
        statement = (
            f"SELECT s.key, t.key, e.name, e.body FROM {table(source_kind)} s CROSS JOIN {table(kind)} e"
            f" CROSS JOIN {table(target_kind)} t WHERE e.source = s.id AND t.id = e.target"
            " AND s.body IS NOT NULL AND t.body IS NOT NULL ORDER BY s.key, t.key, e.name"
        )
        yield from self._edges(kind, self._each(statement), on_damage)

    def all_awaited(self, kind: NodeKind) -> Iterator[str]:
        """Iterate over the keys that edges name and that no node has."""
        uses = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table(edge)} WHERE {end} = n.id)"
            for edge, ends in ENDS.items()
            for end, end_kind in zip(("source", "target"), ends, strict=True)
            if end_kind == kind
        )
        statement = f"SELECT key FROM {table(kind)} AS n WHERE body IS NULL AND ({uses or 'false'}) ORDER BY key"
        return (unpack_key(key) for (key,) in self._each(statement))

    def all_awaited_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over the edges of a kind with an end that is not stored; SQLite sorts many of them on disk."""
        source, target = (table(end) for end in ENDS[kind])
        chosen, ends = "SELECT s.key, t.key, e.name, e.body FROM", "e.source = s.id AND t.id = e.target"
        statement = (
            f"{chosen} {source} s CROSS JOIN {table(kind)} e CROSS JOIN {target} t WHERE s.body IS NULL AND {ends}"
            f" UNION ALL {chosen} {target} t CROSS JOIN {table(kind)} e CROSS JOIN {source} s"
            f" WHERE t.body IS NULL AND s.body IS NOT NULL AND {ends} ORDER BY 1, 2, 3"
        )
        yield from self._edges(kind, self._each(statement), on_damage)

    def all_attachments(self) -> Iterator[tuple[AttachmentKind, str, bytes]]:
        """Iterate over all attachments."""
        yield from self._each("SELECT kind, key, data FROM attachment ORDER BY kind, key")

    def _touching(self, kind: EdgeKind, frontier: Collection[str], direction: Direction, more: str) -> Iterator[Any]:
        """Yield source, target and the columns `more` of the edges at a frontier; in order for direction `out`."""
        near_kind, far_kind = ENDS[kind] if direction == "out" else ENDS[kind][::-1]
        near, far = ("source", "target") if direction == "out" else ("target", "source")
        start = (
            f"SELECT e.{near}, f.key, f.id{more} FROM {table(kind)} e CROSS JOIN {table(far_kind)} f"
            f" WHERE f.id = e.{far} AND f.body IS NOT NULL AND e.{near} IN "
        )
        ids = self._known_ids(near_kind, frontier)
        for chunk in chunks(sorted(ids), CHUNK):
            near_keys = {ids[key]: key for key in chunk}
            rows = self._rows(f"{start}({marks(chunk)})", list(near_keys))
            if far_kind == near_kind:
                self._ids[far_kind].update((row[1], row[2]) for row in rows)
            elif far_kind == "File":
                rows = [(row[0], unpack_key(row[1]), *row[2:]) for row in rows]
            if direction == "out":
                yield from sorted((near_keys[row[0]], row[1], *row[3:]) for row in rows)
            else:
                yield from ((row[1], near_keys[row[0]], *row[3:]) for row in rows)

    def _known_ids(self, kind: NodeKind, keys: Collection[str]) -> dict[str, int]:
        """Look up the ids of stored nodes and cache them: the next hop begins at these nodes."""
        cached = self._ids.setdefault(kind, {})
        if len(cached) > MAX_CACHED:
            cached.clear()
        wanted = set(keys)
        start = f"SELECT key, id FROM {table(kind)} WHERE body IS NOT NULL AND key IN "
        for chunk in chunks(sorted(wanted - cached.keys()), CHUNK):
            rows = self._rows(f"{start}({marks(chunk)})", [pack_key(kind, key) for key in chunk])
            cached.update((unpack_key(key), number) for key, number in rows)
        return {key: cached[key] for key in wanted if key in cached}

    def _count_edges(self, kind: EdgeKind, where: Mapping[str, Scalar]) -> int:
        """Count the edges whose ends are both stored: all edges but those that touch an awaited node."""
        edge, (source, target) = table(kind), (table(end) for end in ENDS[kind])
        condition = "".join(f' AND "{name}" IS ?' for name in where)
        awaited = (
            f"(source IN (SELECT id FROM {source} WHERE body IS NULL)"
            f" OR target IN (SELECT id FROM {target} WHERE body IS NULL))"
        )
        every = self._number(f"SELECT count(*) FROM {edge} WHERE true{condition}", list(where.values()))
        return every - self._number(f"SELECT count(*) FROM {edge} WHERE {awaited}{condition}", list(where.values()))

    def _node(self, kind: NodeKind, row: Sequence[Any]) -> tuple[str, dict[str, Any]]:
        """Decode a node. Raises DamagedRowError, which names it."""
        try:
            return unpack_key(row[0]), unpack(kind, packed_node(kind, tuple(row[1:])))
        except DECODING as error:
            raise DamagedRowError(self._url, f"{kind} {shown_key(row[0])}", error) from error

    def _edges(self, kind: EdgeKind, rows: Iterable[Any], on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Decode edges. Raises DamagedRowError, which names the edge, unless there is `on_damage`."""
        for source, target, name, body in rows:
            try:
                properties = json.loads(body) if body else {}
                edge = EdgeRow(kind, unpack_key(source), unpack_key(target), name, properties)
            except DECODING as error:
                what = f"{kind} {shown_key(source)} → {shown_key(target)} {name}"
                DamagedRowError(self._url, what, error).report_to(on_damage)
                continue
            yield edge

    def _number(self, statement: str, values: Sequence[Any] = ()) -> int:
        return int(self._rows(statement, values)[0][0])

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise store_error(self._url, error) from error

    def _each(self, statement: str) -> Iterator[Any]:
        """Yield rows one by one, in constant memory."""
        try:
            # `yield from` would close the cursor when the caller is interrupted, an error once the store is closed.
            for row in self._connection.execute(statement):  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise store_error(self._url, error) from error


def _condition(kind: NodeKind, where: Mapping[str, Scalar]) -> tuple[str, list[Any]]:
    digests = {p.name for p in PROMOTED[kind] if p.type == "digest"}
    values = [
        pack_digest(value) if name in digests and isinstance(value, str) else value for name, value in where.items()
    ]
    return "body IS NOT NULL" + "".join(f' AND "{name}" IS ?' for name in where), values
