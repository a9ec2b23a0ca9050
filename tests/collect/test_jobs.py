"""Models that are read side by side: the graph, the requests and the order are those of one at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.collect import models
from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage_schemas.answers.collect import CollectAnswer, CollectedModel
from tests.support import hub_faults
from tests.support.dump import dump
from tests.support.hub_server import HubServer
from tests.support.interruptible import interruptible
from tests.support.notes import Notes

pytestmark = pytest.mark.slow

COUNT = 10
"""Models of the family: a base, and children of which one has the weights of another."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """Serve a family of small models."""
    folder = tmp_path_factory.mktemp("served")
    with HubServer() as server:
        for name, repository in models(COUNT, folder).items():
            server.add(name, repository.git_dir)
        yield server


@pytest.fixture
def server(served: HubServer) -> HubServer:
    """Give the server without faults and with an empty log."""
    served.mend()
    served.log.clear()
    return served


def collected(
    server: HubServer, folder: Path, jobs: int, *, first: int = 0, max_models: int = 100
) -> tuple[CollectAnswer, list[str]]:
    """Collect the models from one on with a number of jobs, and dump the graph."""
    with Session(settings=server.settings(folder), progress=Notes()) as session:
        answer = collect(session, sorted(server.repositories)[first:], jobs=jobs, max_models=max_models)
        with session.store.reading() as view:
            return answer, list(dump(view))


def listed(model: CollectedModel) -> dict[str, object]:
    """Leave out who sampled a content that two models have: the first of them."""
    return model.model_dump(exclude={"samples"})


def test_the_graph_is_that_of_one_at_a_time(server: HubServer, tmp_path: Path) -> None:
    """Eight jobs make the graph, the answer and the requests of one job, and two readings of one content are one."""
    one, graph = collected(server, tmp_path / "one", 1)
    alone = len(server.log)
    many, other = collected(server, tmp_path / "many", 8)
    assert other == graph
    assert len(server.log) - alone <= alone
    assert [listed(each) for each in many.models] == [listed(each) for each in one.models]
    assert (many.cost, many.incomplete) == (one.cost, one.incomplete)
    assert server.most_at_once > 1


def test_a_limit_lets_the_same_models_through(server: HubServer, tmp_path: Path) -> None:
    """With any number of jobs the base is beyond the limit that the children that declare it have reached."""
    answers = [collected(server, tmp_path / str(jobs), jobs, first=COUNT - 3, max_models=3)[0] for jobs in (1, 8)]
    assert answers[0].incomplete == answers[1].incomplete
    assert [each.reason for each in answers[0].incomplete] == ["limit"]


def test_a_model_that_waits_does_not_stop_the_others(server: HubServer, tmp_path: Path) -> None:
    """While one model waits for its rate limit, the others are read, and a note names the model that waits."""
    server.fault("/api/models/org/model-001", hub_faults.rate_limited(2), times=1)
    notes = Notes()
    with Session(settings=server.settings(tmp_path), progress=notes) as session:
        answer = collect(session, sorted(server.repositories)[1:], depth=0, jobs=4, samples=False)
    assert {each.outcome for each in answer.models} == {"collected"}
    assert any("org/model-001: answered 429" in note for note in notes.notes)
    waited = [number for number, asked in enumerate(server.log) if asked.path == "/api/models/org/model-001"]
    assert len(waited) == 2
    others = {asked.path.split("/")[-1] for asked in server.log[waited[0] : waited[1]]}
    assert f"model-00{COUNT - 1}" in others


def test_an_interrupted_run_is_continued(server: HubServer, tmp_path: Path) -> None:
    """Ctrl-C ends a run with eight jobs at once and without a traceback, and the next run makes the same graph."""
    _, graph = collected(server, tmp_path / "whole", 8)
    server.fault("*", hub_faults.slow(0.1))
    folder = tmp_path / "cut"
    settings = server.settings(folder)
    command = [sys.executable, "-m", "lineage", "collect", *sorted(server.repositories), "--no-config", "--jobs", "8"]
    environment = {
        **os.environ, "HF_ENDPOINT": server.endpoint, "HF_HOME": str(folder / "hf"),
        "LINEAGE_CACHE": str(settings.cache), "LINEAGE_STORE": str(settings.store),
    }  # fmt: skip
    server.log.clear()
    with interruptible():
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(server.log) < 30 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    server.mend()
    assert collected(server, folder, 8)[1] == graph


def test_answers_of_a_check_come_one_by_one(server: HubServer, tmp_path: Path) -> None:
    """With --format jsonl each answer is a line that is written while another model still waits."""
    names = sorted(server.repositories)[:4]
    server.fault(f"/api/models/{names[0]}", hub_faults.slow(3.0), times=1)
    settings = server.settings(tmp_path)
    environment = {
        **os.environ, "HF_ENDPOINT": server.endpoint, "HF_HOME": str(tmp_path / "hf"),
        "LINEAGE_CACHE": str(settings.cache), "LINEAGE_STORE": str(settings.store),
    }  # fmt: skip
    command = [sys.executable, "-m", "lineage", "check", *names, "--no-config", "--format", "jsonl", "--jobs", "4"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = [json.loads(line)["model"] for line in process.stdout]
    assert process.returncode == 0
    assert sorted(found) == names
    assert found[-1] == names[0]
