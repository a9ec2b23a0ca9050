"""Write rows to a store in Neo4j: one transaction, one writer at a time.

A relationship needs both its ends. So an end that is not stored yet is made as an awaited node, with the label
`Awaited`, its key and its future kind. When its record is written, the node takes its real label and properties and
keeps its relationships. For example the revision `org/a@c2`, whose parent `c1` was not read, gets a HAS_PARENT
relationship to `(:Awaited {kind: 'Revision', key: 'org/a@c1'})`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, Self

from lineage.store.codec import settled
from lineage.store.forgetting import EDGES_OF_A_STUB
from lineage.store.graph import ENDS
from lineage.store.merging import RULES, merged, merged_stub
from lineage.store.neo4j.codec import (
    ATTACHMENTS,
    AWAITED,
    attachment_properties,
    edge_columns,
    edge_properties,
    name_property,
    node_columns,
    node_from,
    node_properties,
)
from lineage.store.neo4j.schema import take_turn
from lineage.store.neo4j.transactions import CHUNK, Within
from lineage.store.neo4j.view import Neo4jView
from lineage.store.promoted import PROMOTED
from lineage.store.rows import chunks

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Transaction

    from lineage.store.forgetting import Forgetting
    from lineage.store.graph import EdgeKey, EdgeKind, NodeKind, Properties
    from lineage.store.rows import Rows

State = Literal["new", "stored", "awaited"]
"""State of a node in this transaction: made by it, stored before it, or awaited, an end of edges without a record."""

MANY_ROWS = 500
"""From this many rows on, leaving out unused columns saves more than the server's work for another query plan."""

ATTACHMENT_ROWS = 200
"""Attachments in one statement: texts and tensor tables are long."""


class Neo4jWriter:
    """Write through one managed transaction whose turn was taken: `begin` makes one.

    A row that would change nothing is not written. `schema_version` is the store's when the turn was taken;
    `some_awaited` says whether there were awaited nodes then, and `writes` counts the store's writes with this one.
    """

    def __init__(
        self, transaction: ManagedTransaction | Transaction, schema_version: int, writes: int, *, some_awaited: bool
    ) -> None:
        self._transaction = transaction
        # Example: a batch with the revision c2 and its edge to an unread parent c1. Afterwards c2 is "new" and c1
        # "awaited" here; if c2 had been written by an earlier transaction, it would be "stored".
        self._states: dict[NodeKind, dict[str, State]] = {kind: {} for kind in PROMOTED}
        self._some_awaited = some_awaited
        self.schema_version, self.writes = schema_version, writes

    @classmethod
    def begin(cls, transaction: ManagedTransaction | Transaction) -> Self:
        """Take the turn with the transaction's first statement, and return its writer.

        That statement locks the node `LineageStore` until the commit. Writers of all processes take turns by this
        lock: what a writer reads is still true when it writes, and two writers cannot deadlock.
        """
        found = transaction.run(f"{take_turn()} RETURN EXISTS {{ (:{AWAITED}) }}, s.schema_version, s.writes").values()
        return cls(transaction, found[0][1], found[0][2], some_awaited=found[0][0])

    def view(self) -> Neo4jView:
        """Return a view of the graph with the changes of this transaction."""
        return Neo4jView(Within(self._transaction), None)

    def write(self, rows: Rows) -> None:
        """Write rows."""
        rows = settled(rows, self.view().nodes)
        self._replace_changes(rows)
        self._delete("Evidence", rows.dropped_evidence - rows.nodes.get("Evidence", {}).keys())
        for kind, nodes in rows.nodes.items():
            self._put(kind, nodes, partial(_merged, kind))
        for kind, nodes in rows.stubs.items():
            self._put(kind, nodes, partial(_merged_stub, kind))
        for edge_kind in {**rows.replaced, **rows.replaced_touching, **rows.edges}:
            self._put_edges(edge_kind, rows)
        for attachment, group in groupby(sorted(rows.attachments.items()), lambda item: item[0][0]):
            encoded = [(key, attachment_properties(attachment, key, data)) for (_, key), data in group]
            statement = f"UNWIND $rows AS row MERGE (n:{ATTACHMENTS[attachment][0]} {{key: row[0]}}) SET n = row[1]"
            self._each(statement, encoded, size=ATTACHMENT_ROWS)

    def forget(self, going: Forgetting) -> None:
        """Delete nodes with all edges that touch them, and reduce others to stubs."""
        for kind, keys in going.nodes.items():
            self._delete(kind, keys)
        stubs = sorted(going.stubs)
        for edge, position in EDGES_OF_A_STUB:
            pattern = f"-[r:{edge}]->()" if position == 0 else f"<-[r:{edge}]-()"
            self._each(f"UNWIND $rows AS key MATCH (:Model {{key: key}}){pattern} DELETE r", stubs)
        self._overwrite("Model", [node_properties("Model", key, going.stubs[key]) for key in stubs])
        for attachment, (label, _) in ATTACHMENTS.items():
            keys = {key for kind, key in going.attachments if kind == attachment}
            self._each(f"UNWIND $rows AS key MATCH (n:{label} {{key: key}}) DELETE n", sorted(keys))
        self._rows(f"MATCH (n:{AWAITED}) WHERE NOT (n)--() DELETE n")

    def _put(
        self,
        kind: NodeKind,
        nodes: Mapping[str, Properties],
        merge: Callable[[str, Properties, Properties], Properties],
    ) -> None:
        """Write nodes: new and awaited ones as they are, stored ones as `merge` returns them."""
        stored = self._stored(kind, nodes)
        awaited = self._awaited(kind, nodes.keys() - stored.keys())
        made, changed = [], []
        for key in sorted(nodes):
            if key not in stored:
                made.append(node_properties(kind, key, nodes[key]))
            elif (encoded := merge(key, stored[key], nodes[key])) != stored[key]:
                changed.append(encoded)
        fill = f"MATCH (n:{AWAITED} {{kind: '{kind}', key: KEY}}) REMOVE n:{AWAITED} SET n:{kind}"
        self._set_nodes(fill, kind, [row for row in made if row["key"] in awaited])
        self._set_nodes(f"CREATE (n:{kind})", kind, [row for row in made if row["key"] not in awaited])
        self._overwrite(kind, changed)
        # A filled awaited node counts as stored and not as new: it may have edges from before, so that its edges must
        # be merged and cannot simply be created.
        self._states[kind].update({key: "stored" for key in (*stored, *awaited)})
        self._states[kind].update({row["key"]: "new" for row in made if row["key"] not in awaited})

    def _overwrite(self, kind: NodeKind, encoded: list[Properties]) -> None:
        self._set_nodes(f"MATCH (n:{kind} {{key: KEY}})", kind, encoded)

    def _set_nodes(self, match: str, kind: NodeKind, encoded: list[Properties]) -> None:
        """Set the properties of nodes that `match` finds by KEY or makes.

        A row is a list of values, and the statement names the columns once: names in each row would double its size.
        """
        columns = _used(node_columns(kind), encoded)
        statement = f"UNWIND $rows AS row {match.replace('KEY', 'row[0]')} SET n = {_map(columns, 0)}"
        self._each(statement, ([row.get(column) for column in columns] for row in encoded))

    def _stored(self, kind: NodeKind, keys: Iterable[str]) -> dict[str, Properties]:
        """Fetch stored nodes encoded."""
        statement = f"UNWIND $rows AS key MATCH (n:{kind} {{key: key}}) RETURN key, properties(n)"
        return {key: properties for key, properties in self._each(statement, sorted(keys))}

    def _awaited(self, kind: NodeKind, keys: Iterable[str]) -> set[str]:
        """Return those of some keys whose nodes are awaited."""
        if not self._some_awaited:
            return set()
        statement = f"UNWIND $rows AS key MATCH (n:{AWAITED} {{kind: '{kind}', key: key}}) RETURN key"
        return {row[0] for row in self._each(statement, sorted(keys))}

    def _look_up(self, kind: NodeKind, keys: Iterable[str]) -> None:
        """Look up the states of nodes that are not known yet."""
        states = self._states[kind]
        unknown = sorted(set(keys) - states.keys())
        stored = self._each(f"UNWIND $rows AS key MATCH (n:{kind} {{key: key}}) RETURN key", unknown)
        states.update({row[0]: "stored" for row in stored})
        states.update({key: "awaited" for key in self._awaited(kind, set(unknown) - states.keys())})

    def _await(self, kind: NodeKind, keys: Collection[str]) -> None:
        """Make sure that nodes can be the ends of edges: a node that is not stored is made as an awaited one."""
        self._look_up(kind, keys)
        missing = sorted(set(keys) - self._states[kind].keys())
        self._each(f"UNWIND $rows AS key CREATE (:{AWAITED} {{kind: '{kind}', key: key, name: key}})", missing)
        self._some_awaited = self._some_awaited or bool(missing)
        self._states[kind].update({key: "awaited" for key in missing})

    def _put_edges(self, kind: EdgeKind, rows: Rows) -> None:
        """Write edges of a kind, and delete those that are replaced and not written again.

        An edge that cannot exist yet is made by CREATE, which is faster than MERGE: the edges of one of its ends were
        read because they are replaced, or one of its ends is new.
        """
        edges, replaced = rows.edges.get(kind, {}), rows.replaced.get(kind, {})
        touching = rows.replaced_touching.get(kind, set())
        source_kind, target_kind = ENDS[kind]
        self._await(source_kind, {edge[0] for edge in edges})
        self._await(target_kind, {edge[1] for edge in edges})
        encoded = {edge: edge_properties(kind, edge[2], properties) for edge, properties in edges.items()}
        stored = {**self._edges_of(kind, {*replaced, *touching}), **self._edges_to(kind, touching)}
        deleted = [edge for edge in stored if edge not in encoded and _is_replaced(edge, replaced, touching)]
        for end, end_kind in enumerate((source_kind, target_kind)):  # the other end of such an edge may be awaited
            self._look_up(end_kind, (edge[end] for edge in deleted))
        self._change_edges(kind, "DELETE r", {edge: {} for edge in deleted}, sets=False)
        changed = {edge: encoded[edge] for edge, old in stored.items() if edge in encoded and encoded[edge] != old}
        self._change_edges(kind, "", changed)
        sources, targets = self._states[source_kind], self._states[target_kind]
        created: dict[EdgeKey, Any] = {}
        merged_in: dict[EdgeKey, Any] = {}
        for edge in encoded:
            if edge not in stored:
                was_read = edge[0] in replaced or not touching.isdisjoint(edge[:2])
                is_new = was_read or "new" in (sources[edge[0]], targets[edge[1]])
                (created if is_new else merged_in)[edge] = encoded[edge]
        self._change_edges(kind, f"CREATE (s)-[r:{kind}]->(t)", created, joined=False)
        self._merge_edges(kind, merged_in)

    def _edges_of(self, kind: EdgeKind, sources: Iterable[str]) -> dict[EdgeKey, Properties]:
        """Fetch the edges of replaced sources encoded."""
        return self._edges_at(kind, ENDS[kind][0], sources, f"-[r:{kind}]->(f) RETURN key, f.key, properties(r)")

    def _edges_to(self, kind: EdgeKind, targets: Iterable[str]) -> dict[EdgeKey, Properties]:
        """Fetch the edges to some nodes encoded."""
        return self._edges_at(kind, ENDS[kind][1], targets, f"<-[r:{kind}]-(f) RETURN f.key, key, properties(r)")

    def _edges_at(self, kind: EdgeKind, end: NodeKind, keys: Iterable[str], rest: str) -> dict[EdgeKey, Properties]:
        """Fetch the edges at some nodes encoded; `rest` follows the node `n`. New nodes have no stored edges."""
        self._look_up(end, keys)
        name, found = name_property(kind), {}
        for state, some in self._by_state(end, keys).items():
            if state == "new":
                continue
            statement = f"UNWIND $rows AS key MATCH {_end('n', end, state, 'key')} MATCH (n){rest}"
            for source, target, properties in self._each(statement, some):
                found[source, target, properties.get(name, "")] = properties
        return found

    def _merge_edges(self, kind: EdgeKind, edges: Mapping[EdgeKey, Properties]) -> None:
        """Write edges that may be stored already."""
        name = name_property(kind)
        for named in (False, True):
            some = {edge: encoded for edge, encoded in edges.items() if (name in encoded) is named}
            pattern = f"(s)-[r:{kind} {{{name}: row[2]}}]->(t)" if named else f"(s)-[r:{kind}]->(t)"
            self._change_edges(kind, f"MERGE {pattern}", some, joined=False)

    def _change_edges(
        self,
        kind: EdgeKind,
        change: str,
        edges: Mapping[EdgeKey, Properties],
        *,
        joined: bool = True,
        sets: bool = True,
    ) -> None:
        """Run a change on edges, or, unless they are `joined`, on their ends, and set the edges' properties."""
        source_kind, target_kind = ENDS[kind]
        sources, targets = self._states[source_kind], self._states[target_kind]
        name, columns = name_property(kind), _used(edge_columns(kind), edges.values())
        middle = f" MATCH (s)-[r:{kind}]->(t) WHERE coalesce(r.{name}, '') = row[2]" if joined else ""
        setting = f" SET r = {_map(columns, 3)}" if sets and columns else ""

        def awaited(edge: EdgeKey) -> tuple[bool, bool]:
            return sources[edge[0]] == "awaited", targets.get(edge[1]) == "awaited"

        for (source_awaited, target_awaited), some in groupby(sorted(edges, key=lambda e: (awaited(e), e)), awaited):
            start = _end("s", source_kind, "awaited" if source_awaited else "stored", "row[0]")
            end = _end("t", target_kind, "awaited" if target_awaited else "stored", "row[1]")
            statement = f"UNWIND $rows AS row MATCH {start} MATCH {end}{middle} {change}{setting}"
            self._each(statement, ([*edge, *map(edges[edge].get, columns)] for edge in some))

    def _by_state(self, kind: NodeKind, keys: Iterable[str]) -> dict[State, list[str]]:
        """Group the keys of known nodes by their state."""
        groups: dict[State, list[str]] = {}
        for key in sorted(keys):
            if state := self._states[kind].get(key):
                groups.setdefault(state, []).append(key)
        return groups

    def _replace_changes(self, rows: Rows) -> None:
        """Delete the changes of replaced models that are not written again."""
        again = rows.nodes.get("Change", {})
        stored = self._edges_of("HAS_CHANGE", rows.replaced_changes)
        self._delete("Change", {edge[1] for edge in stored} - again.keys())

    def _delete(self, kind: NodeKind, keys: Iterable[str]) -> None:
        """Delete nodes, and every edge that touches them."""
        deleted = sorted(keys)
        self._each(f"UNWIND $rows AS key MATCH (n:{kind} {{key: key}}) DETACH DELETE n", deleted)
        for key in deleted:
            self._states[kind].pop(key, None)

    def _each(self, statement: str, rows: Iterable[Any], size: int = CHUNK) -> list[list[Any]]:
        """Run a statement for rows, some thousand at a time, and collect its results."""
        found: list[list[Any]] = []
        for chunk in chunks(rows, size):
            found += self._transaction.run(statement, rows=chunk).values()
        return found

    def _rows(self, statement: str) -> list[list[Any]]:
        return self._transaction.run(statement).values()


def _merged(kind: NodeKind, key: str, stored: Properties, properties: Properties) -> Properties:
    """Encode what to store where new properties are written over stored ones."""
    if kind in RULES:
        properties = merged(kind, node_from(kind, dict(stored))[1], properties)
    return node_properties(kind, key, properties)


def _merged_stub(kind: NodeKind, key: str, stored: Properties, properties: Properties) -> Properties:
    """Encode what to store where a stub is written over a stored node."""
    if kind != "Model":
        return stored
    return node_properties(kind, key, merged_stub(kind, key, node_from(kind, dict(stored))[1], properties))


def _used(columns: Sequence[str], encoded: Collection[Properties]) -> list[str]:
    """Choose the columns of rows. Few rows take all columns: each choice is another statement to plan."""
    names = set().union(*encoded)
    kept = [column for column in columns if column in names] if len(encoded) >= MANY_ROWS else list(columns)
    return [*kept, *sorted(names.difference(columns))]


def _map(columns: Sequence[str], start: int) -> str:
    """Return the Cypher map of a row's values; a null sets no property."""
    return "{" + ", ".join(f"{column}: row[{position}]" for position, column in enumerate(columns, start)) + "}"


def _end(variable: str, kind: NodeKind, state: State, key: str) -> str:
    """Return the Cypher pattern that finds an end of an edge."""
    if state == "awaited":
        return f"({variable}:{AWAITED} {{kind: '{kind}', key: {key}}})"
    return f"({variable}:{kind} {{key: {key}}})"


def _is_replaced(edge: EdgeKey, replaced: Mapping[str, Collection[str]], touching: Collection[str]) -> bool:
    """Return whether a replacement deletes an edge: all edges at one of its ends, or those with the given names."""
    if edge[0] in touching or edge[1] in touching:
        return True
    names = replaced[edge[0]]
    return not names or edge[2] in names
