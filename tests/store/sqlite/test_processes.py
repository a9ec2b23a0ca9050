"""Several processes and threads with one store, and processes that are killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lineage.errors import StoreError
from lineage.store.sqlite.schema import indexes
from lineage.store.sqlite.store import SqliteStore
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.graphs import FAMILY, derivation, model
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

WRITER = """
import sys
from pathlib import Path
from contextlib import nullcontext
from lineage.store.sqlite.store import SqliteStore
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import derivation, model
path, name, count, way = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
with SqliteStore(path) as store, store.bulk() if way == "bulk" else nullcontext():
    for n in range(count):
        pair = (model(f"{name}/{n}"), model(f"{name}/{n}-twin"))
        store.write(GraphBatch(models=pair, derivations=(derivation(pair[1].key, pair[0].key),)))
        print(n, flush=True)
"""


def writer(path: Path, name: str, count: int, way: str = "write") -> subprocess.Popen[str]:
    """Start a process that writes pairs of models and reports each pair."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count), way], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )


def pairs(path: Path) -> tuple[int, int]:
    """Count models and edges, after a check of the whole file."""
    with SqliteStore(path) as store, store.reading() as view:
        found = (view.count("Model"), view.count("DERIVED_FROM"))
        assert len(list(view.all_nodes("Model"))) == found[0]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    connection.close()
    assert indexes().keys() <= names
    return found


@pytest.mark.parametrize("told", [1, 7, 30])
def test_a_killed_writer_leaves_whole_writes(tmp_path: Path, told: int) -> None:
    """`kill -9` loses at most the write that was not reported yet, and never a part of one."""
    with writer(tmp_path / "graph.db", "a", 100_000) as process:
        assert process.stdout
        for _ in range(told):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    models, edges = pairs(tmp_path / "graph.db")
    assert models == 2 * edges
    assert edges >= told


def test_a_killed_load_leaves_a_store_that_repairs_itself(tmp_path: Path) -> None:
    """A killed load leaves whole writes; the next process makes the indexes and continues."""
    path = tmp_path / "graph.db"
    with SqliteStore(path) as store:
        store.write(FAMILY)
    with writer(path, "a", 100_000, "bulk") as process:
        assert process.stdout
        for _ in range(50):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    with sqlite3.connect(path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    connection.close()
    assert "model_key" not in names
    models, edges = pairs(path)
    assert models - 3 == 2 * (edges - 3)
    with SqliteStore(path) as store:
        store.write(FAMILY)
    assert pairs(path) == (models, edges)


def test_a_store_without_indexes_can_be_read_while_somebody_loads(tmp_path: Path) -> None:
    """A reader during a load sees committed rows and does not wait for the indexes."""
    path = tmp_path / "graph.db"
    with SqliteStore(path) as loading:
        loading.write(FAMILY)
        with loading.bulk():
            loading.write(GraphBatch(models=(model("new/one"),)))
            with SqliteStore(path) as other, other.reading() as view:
                assert view.count("Model") == 3
                assert view.nodes("Model", ["org/base"])["org/base"]["licence"] == "mit"
                assert len(view.neighbours("DERIVED_FROM", ["org/base"], "in")) == 2
        assert loading.info().nodes["Model"] == 4


def test_a_load_knows_what_others_wrote_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write by another process between two steps of a load makes no duplicate node."""
    monkeypatch.setattr("lineage.store.sqlite.store.BULK_STEP", 1)
    path = tmp_path / "graph.db"
    with SqliteStore(path) as loading:
        with loading.bulk():
            loading.write(GraphBatch(models=(model("a/1"),)))
            assert loading._writer is not None
            loading._writer.execute("COMMIT")
            with SqliteStore(path) as other:
                other.write(GraphBatch(models=(model("a/2", licence="mit"),)))
            loading._writer.execute("BEGIN IMMEDIATE")
            loading.write(GraphBatch(models=(model("a/3"),)))
            loading.write(GraphBatch(models=(model("a/2", licence="other"),)))
        with loading.reading() as view:
            assert {row.key: row.properties["licence"] for row in view.all_nodes("Model")} == {
                "a/1": None, "a/2": "other", "a/3": None,
            }  # fmt: skip


def test_keys_with_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """During a load, keys with the same hash are different nodes."""
    monkeypatch.setattr("lineage.store.sqlite.loading.number_of", lambda key: len(key) % 3)
    batches = [
        GraphBatch(models=(model(f"a/{n % 10}"),), derivations=(derivation(f"a/{n}", "b/0"),)) for n in range(25)
    ]
    with SqliteStore(tmp_path / "loaded.db") as loaded, SqliteStore(tmp_path / "written.db") as written:
        with loaded.bulk():
            for batch in batches:
                loaded.write(batch)
        for batch in batches:
            written.write(batch)
        with loaded.reading() as ours, written.reading() as theirs:
            assert list(dump(ours)) == list(dump(theirs))


def test_two_writers_take_turns(tmp_path: Path) -> None:
    """Two processes that make and fill one store at once both succeed, without loss or duplicates."""
    path = tmp_path / "graph.db"
    both = [writer(path, name, 60) for name in ("a", "b")]
    for process in both:
        process.communicate(timeout=120)
    assert [process.returncode for process in both] == [0, 0]
    assert pairs(path) == (240, 120)


def test_a_writer_that_waits_too_long_says_for_what(tmp_path: Path) -> None:
    """A store locked by another writer is an error that names it, and can be read."""
    path = tmp_path / "graph.db"
    with SqliteStore(path) as first, SqliteStore(path, wait=0.1) as second:
        first.write(FAMILY)
        with first.bulk():
            with pytest.raises(StoreError, match=r"graph\.db is locked by another process") as caught:
                second.write(FAMILY)
            with second.reading() as view:
                assert view.count("Model") == 3
        second.write(FAMILY)
    assert caught.value.hint


def test_readers_go_on_beside_a_writer(tmp_path: Path) -> None:
    """Views in other threads see whole writes only, each view one state."""
    faults: list[str] = []
    stop = threading.Event()
    with SqliteStore(tmp_path / "graph.db") as store:
        store.write(FAMILY)

        def read() -> None:
            while not stop.is_set():
                with store.reading() as view:
                    models, edges = view.count("Model"), view.count("DERIVED_FROM")
                    time.sleep(0.001)
                    if (models, edges) != (view.count("Model"), view.count("DERIVED_FROM")) or models - 3 != 2 * (
                        edges - 3
                    ):
                        faults.append(f"{models} models, {edges} edges")

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(100):
            pair = (model(f"t/{n}"), model(f"t/{n}-twin"))
            store.write(GraphBatch(models=pair, derivations=(derivation(pair[1].key, pair[0].key),)))
        stop.set()
        for thread in threads:
            thread.join()
        assert faults == []
        assert store.info().nodes["Model"] == 203
