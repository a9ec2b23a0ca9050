"""The cost of a start: CPU of `lineage --help` and of `lineage trace` on a warm store, compared with `hf --help`.

`python -m benchmarks.start_up [--rounds 15]` runs whole processes in turns, prints ratios of medians of user and system
time and writes benchmarks/results/start_up.json. The store holds a family on huggingface.co, so that the answers name
the default Hub without a request to it: no network is used.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lineage.store.open import open_store
from lineage_schemas.derivation import Derivation
from lineage_schemas.evidence import Evidence
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import Model, ModelObservations, Observation
from lineage_schemas.pointer import Pointer

RESULTS = Path(__file__).parent / "results" / "start_up.json"

GOALS = {"help": 0.25, "trace": 0.5}
"""The limit of each, as a share of the CPU time of `hf --help` in the same run."""

FAMILY = (("blend/merge-7b", "lab/chat-7b"), ("blend/merge-7b", "lab/code-7b"), ("lab/chat-7b", "origin/base-7b"),
          ("lab/code-7b", "origin/base-7b"))  # fmt: skip

READ = datetime(2026, 1, 1, tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(arguments).rounds
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "lineage.db"
        write_family(store)
        result = measure(commands(store), rounds)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(json.dumps(result, indent=2))
    return 0 if all(result["ratios"][name] <= goal for name, goal in GOALS.items()) else 1


def commands(store: Path) -> dict[str, list[str]]:
    """List the processes: ours as users run them, the peer as it is installed in the same environment."""
    ours = [sys.executable, "-m", "lineage"]
    peer = shutil.which("hf", path=str(Path(sys.executable).parent)) or shutil.which("hf")
    if peer is None:
        raise SystemExit("the peer, `hf`, is not installed beside this Python")
    return {
        "hf": [peer, "--help"],
        "help": [*ours, "--help"],
        "trace": [*ours, "trace", FAMILY[0][0], "--store", str(store)],
        "trace json": [*ours, "trace", FAMILY[0][0], "--store", str(store), "--format", "json"],
        "python": [sys.executable, "-c", "pass"],
    }


def measure(processes: dict[str, list[str]], rounds: int) -> dict[str, dict[str, float]]:
    """Run every process in turns, once unmeasured to warm the caches; seconds of CPU, and ratios to the peer."""
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for each in range(rounds + 1):
        for name, command in processes.items():
            cost = cpu(command)
            if each:
                seconds[name].append(cost)
    medians = {name: statistics.median(costs) for name, costs in seconds.items()}
    ratios = {name: round(cost / medians["hf"], 3) for name, cost in medians.items()}
    return {
        "goals": GOALS,
        "ratios": ratios,
        "median seconds of cpu": {name: round(cost, 4) for name, cost in medians.items()},
        "least seconds of cpu": {name: round(min(costs), 4) for name, costs in seconds.items()},
    }


def cpu(command: Sequence[str]) -> float:
    """Run a process to its end and return its user and system time; a failure ends the benchmark."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {stderr.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


def write_family(path: Path) -> None:
    """Write a store with a merge, its two parents and their base, as a collection would write it."""
    ids = dict.fromkeys(model for edge in FAMILY for model in edge)
    family = ModelObservations(family=Observation(value="llama", observed_at=READ))
    models = tuple(
        Model(
            key=model, hub="huggingface.co", id=model, state="present", head=f"{number:040x}", level="header",
            licence="apache-2.0", observations=family, collected_at=READ,
        )
        for number, model in enumerate(ids, 1)
    )  # fmt: skip
    evidence = tuple(
        Evidence(
            id=f"ev{number}", rule="card.base_model", child=child, parent=parent, supports=True, value=parent,
            pointer=Pointer(model=child, revision="0" * 40, file="README.md", field="base_model"),
            relation="finetune", declared=True,
        )
        for number, (child, parent) in enumerate(FAMILY)
    )  # fmt: skip
    edges = tuple(
        Derivation(child=each.child, parent=parent, relation="finetune", evidence=(each.id,))
        for each, (_, parent) in zip(evidence, FAMILY, strict=True)
    )
    children = tuple(dict.fromkeys(child for child, _ in FAMILY))
    batch = GraphBatch(models=models, evidence=evidence, derivations=edges, replace_derivations_of=children)
    with open_store(str(path)) as store:
        store.write(batch)


if __name__ == "__main__":
    raise SystemExit(main())
