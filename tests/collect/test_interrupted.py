"""Collections that are killed, reordered, or run beside each other end in the same graph."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.collect.batch import model_batch
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

MODELS = [
    "otterhub/skiff-0.7m-manual", "blendery/manpython-0.7m-linear", "quantworks/skiff-0.7m-manual-GGUF",
    "mattshumer/Reflection-Llama-3.1-70B", "otterhub/skiff-packages-lora", "quillworks/notary-0.7m",
]  # fmt: skip

HUB = ROOT / "lineage" / "demo_data" / "hub"


def contents(store: Path) -> list[str]:
    """Dump a store without clocks."""
    with open_store(str(store)) as opened, opened.reading() as view:
        return list(dump(view))


def collected(store: Path, models: list[str]) -> list[str]:
    """Collect models of the demo's Hub into a store and dump it."""
    with Session(hub_selector=str(HUB), store_url=str(store), offline=True) as session:
        collect(session, models)
    return contents(store)


def start(store: Path, models: list[str], cache: Path) -> subprocess.Popen[bytes]:
    """Start a collection as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "lineage", "collect", *models, "--hub", str(HUB), "--store", str(store), "--quiet"],
        env={**os.environ, "LINEAGE_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], float]:
    """Collect once without a disturbance: the dump to compare with, and the seconds that it took as a process."""
    folder = tmp_path_factory.mktemp("whole")
    before = time.monotonic()
    process = start(folder / "lineage.db", MODELS, folder / "cache")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return contents(folder / "lineage.db"), time.monotonic() - before


def test_killed_at_twenty_points_and_run_again(
    whole: tuple[list[str], float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection that was killed anywhere and is run again ends in the dump of one that was never killed."""
    expected, seconds = whole
    chance = random.Random(20240906)
    for number in range(20):
        store, cache = tmp_path / f"{number}.db", tmp_path / f"cache-{number}"
        first = start(store, MODELS, cache)
        try:
            first.wait(chance.uniform(0.2 * seconds, seconds))
        except subprocess.TimeoutExpired:
            first.send_signal(signal.SIGKILL)
        first.communicate()
        monkeypatch.setenv("LINEAGE_CACHE", str(cache))
        assert collected(store, MODELS) == expected


def test_order_of_collection_makes_no_difference(whole: tuple[list[str], float], tmp_path: Path) -> None:
    """The same models in another order give the same graph."""
    for number, models in enumerate((MODELS[::-1], sorted(MODELS))):
        assert collected(tmp_path / f"{number}.db", models) == whole[0]


def test_collecting_twice_changes_nothing(whole: tuple[list[str], float], tmp_path: Path) -> None:
    """A second collection, refreshed or not, leaves the graph as it is."""
    store = tmp_path / "lineage.db"
    assert collected(store, MODELS) == collected(store, MODELS) == whole[0]
    with Session(hub_selector=str(HUB), store_url=str(store), offline=True) as session:
        answer = collect(session, MODELS, refresh=True)
    assert {model.outcome for model in answer.models} == {"collected", "named"}
    assert contents(store) == whole[0]


def test_two_collectors_at_once(whole: tuple[list[str], float], tmp_path: Path) -> None:
    """Two processes that collect into one store wait for one another and leave one whole graph."""
    store = tmp_path / "lineage.db"
    both = [start(store, models, tmp_path / "cache") for models in (MODELS, MODELS[::-1])]
    for process in both:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert contents(store) == whole[0]


def test_a_collector_that_writes_between_reading_and_writing(
    whole: tuple[list[str], float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edges between the last model and those that another process wrote while its edges were worked out are there."""
    store, calls = tmp_path / "lineage.db", [0, 0]

    def interrupted(*arguments: Any) -> GraphBatch:
        batch = model_batch(*arguments)
        calls[0] += 1
        if calls[0] == calls[1]:
            collected(store, MODELS[1:])
        return batch

    monkeypatch.setattr("lineage.collect.pipeline.model_batch", interrupted)
    collected(tmp_path / "counted.db", MODELS[:1])
    calls[:] = [0, calls[0]]
    assert collected(store, MODELS[:1]) == whole[0]
    assert calls[0] > calls[1]
