"""How two writes of one record are merged: in any order the same, and nothing that must be kept is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.store.merging import merged
from lineage_schemas.model import FirstFacts
from lineage_schemas.ref import FormerTarget, Ref
from tests.support.graphs import model

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

days = st.integers(0, 3).map(lambda number: NOON + timedelta(days=number))
targets = st.sampled_from(["a", "b", "c"])
former = st.builds(FormerTarget, target=targets, first_read=st.none() | days, last_read=st.none() | days)


def _ref(target: str, since: datetime | None, others: list[FormerTarget], **fields: Any) -> dict[str, Any]:
    one_each = {each.target: each for each in others}
    kept = tuple(one_each[name] for name in sorted(one_each))
    ref = Ref(key="m@t", model="m", name="t", kind="tag", target=target, since=since, former=kept, **fields)
    return ref.model_dump(mode="json", exclude={"key"})


dated = st.builds(_ref, targets, days, st.lists(former, max_size=3))
any_ref = st.builds(_ref, targets, st.none() | days, st.lists(former, max_size=3))


def together(rows: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Merge refs in the order in which they are written."""
    return reduce(lambda old, new: merged("Ref", old, new), rows)


@given(st.lists(dated, min_size=2, max_size=4))
def test_dated_refs_merge_the_same_in_any_order(rows: list[dict[str, Any]]) -> None:
    """Of readings with dates the order of writes makes no difference, and writing one again changes nothing."""
    found = together(tuple(rows))
    assert all(together(order) == found for order in permutations(rows))
    assert all(merged("Ref", found, row) == found for row in rows)


@pytest.mark.slow
@given(any_ref, any_ref)
def test_a_merge_of_refs_loses_no_target_and_no_date(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Every target of both refs is in the result, and their earliest and latest dates too."""
    found = merged("Ref", old, new)
    kept = {found["target"], *(each["target"] for each in found["former"])}
    assert kept == {row["target"] for row in (old, new)} | {e["target"] for row in (old, new) for e in row["former"]}
    for each in (*old["former"], *new["former"]):
        [same] = [entry for entry in found["former"] if entry["target"] == each["target"]]
        assert each["first_read"] is None or same["first_read"] <= each["first_read"]
        assert each["last_read"] is None or same["last_read"] >= each["last_read"]
    for row in (old, new):
        assert row["target"] in [e["target"] for e in found["former"]] or row["since"] in (found["since"], None)


@pytest.mark.slow
@given(any_ref, any_ref)
def test_a_merged_ref_is_stable(old: dict[str, Any], new: dict[str, Any]) -> None:
    """What was merged once stays as it is when it is merged again."""
    found = merged("Ref", old, new)
    assert merged("Ref", old, found) == merged("Ref", found, found) == found


@pytest.mark.parametrize(
    ("old", "new", "target", "since", "left"),
    [
        (("a", 0), ("b", 1), "b", 1, {"a": (0, 0)}),
        (("b", 1), ("a", 0), "b", 1, {"a": (0, 0)}),
        (("a", 1), ("b", 1), "b", 1, {"a": (1, 1)}),
        (("a", None), ("b", 1), "b", 1, {"a": (None, None)}),
        (("b", 1), ("a", None), "a", None, {"b": (1, 1)}),
        (("a", None), ("a", 1), "a", 1, {}),
        (("a", 1), ("a", None), "a", 1, {}),
        (("a", 0), ("a", 2), "a", 2, {"a": (0, 0)}),
    ],
)
def test_what_becomes_of_two_readings_of_a_ref(
    old: tuple[str, int | None], new: tuple[str, int | None], target: str, since: int | None, left: dict[str, Any]
) -> None:
    """The later reading counts; without both dates the written one does, and the other target becomes a former one."""

    def day(number: int | None) -> datetime | None:
        return None if number is None else NOON + timedelta(days=number)

    rows = [_ref(name, day(number), []) for name, number in (old, new)]
    found = merged("Ref", *rows)
    expected = [FormerTarget(target=name, first_read=day(a), last_read=day(b)) for name, (a, b) in left.items()]
    assert (found["target"], found["since"]) == (target, rows[0 if (target, since) == old else 1]["since"])
    assert found["former"] == [each.model_dump(mode="json") for each in expected]


def test_the_later_reading_gives_the_other_fields() -> None:
    """A reading that is written again with a mark or as vanished replaces the one of the same date."""
    found = merged("Ref", _ref("a", NOON, [], checked=None), _ref("a", NOON, [], checked="a", vanished=True))
    assert (found["checked"], found["vanished"], found["former"]) == ("a", True, [])


facts = st.builds(
    FirstFacts, created=st.none() | days, owner=st.none() | targets, root_commit=st.none() | targets, observed_at=days
)


@given(facts, facts)
def test_the_first_facts_are_those_of_the_earlier_observation(one: FirstFacts, other: FirstFacts) -> None:
    """Whichever is written first, values of the earlier observation stay, and the later one fills what is null."""
    if one.observed_at == other.observed_at:
        return
    rows = [model("a/b", first=each).model_dump(mode="json", exclude={"key"}) for each in (one, other)]
    found, again = merged("Model", *rows)["first"], merged("Model", *reversed(rows))["first"]
    earlier, later = sorted((one, other), key=lambda each: each.observed_at or NOON)
    assert found == again
    assert FirstFacts.model_validate(found) == FirstFacts(
        created=earlier.created or later.created, owner=earlier.owner or later.owner,
        root_commit=earlier.root_commit or later.root_commit, observed_at=earlier.observed_at,
    )  # fmt: skip


def test_a_category_is_not_erased_by_a_reading_that_did_not_classify() -> None:
    """A revision that is read again keeps its category, until another one is given."""
    assert merged("Revision", {"category": "Training"}, {"category": None}) == {"category": "Training"}
    assert merged("Revision", {"category": "Training"}, {"category": "Other"}) == {"category": "Other"}


@pytest.mark.parametrize("kind", ["Model", "Ref", "Revision"])
def test_a_row_that_lacks_new_fields_stays_as_it_is(kind: Any) -> None:
    """A row of a store that never had the fields is copied unchanged."""
    row = {"aliases": [], "observations": {}, "target": "a"}
    assert merged(kind, row, row) == row
