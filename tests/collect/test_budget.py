"""How deep one model's weights are read, and what that leaves for the next group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.collect.budget import ReadBudget
from lineage_schemas.level import LEVELS, Level, is_deeper

sizes = st.lists(st.none() | st.integers(0, 1_000))


@given(asked=st.sampled_from(LEVELS), is_local=st.booleans(), groups=sizes)
def test_what_was_asked_for_is_read_whatever_it_costs(asked: Level, is_local: bool, groups: list[int | None]) -> None:
    """A level that was asked for is the level of every group, on every Hub."""
    budget = ReadBudget(is_local, asked, left=100)
    for size in groups:
        assert budget.level_for(size) == budget.least == asked
        budget.spend(size or 0)


@given(groups=sizes)
def test_a_local_hub_is_read_in_full(groups: list[int | None]) -> None:
    """Bytes on this machine cost nothing: nothing is left out, and nothing is used up."""
    budget = ReadBudget(is_local=True, left=100)
    for size in groups:
        assert budget.level_for(size) == "full"
        budget.spend(size or 0)
    assert budget.left == 100


@given(groups=sizes, left=st.integers(0, 3_000))
def test_full_readings_of_a_remote_model_stay_within_its_budget(groups: list[int | None], left: int) -> None:
    """The groups that are read in full never cost more than the budget; all others are read by their headers."""
    budget = ReadBudget(is_local=False, left=left)
    full = 0
    for size in groups:
        level = budget.level_for(size)
        assert level == ("full" if size is not None and full + size <= left else "header")
        if level == "full":
            full += size or 0
            budget.spend(size or 0)
    assert full == left - budget.left <= left


@pytest.mark.parametrize("level", LEVELS)
def test_levels_have_one_order(level: Level) -> None:
    """Every level is deeper than none and than those before it, and not deeper than itself."""
    place = LEVELS.index(level)
    assert is_deeper(level, None)
    assert [is_deeper(level, other) for other in LEVELS] == [index < place for index in range(len(LEVELS))]
