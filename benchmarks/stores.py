"""What the embedded store costs at the size of the Hub, beside hand-written SQL in the same run.

`python -m benchmarks.stores` loads 2.5 million models, 1.5 million edges and 10 million files through `GraphStore`, and
the same rows into a plain schema of SQLite by `executemany`; then it asks both the same questions. It prints ratios and
writes benchmarks/results/stores.json. `--data` names the folder with the recorded graph
(`base_model_tags_2024-07.csv.gz`); without it a graph of a like shape is made. The full size takes about 20 minutes
and 12 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.plain_sqlite import PlainSqlite
from benchmarks.store_graph import FOUNDATION, Graph, Shape, recorded
from lineage.query.walk import ancestors, descendants
from lineage.store.rows import Rows
from lineage.store.sqlite import SqliteStore
from lineage_schemas.derivation import Derivation
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import Model
from lineage_schemas.revision import Revision

RESULTS = Path(__file__).parent / "results" / "stores.json"
LOAD_BATCH = 20_000
Result = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
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
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=2_500_000)
    parser.add_argument("--edges", type=int, default=1_500_000)
    parser.add_argument("--files", type=int, default=10_000_000)
    parser.add_argument("--data", type=Path, help="folder of the recorded graph")
    parser.add_argument("--folder", help="where the stores are made, default the system's temporary folder")
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=20, help="incremental batches of 1,000 models")
    return parser.parse_args(arguments)


def load(graph: Graph, ours: SqliteStore, theirs: PlainSqlite) -> Result:
    """Load both in turns, batch by batch, and let each make its indexes; the time to make up rows is not counted."""
    our_seconds = their_seconds = 0.0
    rows = 0
    with ours.bulk():
        for batch in graph.batches(LOAD_BATCH):
            rows += size(batch)
            our_seconds += seconds(partial(ours.write_rows, batch))
            their_seconds += seconds(partial(theirs.load, batch))
            print(f"\r{rows:,} rows, {our_seconds:.0f} s, plain {their_seconds:.0f} s", end="", file=sys.stderr)
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


def size(rows: Rows) -> int:
    """Count rows of all kinds."""
    return sum(map(len, rows.nodes.values())) + sum(map(len, rows.edges.values()))


def describe(ours: SqliteStore, theirs: PlainSqlite) -> Result:
    """Tell what is in the store, and how large the files are."""
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
    """Open the store and walk up once, with nothing in hand but the operating system's cache."""

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

    return in_turns(trace, lambda key: len(theirs.ancestors(key)), keys)


def families(ours: SqliteStore, theirs: PlainSqlite, rounds: int) -> Result:
    """Find all descendants of the largest base, by key and with counts by relation, as `trace --down` tells them."""

    def walked(key: str) -> int:
        with ours.reading() as view:
            return sum(map(len, view.walk(key, "in")))

    def told(key: str) -> int:
        with ours.reading() as view:
            return descendants(view, key, limit=1000).total

    result = in_turns(walked, lambda key: len(theirs.descendants(key)), [FOUNDATION] * rounds)
    whole = [seconds(lambda: told(FOUNDATION)) for _ in range(rounds)]
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

    return in_turns(holders, lambda key: len(theirs.holders(key)), keys)


def beside_writer(ours: SqliteStore, keys: Sequence[str]) -> Result:
    """Walk up while another process writes batches of 1,000 models, and while nobody does."""

    def trace(key: str) -> None:
        with ours.reading() as view:
            ancestors(view, key)

    alone = [seconds(partial(trace, key)) for key in keys]
    code = f"from benchmarks.stores import keep_writing; keep_writing({str(ours.path)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        beside = [seconds(partial(trace, key)) for _ in range(5) for key in keys]
        writer.terminate()
    ratio = percentile(beside, 99) / percentile(alone, 99)
    return {"alone, ms": spread(alone), "beside, ms": spread(beside), "p99 ratio": round(ratio, 2)}


def keep_writing(path: str) -> None:
    """Write until somebody ends this process."""
    with SqliteStore(Path(path)) as store:
        for number, batch in enumerate(fresh_batches("beside", 1_000_000)):
            store.write(batch)
            if number == 0:
                print("writing", flush=True)


def increments(ours: SqliteStore, theirs: PlainSqlite, count: int) -> Result:
    """Write records of models that are half new and half known, 1,000 a transaction; then the last batch again."""
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


def fresh_batches(name: str, count: int) -> Iterator[GraphBatch]:
    """Make batches of 1,000 models with a revision and an edge each; half of each batch is in the one before it."""
    for number in range(count):
        keys = [f"{name}/{number * 500 + n}" for n in range(1000)]
        hub = "huggingface.co"
        yield GraphBatch(
            models=tuple(
                Model(key=k, hub=hub, id=k, state="present", licence=f"l{number}", publisher=name) for k in keys
            ),
            revisions=tuple(Revision(key=f"{k}@c{number}", model=k, commit=f"c{number}") for k in keys),
            derivations=tuple(Derivation(child=k, parent=FOUNDATION, relation="finetune") for k in keys),
            replace_derivations_of=tuple(keys),
        )


def in_turns(ours: Callable[[str], int], theirs: Callable[[str], int], keys: Sequence[str]) -> Result:
    """Ask both the same questions in turns; both must count alike."""
    pairs = []
    for key in keys:
        start = time.perf_counter()
        mine = ours(key)
        middle = time.perf_counter()
        plain = theirs(key)
        pairs.append((middle - start, time.perf_counter() - middle))
        if mine != plain:
            raise RuntimeError(f"{key}: {mine} here, {plain} there")
    mine_all, plain_all = zip(*pairs, strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    return {"ours, ms": spread(mine_all), "theirs, ms": spread(plain_all), "median ratio": round(ratio, 2)}


def seconds(work: Callable[[], object]) -> float:
    """Time one piece of work by the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(times: Sequence[float]) -> dict[str, float]:
    """Give the median and the 99th percentile in milliseconds."""
    return {"p50": round(percentile(times, 50) * 1000, 3), "p99": round(percentile(times, 99) * 1000, 3)}


def percentile(times: Sequence[float], rank: int) -> float:
    """Give the value below which `rank` of 100 lie."""
    return sorted(times)[min(len(times) - 1, len(times) * rank // 100)]


if __name__ == "__main__":
    raise SystemExit(main())
