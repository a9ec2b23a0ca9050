"""Moving whole graphs by the commands that users run, each as a process with its time and memory."""

from __future__ import annotations

import json
import os
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store_graph import FOUNDATION, Graph, Shape, recorded
from benchmarks.stores.client import LINEAGE, Ran, ran
from benchmarks.stores.measuring import Result, note, size
from benchmarks.stores.server import Server
from lineage.store.sqlite.store import SqliteStore
from tools.neo4j_jars import VERSIONS

COPIED = (25, 5)
"""The parts of the graph that are copied: two sizes show whether memory grows."""


def moved(options: Namespace) -> Iterator[tuple[str, Result]]:
    """Copy parts of the graph into separate servers, and import a large one as CSV; skipped on a given server."""
    if options.neo4j not in VERSIONS:
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for part in COPIED:
            models = options.models // part
            yield f"copies of {models:,} models", copied(models, options, folder / str(part))
        if options.csv_models:
            yield f"csv of {options.csv_models:,} models", by_csv(options, folder)


def copied(models: int, options: Namespace, folder: Path) -> Result:
    """Copy a graph from the embedded store into an empty server, and back out of it."""
    folder.mkdir()
    store, rows = made(models, models, options, folder / "graph.db")
    with Server(options.neo4j, folder / "server") as server:
        note(f"copying {models:,} models")
        there = ran([*LINEAGE, "store", "copy", "-q", str(store), server.uri])
        back = ran([*LINEAGE, "store", "copy", "-q", server.uri, str(folder / "back.db")])
        exported = ran([*LINEAGE, "store", "export", "-q", "--store", server.uri, str(folder / "copied.jsonl")])
        down = trace_down(server.uri)
    return {
        "rows": rows,
        "into neo4j": result(there, rows),
        "out of neo4j": result(back, rows),
        "neo4j to jsonl": result(exported, rows),
        "trace --down": down,
    }


def by_csv(options: Namespace, folder: Path) -> Result:
    """Export a graph of the embedded store as CSV, import it with the printed command, and query it."""
    store, rows = made(options.csv_models, options.csv_files, options, folder / "csv.db")
    smaller, fewer = made(options.csv_models // 10, options.csv_files // 10, options, folder / "smaller.db")
    export = [*LINEAGE, "store", "export", "-q", "--json", "--format", "neo4j-csv", str(folder / "csv"), "--store"]
    note("exporting CSV")
    before = ran([*export, str(smaller)])
    exported = ran([*export, str(store)])
    files = sum(path.stat().st_size for path in (folder / "csv").iterdir())
    with Server(options.neo4j, folder / "imported") as server:
        note("importing CSV")
        done = server.imported(json.loads(exported.output)["command"], folder / "import.report")
        first = ran([*trace_command(server.uri), "--max-models", "1"])
        second = trace_down(server.uri)
        assert server.own is not None
        size_of_database = sum(path.stat().st_size for path in (server.own.home / "data").rglob("*") if path.is_file())
    return {
        "rows": rows,
        "export": result(exported, rows),
        "export of a tenth": result(before, fewer),
        "GB of CSV": round(files / 1e9, 2),
        "neo4j-admin import": result(done, rows),
        "GB of database": round(size_of_database / 1e9, 2),
        "first command on it, which makes the indexes, seconds": round(first.seconds, 1),
        "trace --down": second,
    }


def made(models: int, files: int, options: Namespace, path: Path) -> tuple[Path, int]:
    """Make an embedded store of some models and files; return its rows."""
    graph = Graph(Shape(models, models * 6 // 10, files), recorded(options.data))
    rows = 0
    with SqliteStore(path) as store:
        with store.bulk():
            for batch in graph.batches(20_000):
                rows += size(batch)
                store.write_rows(batch)
                note(f"{path.name}: {rows:,} rows")
        info = store.info()
    return path, sum(info.nodes.values()) + sum(info.edges.values())


def result(done: Ran, rows: int) -> Result:
    """Return how fast a command was, and its peak memory."""
    return {"seconds": round(done.seconds, 1), "rows per second": round(rows / done.seconds), "MiB": done.peak_mib}


def trace_command(uri: str) -> list[str]:
    """Ask for the descendants of the largest base, as users do."""
    return [*LINEAGE, "trace", FOUNDATION, "--down", "--offline", "--format", "json", "-q", "--store", uri]


def trace_down(uri: str) -> Result:
    """Ask for the first descendants of the largest base: time, memory, and how many there are."""
    done = ran(trace_command(uri), {"LINEAGE_CACHE": os.devnull})
    total = sum(json.loads(done.output)["counts"].values())
    return {"descendants": total, "seconds": round(done.seconds, 2), "MiB": done.peak_mib}
