"""Negative flips and the other rates follow the paper's formulas."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.compat.quadrants import (
    Quadrants,
    btc,
    change_of_nfr,
    count_quadrants,
    nfr,
    nfr_mc,
    pfr,
    unobserved,
)

ANSWERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), max_size=60)
"""Old answer, new answer and the right answer of each instance, of four choices."""


def counted(rows: list[tuple[int, int, int]]) -> Quadrants:
    """Count the quadrants of answers."""
    old, new, right = (numpy.array([row[i] for row in rows], dtype=numpy.int64) for i in range(3))
    return count_quadrants(old == right, new == right, old != new)


def test_a_made_case_has_the_rates_that_are_counted_by_hand() -> None:
    """Ten instances: 4 both right, 2 gained, 3 both wrong of which 2 changed, 1 lost."""
    rows = [(0, 0, 0)] * 4 + [(1, 0, 0)] * 2 + [(1, 1, 0), (1, 2, 0), (2, 3, 0)] + [(0, 1, 0)]
    found = counted(rows)
    assert found == Quadrants(4, 2, 3, 1, 0, 2)
    assert (nfr(found), pfr(found), nfr_mc(found), unobserved(found), btc(found)) == (0.1, 0.2, 0.3, 0.2, 0.8)


def test_different_right_answers_are_counted_and_change_no_rate() -> None:
    """With several right answers, two different right ones are counted beside the rates."""
    right = numpy.array([True, True])
    found = count_quadrants(right, right, numpy.array([True, False]))
    assert (found.both_right_differ, nfr(found), nfr_mc(found)) == (1, 0.0, 0.0)


@given(ANSWERS)
def test_the_rates_are_the_formulas(rows: list[tuple[int, int, int]]) -> None:
    """Every rate is the sum that the paper writes, and accuracy changes by PFR - NFR."""
    found, n = counted(rows), len(rows)
    if not n:
        assert [rate(found) for rate in (nfr, pfr, nfr_mc, unobserved, btc)] == [None] * 5
        return
    old_right = sum(old == right for old, _, right in rows)
    new_right = sum(new == right for _, new, right in rows)
    flips = sum(old == right != new for old, new, right in rows)
    assert nfr(found) == flips / n
    assert pfr(found) == sum(new == right != old for old, new, right in rows) / n
    assert nfr_mc(found) == sum(new not in (right, old) for old, new, right in rows) / n
    assert new_right / n - old_right / n == pytest.approx((pfr(found) or 0) - (nfr(found) or 0))
    assert (nfr_mc(found) or 0) == pytest.approx((nfr(found) or 0) + (unobserved(found) or 0))
    if old_right:
        assert nfr(found) == pytest.approx(old_right / n * (1 - (btc(found) or 0)))
    else:
        assert btc(found) is None


@given(ANSWERS)
def test_a_perfect_new_version_has_no_negative_flip(rows: list[tuple[int, int, int]]) -> None:
    """If every new answer is right, NFR and NFRmc are 0."""
    found = counted([(old, right, right) for old, _, right in rows])
    assert (found.lost, found.inconsistent) == (0, 0)


def test_an_unknown_answer_matters_only_where_both_are_wrong() -> None:
    """NFRmc is unknown if an answer of the third quadrant is, and not for one of another quadrant."""
    old, new = numpy.array([True, False, False]), numpy.array([False, False, True])
    differ = numpy.array([True, True, True])
    first, second = numpy.array([False, True, True]), numpy.array([True, False, True])
    assert nfr_mc(count_quadrants(old, new, differ, first)) == 2 / 3
    assert nfr_mc(count_quadrants(old, new, differ, second)) is None
    assert nfr_mc(count_quadrants(old, new)) is None


TABLES = [
    # task, pair, old, new, NFR, deltaNFRc, delta%NFRc: MUSCLE, tables 4 to 6, in percent
    ("HellaSwag", "Llama 1->2", 72.74, 72.91, 10.27, -4.17, -40.60),
    ("HellaSwag", "Phi 1.5->2", 69.76, 78.02, 3.09, 0.24, 7.77),
    ("HellaSwag", "Phi 1->1.5", 32.38, 69.76, 2.47, -0.13, -5.26),
    ("HellaSwag", "Vicuna 1.3->1.5", 72.19, 71.54, 10.48, -4.06, -38.74),
    ("PIQA", "Llama 1->2", 74.86, 74.76, 11.59, -3.97, -34.25),
    ("PIQA", "Phi 1.5->2", 74.65, 78.78, 6.20, -0.11, -1.77),
    ("PIQA", "Phi 1->1.5", 59.03, 74.65, 7.78, -0.05, -0.64),
    ("PIQA", "Vicuna 1.3->1.5", 74.70, 75.52, 9.90, -2.88, -29.09),
    ("GSM8K", "Llama 1->2", 24.45, 33.09, 8.49, -0.91, -10.72),
    ("GSM8K", "Phi 1.5->2", 30.02, 48.18, 5.88, -1.71, -29.08),
    ("GSM8K", "Phi 1->1.5", 3.41, 30.02, 2.01, -0.04, -1.99),
    ("GSM8K", "Vicuna 1.3->1.5", 26.72, 29.91, 11.60, -0.99, -8.53),
    ("SAMSum", "Llama 1->2", 32.06, 32.28, 48.96, -7.81, -15.95),
    ("SAMSum", "Phi 1.5->2", 37.53, 36.15, 54.70, -15.02, -27.46),
    ("SAMSum", "Phi 1->1.5", 30.92, 37.53, 32.60, -5.74, -17.61),
    ("SAMSum", "Vicuna 1.3->1.5", 30.32, 30.88, 49.69, -10.98, -22.10),
]


@pytest.mark.parametrize(("task", "pair", "old", "new", "flips", "delta", "percent"), TABLES)
def test_the_derived_columns_of_the_papers_tables_come_out(
    task: str, pair: str, old: float, new: float, flips: float, delta: float, percent: float
) -> None:
    """delta%NFRc of each printed row follows from its NFR and deltaNFRc, up to the rounding of the two."""
    found, relative = change_of_nfr(flips / 100, (flips + delta) / 100)
    assert found == pytest.approx(delta / 100)
    assert relative == pytest.approx(percent, abs=100 * 0.01 / flips)
    if task != "SAMSum":
        assert (new - old) / 100 + flips / 100 >= 0, "PFR = acc_new - acc_old + NFR is a rate"


def test_a_relative_change_of_no_flips_is_undefined() -> None:
    """delta%NFRc of an NFR of 0 is null, and both are null if a rate is."""
    assert change_of_nfr(0.0, 0.1) == (0.1, None)
    assert change_of_nfr(None, 0.1) == (None, None)
