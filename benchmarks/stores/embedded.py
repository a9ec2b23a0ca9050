"""The embedded store beside hand-written SQL."""

from __future__ import annotations

import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.plain_sqlite import PlainSqlite
from benchmarks.store_graph import FOUNDATION, Graph, Shape, recorded
from benchmarks.stores.measuring import (
    Result,
    fresh_batches,
    in_turns,
    note,
    percentile,
    publish,
    seconds,
    size,
    spread,
)
from lineage.query.walk import ancestors, descendants
from lineage.store.sqlite.store import SqliteStore

LOAD_BATCH = 20_000


def run(options: Namespace) -> None:
    """Measure, print, write."""
    graph = Graph(Shape(options.models, options.edges, options.files), recorded(options.data))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        ours, theirs = SqliteStore(Path(folder) / "graph.db"), PlainSqlite(Path(folder) / "plain.db")
        result: Result = {"sqlite": sqlite3.sqlite_version, "asked for": graph.shape._asdict()}
        result["bulk load"] = load(graph, ours, theirs)
        result["store"] = describe(ours, theirs)
        keys = sample(theirs, options.queries)
        result["open and first answer"] = opening(ours.path, keys[0])
        result["trace"] = traces(ours, theirs, keys)
        result["all descendants"] = families(ours, theirs, options.rounds)
        result["lookup by hash"] = lookups(ours, theirs, options.queries)
        result["reader beside writer"] = beside_writer(ours, keys)
        result["incremental write"] = increments(ours, theirs, options.batches)
        result["peak MiB of the whole run"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        ours.close()
    publish("stores", result)


def load(graph: Graph, ours: SqliteStore, theirs: PlainSqlite) -> Result:
    """Load both in turns, batch by batch, and create the indexes; the time to generate rows is not counted."""
    our_seconds = their_seconds = 0.0
    rows = 0
    with ours.bulk():
        for batch in graph.batches(LOAD_BATCH):
            rows += size(batch)
            our_seconds += seconds(partial(ours.write_rows, batch))
            their_seconds += seconds(partial(theirs.load, batch))
            note(f"{rows:,} rows, {our_seconds:.0f} s, plain {their_seconds:.0f} s")
        start = time.perf_counter()
    our_indexes = time.perf_counter() - start
    their_indexes = seconds(theirs.finish)
    return {
        "rows": rows,
        "our rows per second": round(rows / (our_seconds + our_indexes)),
        "their rows per second": round(rows / (their_seconds + their_indexes)),
        "our seconds": {"rows": round(our_seconds, 1), "indexes": round(our_indexes, 1)},
        "their seconds": {"rows": round(their_seconds, 1), "indexes": round(their_indexes, 1)},
        "ratio": round((our_seconds + our_indexes) / (their_seconds + their_indexes), 2),
    }


def describe(ours: SqliteStore, theirs: PlainSqlite) -> Result:
    """Return what is in the store, and how large the files are."""
    info = ours.info()
    counts = {**{k: n for k, n in info.nodes.items() if n}, **{k: n for k, n in info.edges.items() if n}}
    return {**counts, "our GB": round((info.size_bytes or 0) / 1e9, 2), "their GB": round(theirs.size() / 1e9, 2)}


def sample(theirs: PlainSqlite, count: int) -> list[str]:
    """Choose models that have parents."""
    dice = random.Random(5)
    (last,) = theirs.rows("SELECT max(id) FROM model")[0]
    keys: list[str] = []
    while len(keys) < count:
        number = dice.randint(1, last)
        keys += [key for (key,) in theirs.rows(
            "SELECT key FROM model WHERE id = ? AND EXISTS (SELECT 1 FROM derived WHERE child = model.id)", number
        )]  # fmt: skip
    return keys


def opening(path: Path, key: str) -> Result:
    """Open the store and walk up once, with only the operating system's cache warm."""

    def once() -> None:
        with SqliteStore(path) as store, store.reading() as view:
            ancestors(view, key)

    return {"ms": spread([seconds(once) for _ in range(20)])}


def traces(ours: SqliteStore, theirs: PlainSqlite, keys: Sequence[str]) -> Result:
    """Walk up from models, with edges, models and all; beside a recursive CTE that gives the same rows."""

    def trace(key: str) -> int:
        with ours.reading() as view:
            walk = ancestors(view, key)
            return len(view.nodes("Model", walk.depths))

    return in_turns({"ours": trace, "theirs": lambda key: len(theirs.ancestors(key))}, keys)


def families(ours: SqliteStore, theirs: PlainSqlite, rounds: int) -> Result:
    """Find all descendants of the largest base, by key and with counts by relation, as `trace --down` lists them."""

    def walked(key: str) -> int:
        with ours.reading() as view:
            return sum(map(len, view.walk(key, "in")))

    def counted(key: str) -> int:
        with ours.reading() as view:
            return descendants(view, key, limit=100).total

    result = in_turns({"ours": walked, "theirs": lambda key: len(theirs.descendants(key))}, [FOUNDATION] * rounds)
    whole = [seconds(lambda: counted(FOUNDATION)) for _ in range(rounds)]
    return {"descendants": walked(FOUNDATION), **result, "as trace --down does it, ms": spread(whole)}


def lookups(ours: SqliteStore, theirs: PlainSqlite, count: int) -> Result:
    """Find the models that hold a file, by the SHA-256 of its content."""
    dice = random.Random(6)
    (last,) = theirs.rows("SELECT max(id) FROM file")[0]
    found = (theirs.rows("SELECT hash FROM file WHERE id = ?", dice.randint(1, last)) for _ in range(count))
    keys = [f"sha256:{rows[0][0].hex()}" for rows in found if rows]

    def holders(key: str) -> int:
        with ours.reading() as view:
            revisions = {source for source, _ in view.neighbours("CONTAINS", [key], "in")}
            return len({source for source, _ in view.neighbours("HAS_REVISION", revisions, "in")})

    return in_turns({"ours": holders, "theirs": lambda key: len(theirs.holders(key))}, keys)


def beside_writer(ours: SqliteStore, keys: Sequence[str]) -> Result:
    """Walk up while another process writes batches of 1,000 models, and while none does."""

    def trace(key: str) -> None:
        with ours.reading() as view:
            ancestors(view, key)

    alone = [seconds(partial(trace, key)) for key in keys]
    code = f"from benchmarks.stores.embedded import keep_writing; keep_writing({str(ours.path)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        beside = [seconds(partial(trace, key)) for _ in range(5) for key in keys]
        writer.terminate()
    ratio = percentile(beside, 99) / percentile(alone, 99)
    return {"alone, ms": spread(alone), "beside, ms": spread(beside), "p99 ratio": round(ratio, 2)}


def keep_writing(path: str) -> None:
    """Write until this process is killed."""
    with SqliteStore(Path(path)) as store:
        for number, batch in enumerate(fresh_batches("beside", 1_000_000)):
            store.write(batch)
            if number == 0:
                print("writing", flush=True)


def increments(ours: SqliteStore, theirs: PlainSqlite, count: int) -> Result:
    """Write records of models that are half new and half known, 1,000 per transaction; then the last batch again."""
    batches = list(fresh_batches("more", count))
    first = [(seconds(partial(ours.write, b)), seconds(partial(theirs.upsert, b))) for b in batches]
    again = [seconds(partial(ours.write, batches[-1])) for _ in range(5)]
    mine, plain = (statistics.median(column) for column in zip(*first, strict=True))
    return {
        "models per second": round(1000 / mine),
        "their models per second": round(1000 / plain),
        "ratio": round(mine / plain, 2),
        "unchanged models per second": round(1000 / statistics.median(again)),
    }
