"""Copies whose process is killed at any write: the same command completes them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lineage.store.interface import GraphStore
from lineage.store.moving.copying import copy_store
from lineage.store.moving.sections import checksums
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import AWAITING, FAMILY, derivation, model
from tests.support.neo4j_server import PARAMS, empty_store
from tests.support.shared import ROOT

CODE = """
import os, random, signal, sys, threading
from lineage.store.moving import copying
from lineage.store.moving import sections
from lineage.store.sqlite import store as sqlite
from lineage.store.open import open_store

sections.BATCH_ROWS, copying.BULK_ROWS = int(sys.argv[6]), int(sys.argv[3])
sqlite.BULK_STEP = 2 * sections.BATCH_ROWS
left, pause = int(sys.argv[4]), float(sys.argv[5])
source, target = open_store(sys.argv[1], read_only=True), open_store(sys.argv[2])
write = target.write_rows

def dying(rows):
    global left
    left -= 1
    if left == 0:
        threading.Timer(pause, os.kill, (os.getpid(), signal.SIGKILL)).start()
    write(rows)

target.write_rows = dying
copying.copy_store(source, target)
"""
"""Kills itself some milliseconds after a write has begun."""


def fill(store: GraphStore, count: int) -> None:
    """Write rows of most kinds, with awaited edges."""
    keys = [f"org/model-{number:05}" for number in range(count)]
    edges = tuple(derivation(child, parent) for parent, child in pairwise(keys))
    store.write(GraphBatch(models=tuple(model(key) for key in keys), derivations=edges))
    store.write(FAMILY)
    store.write(AWAITING)


def survive(source: str, target: str, bulk: int, dice: random.Random, kills: int, rows: int) -> None:
    """Kill one copy after another, then complete it and compare both stores."""
    for number in range(kills):
        where = [source, target, str(bulk), str(dice.randrange(6, 12) + number), str(dice.random() * 0.03), str(rows)]
        done = subprocess.run(
            [sys.executable, "-c", CODE, *where], cwd=ROOT, capture_output=True, timeout=120, check=False
        )
        if done.returncode == 0:  # all was there already
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    with open_store(source) as one, open_store(target) as two:
        copied = copy_store(one, two)
        assert copied.already_there > 0
        with one.reading() as left, two.reading() as right:
            assert checksums(left).digests() == checksums(right).digests()
        assert copy_store(one, two).written == 0


@pytest.mark.slow
@pytest.mark.parametrize("bulk", [10**9, 1], ids=["row-by-row", "bulk"])
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_copy_between_files_is_completed(tmp_path: Path, seed: int, bulk: int) -> None:
    """From SQLite to SQLite, in single transactions and in a bulk load."""
    with open_store(str(tmp_path / "one.db")) as store:
        fill(store, 1_500)
    survive(str(tmp_path / "one.db"), str(tmp_path / "two.db"), bulk, random.Random(seed), kills=5, rows=100)


WAYS = [
    pytest.param(*server.values, bulk, id=f"{server.id}-{way}", marks=server.marks)
    for server, bulk, way in ((PARAMS[0], 1, "bulk"), (PARAMS[-1], 10**9, "row-by-row"))
]
"""One way of copying on each version: what a killed copy leaves does not hang on both."""


@pytest.fixture
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty store on a server."""
    return empty_store(request.param, request, monkeypatch)


@pytest.mark.parametrize(("url", "bulk"), WAYS, indirect=["url"])
def test_a_killed_copy_to_neo4j_and_back_is_completed(url: str, tmp_path: Path, bulk: int) -> None:
    """From SQLite to Neo4j and from there to SQLite."""
    with open_store(str(tmp_path / "one.db")) as store:
        fill(store, 500)
    dice = random.Random(bulk)
    survive(str(tmp_path / "one.db"), url, bulk, dice, kills=2, rows=40)
    survive(url, str(tmp_path / "two.db"), bulk, dice, kills=2, rows=40)
    with open_store(str(tmp_path / "one.db")) as one, open_store(str(tmp_path / "two.db")) as two:
        with one.reading() as left, two.reading() as right:
            assert checksums(left).digests() == checksums(right).digests()
