"""Read a store in Neo4j: each query is one statement for some thousand keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from lineage.errors import StoreError
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.interface import Descent, StoreView
from lineage.store.neo4j.codec import (
    ATTACHMENTS,
    AWAITED,
    attachment_from,
    edge_from,
    indexable,
    name_property,
    node_from,
)
from lineage.store.neo4j.damage import damage
from lineage.store.neo4j.errors import as_store_errors
from lineage.store.neo4j.schema import STORE
from lineage.store.neo4j.transactions import CHUNK
from lineage.store.promoted import check_where
from lineage.store.rows import chunks

if TYPE_CHECKING:
    from lineage.store.graph import Direction, EdgeKind, NodeKind, Scalar
    from lineage.store.interface import OnDamage
    from lineage.store.neo4j.transactions import Reading, Within
    from lineage_schemas.graph_batch import AttachmentKind


class Neo4jView(StoreView):
    """Read through transactions that the caller begins and ends.

    Neo4j reads what is committed: a write that is committed while the view is open shows in its later queries. An
    exception are models that `ancestry` returned, because the caller fetches them next, and the most used models: the
    view caches them. Long lists are in the order of the server's index, which is by code point, as on every backend.
    """

    def __init__(self, source: Reading | Within, url: str | None) -> None:
        """Raise errors as StoreError of the store `url`; None leaves them to a managed transaction, which retries."""
        self._source, self._url = source, url
        wrapped = partial(as_store_errors, url) if url else nullcontext
        self._wrapped: Callable[[], AbstractContextManager[None]] = wrapped
        self._models: dict[str, dict[str, Any]] = {}
        self._most_used: dict[int, list[str]] = {}

    def rows(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """Run a statement and fetch all rows."""
        with self._wrapped():
            return self._source.ask(statement, parameters, lambda result: result.values())

    def each(self, statement: str, **parameters: Any) -> Iterator[Any]:
        """Run a statement and yield its rows one by one, in constant memory. A lost connection is not retried then."""
        with self._wrapped():
            for record in self._source.stream(statement, parameters):
                yield record.values()

    def nodes(self, kind: NodeKind, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Fetch nodes by key; models that `ancestry` returned come from the cache."""
        wanted = set(keys)
        cached = wanted & self._models.keys() if kind == "Model" else set()
        found = {key: node_from(kind, dict(self._models[key]))[1] for key in cached}
        statement = f"UNWIND $keys AS key MATCH (n:{kind} {{key: key}}) RETURN properties(n)"
        for chunk in chunks(sorted(wanted - cached), CHUNK):
            found.update(node_from(kind, row[0]) for row in self.rows(statement, keys=chunk))
        return {key: found[key] for key in sorted(found)}

    def find(
        self, kind: NodeKind, where: Mapping[str, Scalar], *, after: str | None = None, limit: int | None = None
    ) -> Sequence[NodeRow]:
        """List nodes by promoted properties, in order of key."""
        check_where(kind, where)
        condition, values = _condition("n", _indexed(where))
        start = _plain_beginning(after or "")
        cut = " LIMIT $limit" if limit is not None and start == (after or "") else ""
        sign = ">" if after is not None and start == after else ">="
        statement = f"MATCH (n:{kind}) WHERE n.key {sign} $start{condition} RETURN properties(n) ORDER BY n.key{cut}"
        fetch = self.rows if cut or limit is None else self.each
        rows = fetch(statement, **values, start=start, limit=limit)
        found = (NodeRow(*node_from(kind, row[0])) for row in rows)
        return list(islice((row for row in found if after is None or row.key > after), limit))

    def find_any(self, kind: NodeKind, name: str, values: Collection[str]) -> Sequence[NodeRow]:
        """List nodes with one of some values of a promoted property."""
        check_where(kind, {name: None})
        statement = f"UNWIND $values AS value MATCH (n:{kind}) WHERE n.{name} = value[1] RETURN value[0], properties(n)"
        found: list[tuple[str, NodeRow]] = []
        for chunk in chunks(sorted({(value, indexable(value)) for value in values}, key=lambda pair: pair[0]), CHUNK):
            rows = self.rows(statement, values=[list(pair) for pair in chunk])
            found += [(value, NodeRow(*node_from(kind, stored))) for value, stored in rows]
        return [row for _, row in sorted(found, key=lambda pair: (pair[0], pair[1].key))]

    def edges(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> Iterator[EdgeRow]:
        """List the edges that touch a set of nodes, in order: fetched in chunks, then sorted here."""
        found = [
            EdgeRow(kind, source, target, *edge_from(kind, properties))
            for source, target, properties in self._touching(kind, frontier, direction, ", properties(r)")
        ]
        found.sort(key=lambda edge: edge[1:4])
        yield from found

    def neighbours(self, kind: EdgeKind, frontier: Collection[str], direction: Direction) -> list[tuple[str, str]]:
        """List the ends of the edges that touch a set of nodes."""
        return sorted((source, target) for source, target in self._touching(kind, frontier, direction, ""))

    def neighbours_up_to(
        self, kind: EdgeKind, frontier: Collection[str], direction: Direction, limit: int
    ) -> dict[str, list[str]]:
        """List up to `limit + 1` neighbours of each node of a frontier; the server sends no more."""
        source, target = ENDS[kind]
        near = source if direction == "out" else target
        edge = f"-[:{kind}]->(f:{target})" if direction == "out" else f"<-[:{kind}]-(f:{source})"
        few = f"COLLECT {{ MATCH (n){edge} RETURN DISTINCT f.key LIMIT $most }}"
        statement = f"UNWIND $keys AS key MATCH (n:{near} {{key: key}}) RETURN key, {few} AS far"
        found: dict[str, list[str]] = {}
        for chunk in chunks(sorted(set(frontier)), CHUNK):
            rows = self.rows(statement, keys=chunk, most=limit + 1)
            found.update({key: sorted(far) for key, far in rows if far})
        return found

    def most_used(self, limit: int) -> list[str]:
        """List the models with most edges of descent to them, counted by the server, once in a view."""
        if limit in self._most_used:
            return self._most_used[limit]
        statement = (
            "MATCH (m:Model)<-[r:DERIVED_FROM]-(:Model) WITH m.key AS key, count(r) AS uses"
            " RETURN key ORDER BY uses DESC, key LIMIT $most"
        )
        return self._most_used.setdefault(limit, [row[0] for row in self.rows(statement, most=limit)])

    def count(self, kind: NodeKind | EdgeKind, where: Mapping[str, Scalar] | None = None) -> int:
        """Count nodes or edges; without a condition the server knows the number."""
        check_where(kind, where or {})
        if kind in ENDS:
            return self._count_edges(cast("EdgeKind", kind), where or {})
        condition, values = _condition("n", _indexed(where or {}))
        return self._number(f"MATCH (n:{kind}){_where(condition)} RETURN count(n)", **values)

    def attachment(self, kind: AttachmentKind, key: str) -> bytes | None:
        """Fetch the bytes stored under a key."""
        found = self.rows(f"MATCH (n:{ATTACHMENTS[kind][0]} {{key: $key}}) RETURN properties(n)", key=key)
        return attachment_from(kind, found[0][0]) if found else None

    def attachment_counts(self) -> dict[str, int]:
        """Count the attachments of each kind; the server knows the number of nodes of a label."""
        labels = sorted(ATTACHMENTS.items())
        counts = {kind: self._number(f"MATCH (n:{label}) RETURN count(n)") for kind, (label, _) in labels}
        return {kind: number for kind, number in counts.items() if number}

    def change_guard(self) -> Callable[[], None]:
        """Return a check of the counter that each write raises. A change by a user in Cypher does not raise it."""
        before = self._writes()

        def check() -> None:
            if self._writes() != before:
                raise StoreError(
                    f"the store {self._url} was modified while it was being read,"
                    " so the result is not a consistent snapshot",
                    hint="run the command again when no one is writing to it: Neo4j has no snapshots",
                )

        return check

    def _writes(self) -> int:
        found = self.rows(f"MATCH (s:{STORE} {{name: 'lineage'}}) RETURN s.writes")
        return int(found[0][0]) if found else 0

    def damage(self) -> Iterator[str]:
        """Yield nodes and relationships that a user made and no query returns; the server checks its own files."""
        return damage(self.rows)

    def all_nodes(self, kind: NodeKind, on_damage: OnDamage | None = None) -> Iterator[NodeRow]:
        """Iterate over all nodes of a kind, in the order of the index of keys."""
        statement = f"MATCH (n:{kind}) USING INDEX n:{kind}(key) WHERE n.key >= '' RETURN properties(n) ORDER BY n.key"
        for (stored,) in self.each(statement):
            name = f"{kind} {stored.get('key')}"
            try:
                node = NodeRow(*node_from(kind, stored))
            except StoreError as error:
                _report(error, name, on_damage)
                continue
            yield node

    def all_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over all edges of a kind, source by source, so that the server sorts one source's at a time."""
        source, target = ENDS[kind]
        name = f"coalesce(r.{name_property(kind)}, '')"
        statement = (
            f"MATCH (s:{source})-[r:{kind}]->(t:{target}) USING INDEX s:{source}(key) WHERE s.key >= ''"
            f" RETURN s.key, t.key, properties(r) ORDER BY s.key, t.key, {name}"
        )
        yield from _edges(kind, self.each(statement), on_damage)

    def all_awaited(self, kind: NodeKind) -> Iterator[str]:
        """Iterate over the keys that edges name and that no node has."""
        statement = f"MATCH (n:{AWAITED} {{kind: $kind}}) WHERE n.key >= '' AND (n)--() RETURN n.key ORDER BY n.key"
        return (row[0] for row in self.each(statement, kind=kind))

    def all_awaited_edges(self, kind: EdgeKind, on_damage: OnDamage | None = None) -> Iterator[EdgeRow]:
        """Iterate over the edges of a kind with an end that is not stored.

        Two sorted streams are merged: edges from awaited sources, and edges from stored sources to awaited targets.
        Each comes in the order of an index, so that the server sorts one source's edges at a time.
        """
        source, target = ENDS[kind]
        result = f"RETURN s.key, t.key, properties(r) ORDER BY s.key, t.key, coalesce(r.{name_property(kind)}, '')"
        from_awaited = f"MATCH (s:{AWAITED} {{kind: $kind}})-[r:{kind}]->(t) USING INDEX s:{AWAITED}(kind, key)"
        streams = [self.each(f"{from_awaited} WHERE s.key >= '' {result}", kind=source)]
        if self.rows(f"MATCH (t:{AWAITED} {{kind: $kind}}) RETURN 1 LIMIT 1", kind=target):
            to_awaited = f"MATCH (s:{source})-[r:{kind}]->(t:{AWAITED}) USING INDEX s:{source}(key)"
            streams.append(self.each(f"{to_awaited} WHERE s.key >= '' {result}"))
        rows = merge(*streams, key=lambda row: (*row[:2], row[2].get(name_property(kind), "")))
        yield from _edges(kind, rows, on_damage)

    def all_attachments(self) -> Iterator[tuple[AttachmentKind, str, bytes]]:
        """Iterate over all attachments."""
        for kind, (label, _) in sorted(ATTACHMENTS.items()):
            statement = f"MATCH (n:{label}) WHERE n.key >= '' RETURN n.key, properties(n) ORDER BY n.key"
            for key, properties in self.each(statement):
                yield kind, key, attachment_from(kind, properties)

    def ancestry(self, root: str, *, depth: int | None) -> Sequence[EdgeRow] | None:
        """List the edges from a model and its ancestors to their parents: one statement for up to 64 hops."""
        from lineage.store.neo4j.walk import ancestry

        edges, models = ancestry(self.rows, root, depth)
        self._models.update(models)
        return edges

    def walk(self, root: str, direction: Direction) -> list[dict[str, str | None]]:
        """Walk over descendants in one statement, up to 64 hops; deeper walks and walks up go hop by hop."""
        from lineage.store.neo4j.walk import levels_down

        levels = levels_down(self.rows, root) if direction == "in" else None
        return super().walk(root, direction) if levels is None else levels

    def descent(self, root: str, *, depth: int | None, limit: int | None) -> Descent | None:
        """Count all descendants of a model and list the first, without fetching the others."""
        from lineage.store.neo4j.walk import descent

        return descent(self.rows, root, depth, limit)

    def _touching(
        self, kind: EdgeKind, frontier: Collection[str], direction: Direction, more: str
    ) -> Iterator[list[Any]]:
        """Yield source, target and what `more` selects of the edges at a frontier."""
        source, target = ENDS[kind]
        near = source if direction == "out" else target
        ends = f"key, f.key{more}" if direction == "out" else f"f.key, key{more}"
        edge = f"-[r:{kind}]->(f:{target})" if direction == "out" else f"<-[r:{kind}]-(f:{source})"
        statement = f"UNWIND $keys AS key MATCH (n:{near} {{key: key}}) MATCH (n){edge} RETURN {ends}"
        for chunk in chunks(sorted(set(frontier)), CHUNK):
            yield from self.rows(statement, keys=chunk)

    def _count_edges(self, kind: EdgeKind, where: Mapping[str, Scalar]) -> int:
        """Count the edges whose ends are both stored: all edges but those that touch an awaited node."""
        condition, values = _condition("r", where)
        every = self._number(f"MATCH ()-[r:{kind}]->(){_where(condition)} RETURN count(r)", **values)
        hidden = f"MATCH (:{AWAITED})-[r:{kind}]-(){_where(condition)} RETURN count(DISTINCT r)"
        return every - self._number(hidden, **values)

    def _number(self, statement: str, **parameters: Any) -> int:
        return int(self.rows(statement, **parameters)[0][0])


def _edges(kind: EdgeKind, rows: Iterable[Any], on_damage: OnDamage | None) -> Iterator[EdgeRow]:
    """Decode edges; one that another program changed goes to `on_damage`, or raises StoreError."""
    for start, end, properties in rows:
        try:
            edge = EdgeRow(kind, start, end, *edge_from(kind, properties))
        except StoreError as error:
            _report(error, f"{kind} {start} → {end}", on_damage)
            continue
        yield edge


def _report(error: StoreError, name: str, on_damage: OnDamage | None) -> None:
    if on_damage is None:
        raise error
    on_damage(name, error.message)


def _plain_beginning(text: str) -> str:
    """Return the beginning of a text that Neo4j compares as Python does.

    Neo4j orders stored texts by code point, but compares them with a statement's parameter by UTF-16 units: there a
    character beyond U+FFFF, such as an emoji, comes before U+E000. So `find` compares by the beginning of the text
    only, and drops the rows before `after` itself.
    """
    return next((text[:at] for at, character in enumerate(text) if character >= "\ud800"), text)


def _condition(variable: str, where: Mapping[str, Scalar]) -> tuple[str, dict[str, Scalar]]:
    """Return a condition for each property; a null matches a missing one."""
    texts = [f" AND {variable}.{name} " + ("IS NULL" if v is None else f"= $is_{name}") for name, v in where.items()]
    return "".join(texts), {f"is_{name}": value for name, value in where.items() if value is not None}


def _indexed(where: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: indexable(value) for name, value in where.items()}


def _where(condition: str) -> str:
    return condition.replace(" AND", " WHERE", 1)
