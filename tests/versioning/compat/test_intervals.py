"""Confidence intervals: reproducible, exact at the ends, and those of a resampling of instances."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.versioning.compat.intervals import (
    RESAMPLED_MEANS,
    draw_counts,
    exact_at_an_end,
    mean_interval,
    share_interval,
)

KNOWN = [
    # of n, confidence, upper bound of 0 of n: printed tables of the Clopper-Pearson interval
    (10, 0.95, 0.3085),
    (20, 0.95, 0.1684),
    (50, 0.95, 0.0711),
    (100, 0.95, 0.0362),
    (10, 0.99, 0.4113),
]


@pytest.mark.parametrize(("n", "confidence", "bound"), KNOWN)
def test_no_event_has_the_known_exact_bound(n: int, confidence: float, bound: float) -> None:
    """0 of n is not [0, 0]: the bound is that of printed tables; n of n is its mirror."""
    none, all_of_them = exact_at_an_end(0, n, confidence), exact_at_an_end(n, n, confidence)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(bound, abs=5e-5)
    assert (all_of_them.value, all_of_them.high) == (1.0, 1.0)
    assert all_of_them.low == pytest.approx(1 - bound, abs=5e-5)
    assert share_interval([0, n], [0], confidence=confidence) == none


def test_drawing_counts_is_resampling_instances() -> None:
    """The interval of a share is that of a bootstrap which draws the instances one by one."""
    counts = [30, 12, 58]
    found = share_interval(counts, [0], [0, 1], draws=draw_counts(counts, seed=3))
    cells = numpy.repeat([0, 1, 2], counts)
    drawn = numpy.random.default_rng(8).choice(cells, size=(10_000, len(cells)))
    shares = (drawn == 0).sum(axis=1) / (drawn < 2).sum(axis=1)
    low, high = numpy.quantile(shares, [0.025, 0.975])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((float(low), float(high)), abs=0.01)


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), min_size=2, max_size=5), st.integers(0, 5), st.floats(0.5, 0.99))
def test_an_interval_holds_its_value(counts: list[int], seed: int, confidence: float) -> None:
    """low <= value <= high, inside 0 and 1; no instances have no interval."""
    draws = draw_counts(counts, resamples=400, seed=seed)
    found = share_interval(counts, [0], draws=draws, confidence=confidence)
    if not sum(counts):
        assert found is None
        return
    assert found is not None
    slack = 2 / sum(counts)  # a percentile of few instances jumps by one of them
    assert 0 <= found.low <= found.value + slack
    assert found.value - slack <= found.high <= 1


def test_a_seed_gives_the_same_interval() -> None:
    """The same counts and seed give the same bounds, another seed others."""
    counts = [45, 165]
    first, again, other = (
        share_interval(counts, [0], draws=draw_counts(counts, seed=seed, resamples=500)) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_a_share_of_rarely_drawn_cells_ignores_resamples_without_them() -> None:
    """A ratio is undefined in a resample without its denominator; such resamples do not count."""
    counts = [1, 1, 500]
    found = share_interval(counts, [0], [0, 1], draws=draw_counts(counts, resamples=2000))
    assert found is not None
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_means_of_few_and_of_many_values_agree() -> None:
    """The bootstrap of few values and the normal approximation of many give nearly the same bounds."""
    values = numpy.random.default_rng(5).gamma(2.0, size=RESAMPLED_MEANS)
    few, many = mean_interval(values, resamples=4000), mean_interval(numpy.append(values, values.mean()))
    assert few is not None
    assert many is not None
    assert (few.low, few.high) == pytest.approx((many.low, many.high), abs=0.02)
    assert mean_interval(values[:0]) is None


def test_the_mean_of_right_and_wrong_is_a_share() -> None:
    """Scores that are all 0 have the exact bound."""
    assert mean_interval(numpy.zeros(20)) == exact_at_an_end(0, 20)
