"""Comparisons of weights that a run has made, each of them once."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.derivation.numeric.differences import spread_distance
from lineage.derivation.numeric.mixtures import Fit, adapter_applied, fitted
from lineage.derivation.numeric.relatedness import median_cosine
from lineage.derivation.pair import Pair, compare_pair
from lineage.derivation.side import Finding, Side

MAX_PAIRS = 20_000
"""Pairs that are kept: about 30 MB, and those of two hundred models with each other."""


def content_key(side: Side) -> str:
    """Return what identifies the weights of a side: the digest of their files, else its name."""
    return side.digests.files or side.name


class Measurements:
    """Compare weights, and keep what was found by content: a family is worked out anew with each model that joins it.

    One comparison of two sampled models takes 10 to 30 ms, and a family of 30 models has 435 pairs.
    """

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], Pair] = {}
        self._alike: dict[tuple[str, str], bool] = {}
        self._distances: dict[tuple[str, str], float | None] = {}
        self._fits: dict[tuple[str, ...], Fit | None] = {}
        self._applied: dict[tuple[str, str, str], Finding] = {}

    def pair(self, a: Side, b: Side) -> Pair:
        """Compare two sides, as if `a` had been named first."""
        key, turned = self._ordered(a, b)
        if key not in self._pairs:
            self._make_room()
            self._pairs[key] = compare_pair(b, a) if turned else compare_pair(a, b)
        return self._pairs[key].turned if turned else self._pairs[key]

    def alike(self, a: Side, b: Side) -> bool:
        """Return whether the values at the same places are alike: one rule of a comparison, for many candidates."""
        key, _ = self._ordered(a, b)
        if key not in self._alike:
            import numpy

            with numpy.errstate(all="ignore"):  # damaged values are no error here
                self._alike[key] = median_cosine(a, b).outcome == "for"
        return self._alike[key]

    def distance(self, a: Side, b: Side) -> float | None:
        """Return how far two sides are from each other; None where they have no strips in common."""
        key, _ = self._ordered(a, b)
        if key not in self._distances:
            self._distances[key] = spread_distance(a, b)
        return self._distances[key]

    def fit(self, child: Side, parents: Sequence[Side]) -> Fit | None:
        """Fit a side as a combination of others, whose order makes no difference; None where values are missing."""
        order = sorted(range(len(parents)), key=lambda index: content_key(parents[index]))
        key = (content_key(child), *(content_key(parents[index]) for index in order))
        if key not in self._fits:
            self._fits[key] = fitted(child, [parents[index] for index in order])
        fit = self._fits[key]
        if fit is None:
            return None
        shares = dict(zip(order, fit.shares, strict=True))
        return fit._replace(shares=tuple(shares[index] for index in range(len(parents))))

    def applied(self, merged: Side, base: Side, adapter: Side) -> Finding:
        """Add an adapter to a base, and compare that with a side."""
        key = (content_key(merged), content_key(base), content_key(adapter))
        if key not in self._applied:
            self._applied[key] = adapter_applied(merged, base, adapter)
        return self._applied[key]

    def _ordered(self, a: Side, b: Side) -> tuple[tuple[str, str], bool]:
        """Return the key of a pair, and whether the sides are exchanged in it."""
        first, second = content_key(a), content_key(b)
        return ((first, second), False) if first <= second else ((second, first), True)

    def _make_room(self) -> None:
        """Forget everything where there are too many pairs: a run that compares so many goes on to other families."""
        if len(self._pairs) >= MAX_PAIRS:
            for kept in (self._pairs, self._alike, self._distances, self._fits, self._applied):
                kept.clear()
