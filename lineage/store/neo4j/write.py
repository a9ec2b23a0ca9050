"""Writing to a store in Neo4j: one transaction, one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, Self

from lineage.store.graph import ENDS
from lineage.store.merging import RULES, merged, met_by_stub
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
    from neo4j import ManagedTransaction

    from lineage.store.forgetting import Forgetting
    from lineage.store.graph import EdgeKey, EdgeKind, NodeKind, Properties
    from lineage.store.rows import Rows

State = Literal["new", "there", "awaited"]
"""What is known of a node in this transaction: made by it, there before it, or only named by edges."""

MANY_ROWS = 500
"""Rows from which on a plan of their own costs less than the nulls that it leaves out."""

ATTACHMENT_ROWS = 200
"""Attachments in one statement: texts and tables of tensors are long."""


class Neo4jWriter:
    """Write through one managed transaction whose turn was taken: `begin` makes one.

    A row that would change nothing is not written. `schema_version` is the store's when the turn was taken;
    `some_awaited` says whether any edge was waiting for an end then.
    """

    def __init__(self, transaction: ManagedTransaction, schema_version: int, *, some_awaited: bool) -> None:
        self._transaction = transaction
        self._states: dict[NodeKind, dict[str, State]] = {kind: {} for kind in PROMOTED}
        self._some_awaited = some_awaited
        self.schema_version = schema_version

    @classmethod
    def begin(cls, transaction: ManagedTransaction) -> Self:
        """Take the turn with the transaction's first statement, and return its writer.

        That statement locks the node `LineageStore` until the commit. Writers of all processes take turns by this
        lock: what a writer reads is still true when it writes, and two writers cannot deadlock.
        """
        found = transaction.run(f"{take_turn()} RETURN EXISTS {{ (:{AWAITED}) }}, s.schema_version").values()
        return cls(transaction, found[0][1], some_awaited=found[0][0])

    def view(self) -> Neo4jView:
        """Look at the graph as this transaction leaves it so far."""
        return Neo4jView(Within(self._transaction), None)

    def write(self, rows: Rows) -> None:
        """Write rows whole."""
        self._replace_changes(rows)
        for kind, nodes in rows.nodes.items():
            self._put(kind, nodes, partial(_met, kind))
        for kind, nodes in rows.stubs.items():
            self._put(kind, nodes, partial(_met_by_stub, kind))
        for edge_kind in {**rows.replaced, **rows.edges}:
            self._put_edges(edge_kind, rows.edges.get(edge_kind, {}), rows.replaced.get(edge_kind, {}))
        for attachment, group in groupby(sorted(rows.attachments.items()), lambda item: item[0][0]):
            laid = [(key, attachment_properties(attachment, key, data)) for (_, key), data in group]
            statement = f"UNWIND $rows AS row MERGE (n:{ATTACHMENTS[attachment][0]} {{key: row[0]}}) SET n = row[1]"
            self._each(statement, laid, size=ATTACHMENT_ROWS)

    def forget(self, going: Forgetting) -> None:
        """Delete nodes with all edges that touch them, and make others known by name only."""
        for kind, keys in going.nodes.items():
            self._delete(kind, keys)
        stubs = sorted(going.stubs)
        for edge, (source, _) in ENDS.items():
            if source == "Model":
                self._each(f"UNWIND $rows AS key MATCH (:Model {{key: key}})-[r:{edge}]->() DELETE r", stubs)
        self._overwrite("Model", [node_properties("Model", key, going.stubs[key]) for key in stubs])
        for attachment, (label, _) in ATTACHMENTS.items():
            keys = {key for kind, key in going.attachments if kind == attachment}
            self._each(f"UNWIND $rows AS key MATCH (n:{label} {{key: key}}) DELETE n", sorted(keys))
        self._rows(f"MATCH (n:{AWAITED}) WHERE NOT (n)--() DELETE n")

    def _put(
        self,
        kind: NodeKind,
        nodes: Mapping[str, Properties],
        meet: Callable[[str, Properties, Properties], Properties],
    ) -> None:
        """Write nodes: new ones and awaited ones as they are; `meet` says what becomes of those that are there."""
        stored = self._stored(kind, nodes)
        awaited = self._awaited(kind, nodes.keys() - stored.keys())
        made, changed = [], []
        for key in sorted(nodes):
            if key not in stored:
                made.append(node_properties(kind, key, nodes[key]))
            elif (met := meet(key, stored[key], nodes[key])) != stored[key]:
                changed.append(met)
        waiting = f"MATCH (n:{AWAITED} {{kind: '{kind}', key: KEY}}) REMOVE n:{AWAITED} SET n:{kind}"
        self._set_nodes(waiting, kind, [row for row in made if row["key"] in awaited])
        self._set_nodes(f"CREATE (n:{kind})", kind, [row for row in made if row["key"] not in awaited])
        self._overwrite(kind, changed)
        self._states[kind].update({key: "there" for key in (*stored, *awaited)})
        self._states[kind].update({row["key"]: "new" for row in made if row["key"] not in awaited})

    def _overwrite(self, kind: NodeKind, laid: list[Properties]) -> None:
        self._set_nodes(f"MATCH (n:{kind} {{key: KEY}})", kind, laid)

    def _set_nodes(self, match: str, kind: NodeKind, laid: list[Properties]) -> None:
        """Set the properties of nodes that `match` finds by KEY or makes.

        A row is a list of values under names that are said once: names for each would cost as much again.
        """
        columns = _used(node_columns(kind), laid)
        statement = f"UNWIND $rows AS row {match.replace('KEY', 'row[0]')} SET n = {_map(columns, 0)}"
        self._each(statement, ([row.get(column) for column in columns] for row in laid))

    def _stored(self, kind: NodeKind, keys: Iterable[str]) -> dict[str, Properties]:
        """Fetch nodes as they lie there."""
        statement = f"UNWIND $rows AS key MATCH (n:{kind} {{key: key}}) RETURN key, properties(n)"
        return {key: properties for key, properties in self._each(statement, sorted(keys))}

    def _awaited(self, kind: NodeKind, keys: Iterable[str]) -> set[str]:
        """Tell which nodes are named by edges only."""
        if not self._some_awaited:
            return set()
        statement = f"UNWIND $rows AS key MATCH (n:{AWAITED} {{kind: '{kind}', key: key}}) RETURN key"
        return {row[0] for row in self._each(statement, sorted(keys))}

    def _look_up(self, kind: NodeKind, keys: Iterable[str]) -> None:
        """Learn of nodes whether they are there or awaited."""
        states = self._states[kind]
        unknown = sorted(set(keys) - states.keys())
        there = self._each(f"UNWIND $rows AS key MATCH (n:{kind} {{key: key}}) RETURN key", unknown)
        states.update({row[0]: "there" for row in there})
        states.update({key: "awaited" for key in self._awaited(kind, set(unknown) - states.keys())})

    def _await(self, kind: NodeKind, keys: Collection[str]) -> None:
        """See to it that nodes can be the ends of edges: one that is not there is awaited from now on."""
        self._look_up(kind, keys)
        missing = sorted(set(keys) - self._states[kind].keys())
        self._each(f"UNWIND $rows AS key CREATE (:{AWAITED} {{kind: '{kind}', key: key, name: key}})", missing)
        self._some_awaited = self._some_awaited or bool(missing)
        self._states[kind].update({key: "awaited" for key in missing})

    def _put_edges(
        self, kind: EdgeKind, edges: Mapping[EdgeKey, Properties], replaced: Mapping[str, Collection[str]]
    ) -> None:
        """Write edges, and drop those of replaced sources that are not written again."""
        source_kind, target_kind = ENDS[kind]
        self._await(source_kind, {edge[0] for edge in edges})
        self._await(target_kind, {edge[1] for edge in edges})
        laid = {edge: edge_properties(kind, edge[2], properties) for edge, properties in edges.items()}
        there = self._edges_of(kind, replaced)
        gone = [edge for edge in there if edge not in laid and _goes(edge, replaced)]
        self._look_up(target_kind, (edge[1] for edge in gone))  # what they lead to may be awaited only
        self._change_edges(kind, "DELETE r", {edge: {} for edge in gone}, sets=False)
        changed = {edge: laid[edge] for edge, stored in there.items() if edge in laid and laid[edge] != stored}
        self._change_edges(kind, "", changed)
        sources, targets = self._states[source_kind], self._states[target_kind]
        created: dict[EdgeKey, Any] = {}
        merged_in: dict[EdgeKey, Any] = {}
        for edge in laid:
            if edge not in there:
                known = edge[0] in replaced or "new" in (sources[edge[0]], targets[edge[1]])
                (created if known else merged_in)[edge] = laid[edge]
        self._change_edges(kind, f"CREATE (s)-[r:{kind}]->(t)", created, joined=False)
        self._merge_edges(kind, merged_in)

    def _edges_of(self, kind: EdgeKind, sources: Iterable[str]) -> dict[EdgeKey, Properties]:
        """Fetch the edges of replaced sources as they lie there. Sources that this transaction made have none."""
        source_kind = ENDS[kind][0]
        self._look_up(source_kind, sources)
        name, found = name_property(kind), {}
        for state, keys in self._by_state(source_kind, sources).items():
            if state == "new":
                continue
            statement = (
                f"UNWIND $rows AS key MATCH {_end('n', source_kind, state, 'key')} MATCH (n)-[r:{kind}]->(t)"
                " RETURN key, t.key, properties(r)"
            )
            for source, target, properties in self._each(statement, keys):
                found[source, target, properties.get(name, "")] = properties
        return found

    def _merge_edges(self, kind: EdgeKind, edges: Mapping[EdgeKey, Properties]) -> None:
        """Write edges of which it is not known whether they are there."""
        name = name_property(kind)
        for named in (False, True):
            some = {edge: laid for edge, laid in edges.items() if (name in laid) is named}
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
        """Run a change on edges, or on the ends of edges that are not `joined` yet, and set their properties."""
        source_kind, target_kind = ENDS[kind]
        sources, targets = self._states[source_kind], self._states[target_kind]
        name, columns = name_property(kind), _used(edge_columns(kind), edges.values())
        middle = f" MATCH (s)-[r:{kind}]->(t) WHERE coalesce(r.{name}, '') = row[2]" if joined else ""
        setting = f" SET r = {_map(columns, 3)}" if sets and columns else ""

        def wait(edge: EdgeKey) -> tuple[bool, bool]:
            return sources[edge[0]] == "awaited", targets.get(edge[1]) == "awaited"

        for (source_waits, target_waits), some in groupby(sorted(edges, key=lambda edge: (wait(edge), edge)), wait):
            start = _end("s", source_kind, "awaited" if source_waits else "there", "row[0]")
            end = _end("t", target_kind, "awaited" if target_waits else "there", "row[1]")
            statement = f"UNWIND $rows AS row MATCH {start} MATCH {end}{middle} {change}{setting}"
            self._each(statement, ([*edge, *map(edges[edge].get, columns)] for edge in some))

    def _by_state(self, kind: NodeKind, keys: Iterable[str]) -> dict[State, list[str]]:
        """Sort the keys of nodes that are there or awaited."""
        sorted_out: dict[State, list[str]] = {}
        for key in sorted(keys):
            if state := self._states[kind].get(key):
                sorted_out.setdefault(state, []).append(key)
        return sorted_out

    def _replace_changes(self, rows: Rows) -> None:
        """Delete the changes of replaced models that are not written again."""
        again = rows.nodes.get("Change", {})
        there = self._edges_of("HAS_CHANGE", rows.replaced_changes)
        self._delete("Change", {edge[1] for edge in there} - again.keys())

    def _delete(self, kind: NodeKind, keys: Iterable[str]) -> None:
        """Delete nodes, and every edge that touches them."""
        gone = sorted(keys)
        self._each(f"UNWIND $rows AS key MATCH (n:{kind} {{key: key}}) DETACH DELETE n", gone)
        for key in gone:
            self._states[kind].pop(key, None)

    def _each(self, statement: str, rows: Iterable[Any], size: int = CHUNK) -> list[list[Any]]:
        """Run a statement for rows, some thousand at a time, and gather what it gives."""
        found: list[list[Any]] = []
        for chunk in chunks(rows, size):
            found += self._transaction.run(statement, rows=chunk).values()
        return found

    def _rows(self, statement: str) -> list[list[Any]]:
        return self._transaction.run(statement).values()


def _met(kind: NodeKind, key: str, stored: Properties, properties: Properties) -> Properties:
    """Lay down what stands after new properties met stored ones."""
    if kind in RULES:
        properties = merged(kind, node_from(kind, dict(stored))[1], properties)
    return node_properties(kind, key, properties)


def _met_by_stub(kind: NodeKind, key: str, stored: Properties, properties: Properties) -> Properties:
    """Lay down what stands after a mere name met what is stored."""
    if kind != "Model":
        return stored
    return node_properties(kind, key, met_by_stub(kind, key, node_from(kind, dict(stored))[1], properties))


def _used(columns: Sequence[str], laid: Collection[Properties]) -> list[str]:
    """Choose the columns of rows. Few rows take all that there may be: each choice is a plan that the server makes."""
    names = set().union(*laid)
    kept = [column for column in columns if column in names] if len(laid) >= MANY_ROWS else list(columns)
    return [*kept, *sorted(names.difference(columns))]


def _map(columns: Sequence[str], start: int) -> str:
    """Write the map that a row's values make; a null sets nothing."""
    return "{" + ", ".join(f"{column}: row[{position}]" for position, column in enumerate(columns, start)) + "}"


def _end(variable: str, kind: NodeKind, state: State, key: str) -> str:
    """Write the pattern that finds an end of an edge."""
    if state == "awaited":
        return f"({variable}:{AWAITED} {{kind: '{kind}', key: {key}}})"
    return f"({variable}:{kind} {{key: {key}}})"


def _goes(edge: EdgeKey, replaced: Mapping[str, Collection[str]]) -> bool:
    """Say whether an edge of a replaced source goes: all where no names are told, else those of these names."""
    names = replaced[edge[0]]
    return not names or edge[2] in names
