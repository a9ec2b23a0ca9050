"""The toy tasks' filters and scores; the dummy model answers `lol`, which the filters replace by a random answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

WORDS = ["plain", "words", "about", "birds", "and", "weights", "rivers"]


def answered(resps: Sequence[Any], docs: Sequence[dict[str, str]]) -> list[list[str]]:
    """Replace each answer by the right sum or one near it, with or without the mark that the strict filter wants."""
    rng = random.Random(random.getstate()[1][5])
    found = []
    for doc in docs:
        number = int(doc["answer"]) + rng.choice([0, 0, 0, 1, 2])
        found.append([f"#### {number}" if rng.random() < 0.7 else f"it is {number}"])
    return found


def summary(resps: Sequence[Any], docs: Sequence[dict[str, str]]) -> list[list[str]]:
    """Replace each answer by some of the words."""
    rng = random.Random(random.getstate()[1][5])
    return [[" ".join(rng.sample(WORDS, 4))] for _ in docs]


def scores(doc: dict[str, str], results: Sequence[str]) -> dict[str, float]:
    """Score one summary: the share of words found, and the number of words missed."""
    wanted, given = set(doc["answer"].split()), set(results[0].split())
    return {"overlap": len(wanted & given) / len(wanted), "missed": len(wanted - given)}
