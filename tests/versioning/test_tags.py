"""Where tags were first recorded, whatever the order in which readings were written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lineage.store.merging import merged
from lineage.versioning.signals import tags_by_commit
from lineage.versioning.tags import FirstTarget, first_target, first_targets, other_targets, with_first_targets
from lineage_schemas.ref import FormerTarget, Ref
from tests.support.lines import HistoryBuilder

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

READING = st.tuples(st.integers(0, 3), st.sampled_from("abc"))
"""Hours after noon, and the commit at which a reading saw the tag."""


def tag(target: str, since: datetime | None = None, *former: FormerTarget, vanished: bool = False) -> Ref:
    """Make a recorded tag."""
    return Ref(
        key="org/name@refs/tags/v1", model="org/name", name="refs/tags/v1", kind="tag", target=target, since=since,
        former=former, vanished=vanished,
    )  # fmt: skip


def written(readings: list[tuple[int, str]]) -> Ref:
    """Write one reading after the other to a store, and read the tag back."""
    rows = [tag(target, NOON + timedelta(hours=hours)).model_dump(mode="json") for hours, target in readings]
    return Ref.model_validate(reduce(_merged, rows))


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return dict(merged("Ref", old, new))


@given(readings=st.lists(READING, min_size=1, max_size=6), data=st.data())
def test_the_order_of_writing_does_not_matter(readings: list[tuple[int, str]], data: st.DataObject) -> None:
    """The first target is that of the earliest reading, of equal dates the smaller commit, in every order."""
    found = written(data.draw(st.permutations(readings)))
    hours, target = min(readings)
    assert first_target(found) == FirstTarget(target, NOON + timedelta(hours=hours))
    commits = {commit for _, commit in readings}
    assert {each.target for each in other_targets(found)} == commits - {found.target}


def test_a_reading_without_a_date_is_the_oldest() -> None:
    """What the first version of a store recorded counts before every dated reading."""
    found = tag("b", NOON, FormerTarget(target="a"), FormerTarget(target="c", first_read=NOON - timedelta(days=9)))
    assert first_target(found).commit == "a"
    assert [each.target for each in other_targets(found)] == ["a", "c"]
    assert first_target(tag("b", None, FormerTarget(target="z"))).commit == "z"


def test_tags_are_put_where_they_were_first_recorded() -> None:
    """A history with first targets keeps its branches and unknown tags; one without moved tags is the same."""
    line = HistoryBuilder()
    line.commit(0, {"model.safetensors": "a"})
    line.commit(48, {"model.safetensors": "b"}, tag="v1")
    line.commit(96, {"model.safetensors": "c"}, tag="v2")
    history = line.history()
    first, second, third = (commit.id for commit in history.commits)
    known = first_targets([tag(second, NOON, FormerTarget(target=first))])
    assert tags_by_commit(with_first_targets(history, known)) == {first: ["v1"], third: ["v2"]}
    assert with_first_targets(history, {}) is history
    gone = first_targets([tag(second, NOON, FormerTarget(target="f" * 40))])
    assert tags_by_commit(with_first_targets(history, gone)) == {"f" * 40: ["v1"], third: ["v2"]}
