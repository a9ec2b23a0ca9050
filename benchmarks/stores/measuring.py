"""What the runs on all stores share: timers, turns, and batches to write."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.store_graph import FOUNDATION
from lineage.store.rows import Rows
from lineage_schemas.derivation import Derivation
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import Model
from lineage_schemas.revision import Revision

RESULTS = Path(__file__).parents[1] / "results"
Result = dict[str, Any]

WARM = 3
"""How often a question is asked before it is measured: a server plans and compiles the first time."""


def publish(name: str, result: Result) -> None:
    """Print a result, and keep it in benchmarks/results."""
    save(name, result)
    print(json.dumps(result, indent=2))


def save(name: str, result: Result) -> None:
    """Save the results so far, because a long run may be stopped."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def note(text: str) -> None:
    """Print the progress on one line."""
    print(f"\r{text:<90}", end="", file=sys.stderr, flush=True)


def size(rows: Rows) -> int:
    """Count rows of all kinds."""
    return sum(map(len, rows.nodes.values())) + sum(map(len, rows.edges.values()))


def fresh_batches(name: str, count: int) -> Iterator[GraphBatch]:
    """Make batches of 1,000 models, each with a revision and an edge; half of each batch is in the batch before it."""
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


def in_turns(asked: Mapping[str, Callable[[str], object]], keys: Sequence[str]) -> Result:
    """Ask the same questions in turns, each round in another order; all answers must be equal.

    Ratios are of the first to the others: of the medians, of the 99th percentiles, and the median of all rounds.
    """
    names = list(asked)
    for name in names * WARM:
        asked[name](keys[0])
    times: dict[str, list[float]] = {name: [] for name in names}
    for number, key in enumerate(keys):
        answers = []
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            start = time.perf_counter()
            answers.append(asked[name](key))
            times[name].append(time.perf_counter() - start)
        if any(answer != answers[0] for answer in answers):
            raise RuntimeError(f"{key}: {answers} from {names} are not the same")
    spreads = {name: spread(taken) for name, taken in times.items()}
    first, *others = names
    ratios = {
        f"{first} / {name}": {
            **{rank: round(spreads[first][rank] / spreads[name][rank], 2) for rank in ("p50", "p99")},
            "median of rounds": round(median(a / b for a, b in zip(times[first], times[name], strict=True)), 2),
        }
        for name in others
    }
    return {**{f"{name}, ms": each for name, each in spreads.items()}, "ratios": ratios}


def seconds(work: Callable[[], object]) -> float:
    """Measure one function by wall time."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile in milliseconds."""
    return {"p50": round(percentile(times, 50) * 1000, 3), "p99": round(percentile(times, 99) * 1000, 3)}


def percentile(times: Sequence[float], rank: int) -> float:
    """Return the `rank`th percentile."""
    return sorted(times)[min(len(times) - 1, len(times) * rank // 100)]
