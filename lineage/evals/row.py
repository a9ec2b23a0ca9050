"""One instance as a file of results reports it, in the form that all formats are read into."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

UNNAMED_TASK = "results"
"""The task of results that do not name one."""

NO_FILTER = "none"
"""The filter of results without one; evaluation programs use the same name."""


_TRUTH = {"true": 1.0, "false": 0.0}


MAX_SCORE = 1e100
"""Beyond this a score is unusable: sums and squares of such numbers are not finite."""


class Score(NamedTuple):
    """Hold the score of one metric (NaN if it is unusable) and the answer that it judges, if that is known."""

    value: float
    prediction: str | None = None


class Row(NamedTuple):
    """Hold one instance: `id` identifies it within task and filter, `prompt` is a hash of what the model was asked.

    `aggregated` are metrics without a score for the instance: their values are worked out over all instances.
    `higher_is_better` is the direction of its scores, None if the row does not say it.
    """

    task: str
    filter: str
    id: str
    prompt: str | None
    reference: str | None
    scores: dict[str, Score]
    aggregated: tuple[str, ...] = ()
    higher_is_better: bool | None = None


class Skipped(NamedTuple):
    """Report a record that could not be read: its position in the file, from 1, and why."""

    position: int
    reason: str


def number(value: Any) -> float:
    """Return a score as a float; NaN for anything that is not a truth value or a number up to MAX_SCORE."""
    if type(value) is float:  # most are, and a comparison with NaN is false
        return value if -MAX_SCORE <= value <= MAX_SCORE else math.nan
    if isinstance(value, str):
        return _from_text(value)
    if not isinstance(value, int | float):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if abs(found) <= MAX_SCORE else math.nan


def _from_text(text: str) -> float:
    """Read a number or a truth value that a file holds as a text."""
    try:
        found = float(text)
    except ValueError:
        return _TRUTH.get(text.strip().lower(), math.nan)
    return found if abs(found) <= MAX_SCORE else math.nan
