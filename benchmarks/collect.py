"""Many models from one Hub: models a second by jobs and latency, requests, CPU, memory, and the same graph.

`python -m benchmarks.collect [--models N] [--jobs 1,4,8,16] [--latency 0,50,100] [--json FILE]` serves a family of
small models over HTTP and runs `lineage collect` on them, each time into a new store and with a new cache. Server and
client share the cores of this machine: `cpu ms` is what the client and its git processes used a model. The last run
answers 429 for two models in the middle. Returns 1 if a run sends more requests than one job does, or makes another
graph.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lineage.store.open import open_store
from tests.support.bare_repository import BareRepository
from tests.support.dump import dump
from tests.support.hub_faults import rate_limited, slow
from tests.support.hub_server import HubServer
from tests.support.weight_files import safetensors_bytes

WANTED = 5.0
"""How much faster 100 models are to be read with the default number of jobs, at 100 ms latency."""

FAULTY = 2
"""Models that answer 429 at first in the last run."""


class Measured(NamedTuple):
    """Hold what one collection cost."""

    latency: int
    jobs: int
    seconds: float
    requests: int
    cpu: float
    peak_mb: float


def models(count: int, folder: Path) -> dict[str, BareRepository]:
    """Make a base, fine-tunes of it and copies of these: two commits each, weights in LFS."""
    made = {}
    for number in range(count):
        name = f"org/model-{number:03}"
        repository = BareRepository(folder / f"{name}.git")
        parent = f"base_model: org/model-{number // 10 * 10:03}\n" if number % 10 else ""
        chance = random.Random(number - 1 if number % 10 == 9 else number)  # one in ten has the weights of another
        tensors = {f"layers.{n}.weight": ("F32", (16, 16), chance.randbytes(1024)) for n in range(4)}
        files = {
            "README.md": f"---\n{parent}license: mit\n---\n# {name}\n".encode(),
            "config.json": json.dumps({"model_type": "llama", "hidden_size": 16, "seed": number}).encode(),
        }
        repository.commit({"model.safetensors": safetensors_bytes(tensors), **files})
        repository.commit({"README.md": files["README.md"] + b"More.\n"}, "Update README.md")
        made[name] = repository
    return made


def collect(names: Sequence[str], server: HubServer, folder: Path, jobs: int) -> tuple[Measured, list[str]]:
    """Collect models in a process of its own; return what that cost, and the graph."""
    folder.mkdir(parents=True)
    (folder / "models.txt").write_text("\n".join(names), "utf-8")
    environment = {
        **os.environ, "HF_ENDPOINT": server.endpoint, "HF_HOME": str(folder / "hf"),
        "LINEAGE_CACHE": str(folder / "cache"), "LINEAGE_STORE": str(folder / "lineage.db"),
    }  # fmt: skip
    environment.pop("HF_TOKEN", None)
    server.log.clear()
    command = [
        sys.executable, "-m", "lineage", "collect", "-f", str(folder / "models.txt"), "--no-config", "-q",
        "--jobs", str(jobs), "-o", str(folder / "answer.json"), "--format", "json",
    ]  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"collect ended with {process.returncode}")
    with open_store(str(folder / "lineage.db")) as store, store.reading() as view:
        graph = list(dump(view))
    return Measured(0, jobs, seconds, len(server.log), used.ru_utime + used.ru_stime, used.ru_maxrss / 1000), graph


def runs(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Measured, list[str]]]:
    """Run every combination, and one with faults; all on one server, because its port is part of every key."""
    repositories = models(options.models, folder / "served")
    names = list(repositories)
    with HubServer() as server:
        for name, repository in repositories.items():
            server.add(name, repository.git_dir)
        for latency in options.latency:
            for jobs in options.jobs:
                server.mend()
                server.fault("*", slow(latency / 1000), times=None if latency else 0)
                measured, graph = collect(names, server, folder / f"{latency}-{jobs}", jobs)
                yield "", measured._replace(latency=latency), graph
        server.mend()
        for name in names[len(names) // 2 :][:FAULTY]:
            server.fault(f"/api/models/{name}/*", rate_limited(1), times=1)
        measured, graph = collect(names, server, folder / "429", max(options.jobs))
        yield "429 in the middle", measured, graph


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return 1 for more requests or another graph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--jobs", type=_numbers, default=[1, 4, 8, 16])
    parser.add_argument("--latency", type=_numbers, default=[0, 50, 100], help="milliseconds")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    print("latency jobs  models/s  faster  requests/model  cpu ms/model  peak MB  graph")
    first: list[str] | None = None
    found: list[dict[str, object]] = []
    alone: dict[int, Measured] = {}
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        for note, measured, graph in runs(options, Path(folder)):
            first = first or graph
            alone.setdefault(measured.latency, measured)
            one = alone[measured.latency]
            is_same = graph == first
            is_more = not note and measured.requests > one.requests
            missed = missed or is_more or not is_same
            print(
                f"{measured.latency:>4} ms {measured.jobs:>4} {options.models / measured.seconds:>9.1f}"
                f" {one.seconds / measured.seconds:>6.1f}x {measured.requests / options.models:>15.1f}"
                f" {measured.cpu * 1000 / options.models:>13.0f} {measured.peak_mb:>8.0f}"
                f"  {'the same' if is_same else 'another'}{' more requests' if is_more else ''} {note}".rstrip(),
                flush=True,
            )
            found.append({**measured._asdict(), "same": is_same, "note": note})
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 1 if missed else 0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    raise SystemExit(main())
