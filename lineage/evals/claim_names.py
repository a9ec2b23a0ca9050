"""Which task and metric of an evaluation program a card's claim is about: tables with sources, and their rules."""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from lineage.evals.summary import Summary

_FOLDER = "lineage.evals"

_NO_CONFIG = frozenset({"", "default", "main", "none", "null"})
"""Names of configurations that mean the only one, or the one that a data set has beside special ones."""


class Dataset(NamedTuple):
    """Name a data set on the Hub with its configuration, None if every configuration is meant."""

    id: str
    config: str | None


def is_about(summary: Summary, task: str, dataset: str, config: str | None) -> bool:
    """Return whether a task is made of a data set: by the harness' configuration, our table, or the task's name.

    A configuration that the claim does not name is not guessed: `ai2_arc` alone may be ARC-Easy or ARC-Challenge.
    An owner is compared only if both names have one, because old cards write `hellaswag` for `Rowan/hellaswag`. The
    configuration may also be the task's name: files of results have such ids.
    """
    named = _plain_task(task)
    known = [Dataset(*summary.datasets[task])] if task in summary.datasets else []
    known += _tasks().get(_folded(named), [])
    if not known or "/" not in dataset:
        known.append(Dataset(named, None))
    if config is not None and _folded(config) == _folded(named):
        return any(_same_dataset(each, dataset) for each in known)
    return any(_same_dataset(each, dataset) and _same_config(each, config) for each in known)


def unnamed_config(summary: Summary, task: str, dataset: str, config: str | None) -> bool:
    """Return whether a claim would be about a task if it named the configuration of its data set."""
    return _is_any(config) and is_about(summary, task, dataset, _plain_task(task))


def same_metric(metric: str, *claimed: str | None) -> bool:
    """Return whether a claim's metric, by its type or its name, is a metric of the results."""
    return any(_canonical(metric) == _canonical(name) for name in claimed if name)


def is_share(metric: str) -> bool:
    """Return whether a metric is between 0 and 1, so that some write it in percent."""
    return _canonical(metric) in _shares()


def _plain_task(task: str) -> str:
    """Remove lighteval's suite and number of examples: `leaderboard|arc:challenge|25` is `arc:challenge`."""
    parts = task.split("|")
    return parts[1] if len(parts) > 2 else parts[0]


def _same_dataset(known: Dataset, dataset: str) -> bool:
    left, right = _folded(known.id), _folded(dataset)
    if "/" not in left or "/" not in right:
        left, right = left.rpartition("/")[2], right.rpartition("/")[2]
    return left == right


def _same_config(known: Dataset, config: str | None) -> bool:
    return _is_any(known.config) or _folded(config or "") == _folded(known.config or "")


def _is_any(config: str | None) -> bool:
    return _folded(config or "") in _NO_CONFIG


def _canonical(metric: str) -> str:
    """Return the one name of a metric; lighteval's settings after a colon are left out."""
    folded = _folded(metric.partition(":")[0])
    return _metrics().get(folded, folded)


def _folded(text: str) -> str:
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def _rows(name: str) -> list[dict[str, str]]:
    """Read one of the tables."""
    text = files(_FOLDER).joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _tasks() -> dict[str, list[Dataset]]:
    found: dict[str, list[Dataset]] = defaultdict(list)
    for row in _rows("claim_tasks.csv"):
        found[_folded(row["task"])].append(Dataset(row["dataset"], row["config"] or None))
    return found


@cache
def _metrics() -> dict[str, str]:
    return {_folded(row["name"]): _folded(row["metric"]) for row in _rows("claim_metrics.csv")}


@cache
def _shares() -> frozenset[str]:
    return frozenset(_folded(row["metric"]) for row in _rows("claim_metrics.csv") if row["is_share"] == "yes")
