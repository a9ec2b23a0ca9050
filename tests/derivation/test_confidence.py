"""The confidence of verdicts on pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import calibration
from lineage.derivation.confidence import MEASURED, UNDECIDED, Calibration, of_related, of_unrelated
from lineage.derivation.numeric.relatedness import RELATED, UNCLEAR

likenesses = st.floats(-1, 1)


def test_counts_are_those_of_the_table() -> None:
    """The shipped counts are those of the committed pairs, at least 200; their likeness is rounded to the safe side."""
    pairs = calibration.read_pairs()
    found = calibration.counted(pairs)
    assert len(pairs) >= 200
    assert (found.related, found.unrelated) == (MEASURED.related, MEASURED.unrelated)
    assert RELATED < MEASURED.least_related <= found.least_related
    assert found.most_unrelated <= MEASURED.most_unrelated < UNCLEAR


def test_error_is_small_with_each_family_left_out() -> None:
    """Confidence and share of right verdicts differ by at most 0.1, also at the upper end of the interval."""
    pairs = calibration.read_pairs()
    found = calibration.errors(pairs, calibration.left_out(pairs))
    assert found["error"] <= calibration.MAX_ERROR
    assert found["interval of 95 %"][1] <= calibration.MAX_ERROR


def test_error_of_a_tool_that_is_always_sure() -> None:
    """Verdicts of which every second is wrong give an error of one half."""
    pairs = [
        calibration.Judged("a", "b", ("a", "b"), truth, "related", 0.9) for truth in (True, False) for _ in range(50)
    ]
    assert calibration.errors(pairs, [0.999] * 100)["error"] == pytest.approx(0.499)


@given(likenesses, likenesses)
def test_more_alike_is_surer(one: float, other: float) -> None:
    """More likeness never lowers the confidence that two are related, nor raises the one that they are not."""
    low, high = sorted((one, other))
    assert UNDECIDED <= of_related(low, RELATED) <= of_related(high, RELATED) <= of_related(None, RELATED) < 1
    assert UNDECIDED <= of_unrelated(high, UNCLEAR) <= of_unrelated(low, UNCLEAR) <= of_unrelated(None, UNCLEAR) < 1


@given(st.integers(0, 500), st.integers(0, 500))
def test_wrong_verdicts_lower_the_confidence(right: int, wrong: int) -> None:
    """One more wrong verdict among the counted pairs lowers the confidence."""
    less, more = (Calibration((right, right + n), (1, 1), 0.8, 0.05) for n in (wrong, wrong + 1))
    assert of_related(None, RELATED, more) < of_related(None, RELATED, less)
