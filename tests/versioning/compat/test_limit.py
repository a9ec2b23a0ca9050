"""A rate is judged by the lower bound of its interval, and what is missing can leave it unjudged."""

from __future__ import annotations

from lineage.versioning.compat.intervals import Interval
from lineage.versioning.compat.limit import DEFAULT_LIMIT, judge, missing_decide, overall


def test_a_rate_is_above_if_its_lower_bound_is() -> None:
    """A value above the limit is within it as long as chance explains it."""
    assert judge(Interval(0.2, 0.16, 0.27), DEFAULT_LIMIT) == "above"
    assert judge(Interval(0.03, 0.01, 0.06), DEFAULT_LIMIT) == "within"
    assert judge(Interval(0.03, 0.02, 0.06), 0.02) == "within"
    assert judge(None, 0.02) == judge(Interval(0.2, 0.1, 0.3), None) == "unjudged"


def test_missing_instances_decide_if_they_could_put_the_rate_above() -> None:
    """Ten missing of a hundred could hide a rate above 2 %, one could not, and none decides nothing."""
    assert missing_decide(0, 90, 10, 0.02)
    assert not missing_decide(0, 99, 1, 0.02)
    assert not missing_decide(50, 100, 0, 0.02)


def test_one_task_above_decides_and_one_unjudged_leaves_it_open() -> None:
    """Above wins over unjudged, and unjudged over within; no task is unjudged."""
    assert overall(["within", "unjudged", "above"]) == "above"
    assert overall(["within", "unjudged"]) == "unjudged"
    assert overall(["within", "within"]) == "within"
    assert overall([]) == "unjudged"
