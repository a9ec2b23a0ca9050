"""Confidence intervals of rates and means.

Instances are resampled with replacement (percentile bootstrap). A rate depends only on how many instances fall into
each cell, and drawing N instances with replacement is drawing the cells from a multinomial distribution: the result is
the same, and time and memory do not depend on N.

Where no instance, or every instance, is in the cell, every resample repeats that, and the interval would have no width.
There the exact (Clopper-Pearson) interval is used. It has a closed form at both ends: the beta quantiles of the general
case are powers of alpha/2 there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy

    Floats = numpy.ndarray[Any, numpy.dtype[numpy.float64]]
    Draws = numpy.ndarray[Any, numpy.dtype[numpy.int64]]

RESAMPLES = 10_000
SEED = 0
CONFIDENCE = 0.95

RESAMPLED_MEANS = 1_000
"""Instances up to which the interval of a mean is bootstrapped; beyond, the normal approximation is as good."""


class Interval(NamedTuple):
    """Hold a value with the lower and the upper bound of its confidence interval."""

    value: float
    low: float
    high: float


def draw_counts(counts: Sequence[int], *, resamples: int = RESAMPLES, seed: int = SEED) -> Draws:
    """Draw the counts of K cells `resamples` times, each from as many instances as there are: shape (resamples, K).

    The same counts and the same seed give the same draws, whichever other tasks are compared in the same run.
    """
    import numpy

    n = sum(counts)
    shares = numpy.asarray(counts, dtype=numpy.float64) / max(n, 1)
    return numpy.random.default_rng(seed).multinomial(n, shares, size=resamples)


def share_interval(
    counts: Sequence[int],
    part: Sequence[int],
    whole: Sequence[int] | None = None,
    *,
    draws: Draws | None = None,
    confidence: float = CONFIDENCE,
) -> Interval | None:
    """Return the share that the cells `part` have of the cells `whole`, with its interval; None if it is undefined.

    Both are positions in `counts`; without `whole` the share is one of all instances. `draws` are those of
    `draw_counts`, so that several shares of one comparison use the same resamples.
    """
    import numpy

    cells = list(range(len(counts))) if whole is None else list(whole)
    taken, total = sum(counts[i] for i in part), sum(counts[i] for i in cells)
    if total == 0:
        return None
    if taken in (0, total):
        return exact_at_an_end(taken, total, confidence)
    drawn = draw_counts(counts) if draws is None else draws
    tops, bottoms = drawn[:, list(part)].sum(axis=1), drawn[:, cells].sum(axis=1)
    defined = bottoms > 0
    tail = (1 - confidence) / 2
    low, high = numpy.quantile(tops[defined] / bottoms[defined], [tail, 1 - tail])
    return Interval(taken / total, float(low), float(high))


def exact_at_an_end(taken: int, total: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact (Clopper-Pearson) interval of 0 of `total`, or of all of them.

    With alpha = 1 - confidence, 0 of n is [0, 1 - (alpha/2)^(1/n)], and n of n is [(alpha/2)^(1/n), 1].
    """
    bound = math.exp(math.log((1 - confidence) / 2) / total)
    return Interval(0.0, 0.0, 1 - bound) if taken == 0 else Interval(1.0, bound, 1.0)


def mean_interval(
    values: Floats, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval | None:
    """Return the mean of N values with its interval; None without values.

    Values that are all 0 or 1 are a share. Others are bootstrapped up to RESAMPLED_MEANS instances.
    """
    import numpy

    n = len(values)
    if n == 0:
        return None
    if bool(numpy.isin(values, (0.0, 1.0)).all()):
        ones = int(values.sum())
        draws = draw_counts((ones, n - ones), resamples=resamples, seed=seed)
        return share_interval((ones, n - ones), (0,), draws=draws, confidence=confidence)
    mean, tail = float(values.mean()), (1 - confidence) / 2
    if n > RESAMPLED_MEANS:
        margin = -NormalDist().inv_cdf(tail) * float(values.std(ddof=1)) / math.sqrt(n)
        return Interval(mean, mean - margin, mean + margin)
    picked = numpy.random.default_rng(seed)
    means = [values[picked.integers(0, n, n)].mean() for _ in range(resamples)]
    low, high = numpy.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))
