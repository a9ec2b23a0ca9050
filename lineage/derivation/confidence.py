"""How sure the verdict on a pair is: shares of right verdicts among pairs whose descent is known.

The counts are those of `benchmarks/pairs/calibration.csv`, which `benchmarks.calibration --write` makes; a test
compares them. A confidence says how sure it is that two models are related or not, and nothing about which of them was
made from the other.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Hold what was seen of pairs: right verdicts of all, the least likeness of relatives, the most of strangers."""

    related: tuple[int, int]
    unrelated: tuple[int, int]
    least_related: float
    most_unrelated: float


MEASURED = Calibration(related=(241, 241), unrelated=(320, 320), least_related=0.9, most_unrelated=0.07)

UNDECIDED = 0.5
"""Confidence at the likeness from which a verdict is given at all."""


def of_related(likeness: float | None, least: float, by: Calibration = MEASURED) -> float:
    """Return how sure it is that two models are related.

    `likeness` is the greatest median cosine, None where equal values or digests decided. `least` is the likeness from
    which models are called related. Between it and the least likeness of known relatives nothing was measured: there
    the confidence rises evenly from UNDECIDED.
    """
    most = _succession(by.related)
    return most if likeness is None else _between(likeness, least, by.least_related, most)


def of_unrelated(likeness: float | None, most: float, by: Calibration = MEASURED) -> float:
    """Return how sure it is that two models are not related; `most` is the likeness up to which they are called so.

    Between the greatest likeness of known strangers and `most` the confidence falls evenly to UNDECIDED.
    """
    highest = _succession(by.unrelated)
    return highest if likeness is None else _between(likeness, most, by.most_unrelated, highest)


def _succession(counted: tuple[int, int]) -> float:
    """Estimate a share from a count by Laplace's rule of succession, (right + 1) / (all + 2): it never reaches 1."""
    right, every = counted
    return (right + 1) / (every + 2)


def _between(likeness: float, undecided: float, seen: float, most: float) -> float:
    """Rise evenly from UNDECIDED at one likeness to `most` at the one that was seen, in either direction."""
    share = 1.0 if seen == undecided else (likeness - undecided) / (seen - undecided)
    return UNDECIDED + (most - UNDECIDED) * min(1.0, max(0.0, share))
