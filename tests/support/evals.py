"""Results of evaluations for tests: those of the real harness, and plain files made of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.shared import ROOT

HARNESS = ROOT / "tests/data/evals/harness"
"""Three runs of lm-evaluation-harness 0.4.13 on toy tasks: `old`, `new` and `third`."""


def samples(run: str, task: str) -> list[dict[str, Any]]:
    """Read the rows of one task of a run, as the harness wrote them."""
    (path,) = HARNESS.glob(f"{run}/*/samples_{task}_*.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def printed(run: str) -> dict[str, Any]:
    """Read the results that the harness printed for a run."""
    (path,) = HARNESS.glob(f"{run}/*/results_*.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write CSV with the columns of the first row."""
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return path


def plain_rows(run: str) -> Iterator[dict[str, Any]]:
    """Write the rows of a run in the columns of plain files; predictions are worked out here, by numpy."""
    import numpy

    for row in samples(run, "toy_choice"):
        likelihoods = numpy.array([float(each[0]) for each in row["filtered_resps"]])
        lengths = numpy.array([len(choice) for choice in row["doc"]["choices"]])
        for metric, scores in (("acc", likelihoods), ("acc_norm", likelihoods / lengths)):
            yield _plain(row, "toy_choice", metric, correct=row[metric], prediction=str(numpy.argmax(scores)))
    for row in samples(run, "toy_notes"):
        for metric in ("overlap", "missed"):
            yield _plain(row, "toy_notes", metric, score=row[metric], prediction=row["filtered_resps"][0])
    for row in samples(run, "toy_sums"):
        yield _plain(
            row, "toy_sums", "exact_match", correct=row["exact_match"], prediction=row["filtered_resps"][0]
        )  # fmt: skip


def _plain(row: Mapping[str, Any], task: str, metric: str, **values: Any) -> dict[str, Any]:
    facts = {"id": row["doc_hash"], "correct": "", "score": "", "prediction": "", "reference": row["target"]}
    named = {"task": task, "metric": metric, "filter": row["filter"], "higher_is_better": metric != "missed"}
    return facts | named | values
