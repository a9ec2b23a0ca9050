"""Gains and regressions of graded scores: ROUGE, a similarity, a judge's grade.

Source: MUSCLE (arXiv 2407.09435), section 3.2. With a score S and D(x) = S(M2(x), y) - S(M1(x), y):

    PFR = (1/N) * sum 1[D > 0]        mean gain        = (1 / (N * PFR)) * sum D * 1[D > 0]
    NFR = (1/N) * sum 1[D < 0]        mean regression  = (1 / (N * NFR)) * sum |D| * 1[D < 0]

Ties belong to neither side. A mean over no instance is None, not 0. The paper has no tolerance; with an `epsilon` above
0, which is ours, |D| <= epsilon is a tie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy

    Floats = numpy.ndarray[Any, numpy.dtype[numpy.float64]]


class Gains(NamedTuple):
    """Count gains, regressions and ties, with the means of the first two; both means are positive.

    `mean_old` and `mean_new` are the means of the scores as they are, whichever direction is better.
    """

    gained: int
    regressed: int
    tied: int
    mean_gain: float | None
    mean_regression: float | None
    mean_old: float | None
    mean_new: float | None

    @property
    def n(self) -> int:
        """Return N, the number of all instances."""
        return self.gained + self.regressed + self.tied


def differences(old: Floats, new: Floats, *, higher_is_better: bool = True) -> Floats:
    """Return D for each instance, positive where the new version is better; all arrays have the shape (N,)."""
    return new - old if higher_is_better else old - new


def compare_scores(old: Floats, new: Floats, *, epsilon: float = 0.0, higher_is_better: bool = True) -> Gains:
    """Compare finite scores of N instances; both arrays have the shape (N,) and one order."""
    found = differences(old, new, higher_is_better=higher_is_better)
    gains, regressions = found[found > epsilon], -found[found < -epsilon]
    return Gains(
        gained=len(gains),
        regressed=len(regressions),
        tied=len(found) - len(gains) - len(regressions),
        mean_gain=_mean(gains),
        mean_regression=_mean(regressions),
        mean_old=_mean(old),
        mean_new=_mean(new),
    )


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
