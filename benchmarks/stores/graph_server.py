"""The store in Neo4j beside the embedded one and beside Cypher written by hand, on one server in one run."""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plain_neo4j import EDGES, LABELS, PlainNeo4j
from benchmarks.store_graph import FOUNDATION, Graph, Recorded, Shape, file_key, recorded
from benchmarks.stores.client import memory
from benchmarks.stores.measuring import Result, fresh_batches, in_turns, note, publish, save, seconds, size
from benchmarks.stores.moving import moved, trace_down
from benchmarks.stores.server import Server
from lineage.answers.session import Session
from lineage.answers.trace import trace as answer
from lineage.query.walk import ancestors, descendants
from lineage.store.neo4j.connection import address_of
from lineage.store.neo4j.store import Neo4jStore
from lineage.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from neo4j import Driver

    from lineage.store.interface import GraphStore

NAME = "stores-neo4j"
LOAD_BATCH = 10_000
FIRST = 100
"""Descendants that `trace --down` shows by default."""


def run(options: Namespace) -> None:
    """Measure, print, write."""
    graph = Graph(Shape(options.models, options.edges, options.files), in_order(recorded(options.data)))
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        server = ends.enter_context(Server(options.neo4j, folder / "neo4j"))
        driver = ends.enter_context(server.driver())
        ours = ends.enter_context(Neo4jStore(address_of(server.uri)))
        if any(ours.info().nodes.values()):
            raise SystemExit(f"{server.uri} is not empty: everything here is written into an empty database")
        plain = PlainNeo4j(driver)
        ends.callback(plain.drop)
        embedded = ends.enter_context(SqliteStore(folder / "graph.db"))
        result: Result = {"asked for": graph.shape._asdict(), "cores": os.cpu_count(), "server": ours.info().server}

        def keep(question: str, found: Result) -> None:
            result[question] = {**found, "load of the machine": round(os.getloadavg()[0], 1)}
            save(NAME, result)

        keep("load", load(graph, ours, plain))
        keep("load of the embedded store", load_embedded(graph, embedded))
        keep("the same", compared(driver, ours))
        keys = sample(graph, options.queries)
        keep("trace", traces(ours, plain, embedded, keys))
        keep("whole answer of trace", answers(server.uri, embedded, keys))
        keep("all descendants", families(ours, plain, embedded, options.rounds))
        keep(f"first {FIRST} descendants, with counts of all", beginnings(ours, plain, embedded, options.rounds))
        keep("trace --down as a command", trace_down(server.uri))
        keep("lookup by hash", lookups(graph, ours, plain, embedded, options.queries))
        keep("incremental write", increments(ours, plain, embedded, options.batches))
    for question, found in moved(options):
        keep(question, found)
    publish(NAME, result)


def in_order(records: list[Recorded]) -> list[Recorded]:
    """Keep the bases that come before their children: the hand-written peer cannot wait for a missing end."""
    known, kept = set[str](), []
    for record in records:
        kept.append(record._replace(bases=tuple(base for base in record.bases if base in known)))
        known.add(record.key)
    return kept


def load(graph: Graph, ours: Neo4jStore, plain: PlainNeo4j) -> Result:
    """Load both in turns, batch by batch, and create the indexes; the time to generate rows is not counted."""
    mine = theirs = rows = 0.0
    used: list[int] = []
    with ours.bulk():
        for number, batch in enumerate(graph.batches(LOAD_BATCH)):
            rows += size(batch)
            first, second = partial(ours.write_rows, batch), partial(plain.load, batch)
            if number % 2:
                theirs, mine = theirs + seconds(second), mine + seconds(first)
            else:
                mine, theirs = mine + seconds(first), theirs + seconds(second)
            used.append(memory())
            note(f"{rows:,.0f} rows, {mine:.0f} s, by hand {theirs:.0f} s, {used[-1]} MiB")
        our_indexes = -time.perf_counter()
    our_indexes += time.perf_counter()
    their_indexes = seconds(plain.finish)
    return {
        "rows": int(rows),
        "neo4j, rows per second": round(rows / mine),
        "by hand, rows per second": round(rows / theirs),
        "rate, neo4j / by hand": round(theirs / mine, 2),
        "seconds": {"neo4j": round(mine, 1), "by hand": round(theirs, 1)},
        "indexes, seconds": {"neo4j": round(our_indexes, 1), "by hand": round(their_indexes, 1)},
        "client's MiB": {"after a tenth": max(used[: len(used) // 10 + 1]), "at most": max(used)},
    }


def load_embedded(graph: Graph, embedded: SqliteStore) -> Result:
    """Load the same graph into the embedded store, indexes included."""
    rows, start = 0, time.perf_counter()
    with embedded.bulk():
        for batch in graph.batches(2 * LOAD_BATCH):
            rows += size(batch)
            embedded.write_rows(batch)
            note(f"embedded: {rows:,} rows")
    return {"rows per second": round(rows / (time.perf_counter() - start))}


def compared(driver: Driver, ours: Neo4jStore) -> Result:
    """Make sure that both hold the same: numbers by label and type, and the properties of some nodes and edges."""
    info = ours.info()
    counts = {**info.nodes, **info.edges}
    with driver.session() as session:
        for kind, label in LABELS.items():
            (number,) = session.run(f"MATCH (n:{label}) RETURN count(n)").value()
            pairs = (
                f"MATCH (n:{kind}) WITH n LIMIT 1000 MATCH (p:{label} {{key: n.key}})"
                " RETURN properties(n), properties(p)"
            )
            check(kind, counts[kind], number, session.run(pairs).values())
        for kind, (name, source, target) in EDGES.items():
            (number,) = session.run(f"MATCH ()-[r:{name}]->() RETURN count(r)").value()
            pairs = (
                f"MATCH (s:{source})-[r:{kind}]->(t:{target}) WITH s, r, t LIMIT 1000"
                f" MATCH (:{LABELS[source]} {{key: s.key}})-[p:{name}]->(:{LABELS[target]} {{key: t.key}})"
                " RETURN properties(r), properties(p)"
            )
            check(kind, counts[kind], number, session.run(pairs).values())
    return {kind: number for kind, number in counts.items() if number}


def check(kind: str, here: int, there: int, pairs: Sequence[Sequence[object]]) -> None:
    """Raise an error if the stores do not hold the same."""
    other = [pair for pair in pairs if pair[0] != pair[1]]
    if here != there or not pairs or other:
        raise RuntimeError(f"{kind}: {here} here, {there} by hand; {len(pairs)} looked at, other: {other[:1]}")


def sample(graph: Graph, count: int) -> list[str]:
    """Choose models that have parents."""
    keys = [key for key, bases, _ in graph.models() if bases]
    return random.Random(5).sample(keys, count)


def traces(ours: GraphStore, plain: PlainNeo4j, embedded: GraphStore, keys: Sequence[str]) -> Result:
    """Walk up from models, with edges and models; compare with one statement that returns the same rows."""

    def walked(store: GraphStore, key: str) -> tuple[list[str], int]:
        with store.reading() as view:
            walk = ancestors(view, key)
            return sorted(view.nodes("Model", walk.depths)), len(walk.edges)

    def by_hand(key: str, *, managed: bool = False) -> tuple[list[str], int]:
        found = plain.ancestors(key, managed=managed)
        return sorted(node["key"] for node, _ in found), sum(len(edges) for _, edges in found)

    asked = three(partial(walked, ours), by_hand, partial(walked, embedded))
    return in_turns({**asked, "by hand, retried": partial(by_hand, managed=True)}, keys)


def answers(uri: str, embedded: SqliteStore, keys: Sequence[str]) -> Result:
    """Ask like the command, with records and evidence, in a session that is open already."""
    with (
        Session(store_url=uri, offline=True) as team,
        Session(store_url=str(embedded.path), offline=True) as alone,
    ):
        return in_turns(
            {"neo4j": lambda key: answer(team, key), "embedded": lambda key: answer(alone, key)}, keys[: len(keys) // 4]
        )


def families(ours: GraphStore, plain: PlainNeo4j, embedded: GraphStore, rounds: int) -> Result:
    """List all descendants of the largest base with depth, in order."""

    def walked(store: GraphStore, key: str) -> list[list[object]]:
        with store.reading() as view:
            return [[found, depth] for depth, level in enumerate(view.walk(key, "in"), 1) for found in level]

    asked = three(partial(walked, ours), plain.descendants, partial(walked, embedded))
    return {"descendants": len(plain.descendants(FOUNDATION)), **in_turns(asked, [FOUNDATION] * rounds)}


def beginnings(ours: GraphStore, plain: PlainNeo4j, embedded: GraphStore, rounds: int) -> Result:
    """Count all descendants of the largest base and list the first, as `trace --down` does it; ours with edges."""

    def listed(store: GraphStore, key: str) -> tuple[list[str], Mapping[str, int]]:
        with store.reading() as view:
            walk = descendants(view, key, limit=FIRST)
            return list(walk.depths)[1:], walk.counts

    asked = three(partial(listed, ours), partial(plain.first, limit=FIRST), partial(listed, embedded))
    return in_turns(asked, [FOUNDATION] * rounds)


def lookups(graph: Graph, ours: GraphStore, plain: PlainNeo4j, embedded: GraphStore, count: int) -> Result:
    """Find the models that hold a file, by the SHA-256 of its content."""
    dice = random.Random(6)
    keys = [file_key(dice.randrange(graph.shape.models), 0) for _ in range(count)]

    def holders(store: GraphStore, key: str) -> list[str]:
        with store.reading() as view:
            revisions = {source for source, _ in view.neighbours("CONTAINS", [key], "in")}
            return sorted({source for source, _ in view.neighbours("HAS_REVISION", revisions, "in")})

    return in_turns(three(partial(holders, ours), lambda k: sorted(plain.holders(k)), partial(holders, embedded)), keys)


def increments(ours: GraphStore, plain: PlainNeo4j, embedded: GraphStore, count: int) -> Result:
    """Write records of models that are half new and half known, 1,000 per transaction; then the last batch again."""
    batches = list(fresh_batches("more", count))
    writers = three(ours.write, plain.upsert, embedded.write)
    times: dict[str, list[float]] = {name: [] for name in writers}
    for batch in batches:
        for name, write in writers.items():
            times[name].append(seconds(partial(write, batch)))
    again = [seconds(partial(ours.write, batches[-1])) for _ in range(5)]
    rates = {f"{name}, models per second": round(1000 / statistics.median(taken)) for name, taken in times.items()}
    ratio = statistics.median(b / a for a, b in zip(times["neo4j"], times["by hand"], strict=True))
    unchanged = {"neo4j, unchanged models per second": round(1000 / statistics.median(again))}
    return {**rates, **unchanged, "rate, neo4j / by hand": round(ratio, 2)}


def three(
    ours: Callable[..., object], plain: Callable[..., object], embedded: Callable[..., object]
) -> dict[str, Callable[..., object]]:
    """Name the three that are asked."""
    return {"neo4j": ours, "by hand": plain, "embedded": embedded}
