"""Gains and regressions of graded scores follow the paper's formulas."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.compat.graded import compare_scores

SCORES = st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=50)


def test_a_made_case_has_the_means_that_are_counted_by_hand() -> None:
    """Two gains of 0.5 and 0.25, one regression of 1, one tie."""
    old, new = numpy.array([0.0, 0.5, 1.0, 0.25]), numpy.array([0.5, 0.75, 0.0, 0.25])
    found = compare_scores(old, new)
    assert (found.gained, found.regressed, found.tied) == (2, 1, 1)
    assert (found.mean_gain, found.mean_regression) == (0.375, 1.0)
    assert (found.mean_old, found.mean_new) == (0.4375, 0.375)


def test_means_over_nothing_are_undefined() -> None:
    """Without a gain or a regression its mean is None, not 0."""
    scores = numpy.array([0.5, 0.5])
    found = compare_scores(scores, scores)
    assert (found.mean_gain, found.mean_regression, found.tied) == (None, None, 2)
    assert compare_scores(scores[:0], scores[:0]).mean_old is None


def test_a_change_up_to_epsilon_is_a_tie() -> None:
    """The tolerance is inclusive on both sides, and 0 is the paper's value."""
    old, new = numpy.array([0.0, 0.0, 0.0]), numpy.array([0.25, -0.25, 0.5])
    assert compare_scores(old, new).tied == 0
    found = compare_scores(old, new, epsilon=0.25)
    assert (found.gained, found.regressed, found.tied) == (1, 0, 2)


@given(SCORES)
def test_turning_the_direction_swaps_gains_and_regressions(rows: list[tuple[float, float]]) -> None:
    """Where lower is better, gains are what regressions were; both means stay positive."""
    old, new = numpy.array([row[0] for row in rows]), numpy.array([row[1] for row in rows])
    up, down = compare_scores(old, new), compare_scores(old, new, higher_is_better=False)
    assert (up.gained, up.regressed, up.mean_gain) == (down.regressed, down.gained, down.mean_regression)
    assert all(mean is None or mean > 0 for mean in (up.mean_gain, up.mean_regression))


@given(SCORES)
def test_the_mean_changes_by_gains_minus_regressions(rows: list[tuple[float, float]]) -> None:
    """The change of the mean is PFR * mean gain - NFR * mean regression."""
    old, new = numpy.array([row[0] for row in rows]), numpy.array([row[1] for row in rows])
    found = compare_scores(old, new)
    gains = found.gained * (found.mean_gain or 0) - found.regressed * (found.mean_regression or 0)
    assert gains / found.n == pytest.approx((found.mean_new or 0) - (found.mean_old or 0), abs=1e-9)
