"""Which stored evidence counts: that about the present head, and that from weights that are still there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.derivation.at_rest import PresentState, counting
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer

HEAD, EARLIER = "1" * 40, "2" * 40


def evidence(number: int = 0, **fields: Any) -> Evidence:
    """Make one finding about the model `c/d`."""
    given = {"rule": "card.base_model", "child": "c/d", "parent": "a/b", "supports": True, "value": "a/b"} | fields
    return Evidence(id=f"evidence.v1:{number:040x}", pointer=Pointer(model="c/d", revision=HEAD), **given)


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"child_revision": HEAD}, True),
        ({"child_revision": EARLIER}, False),
        ({"child_revision": None}, False),
        ({"rule": "weights.distance", "child_revision": HEAD}, True),
        ({"rule": "weights.distance", "weights_child": "files.v1:a"}, True),
        ({"rule": "weights.distance", "weights_child": "files.v1:a", "child_revision": EARLIER}, True),
        ({"rule": "weights.distance", "weights_child": "files.v1:gone", "child_revision": HEAD}, False),
        ({"weights_child": "files.v1:a", "weights_parent": "files.v1:replaced"}, True),
    ],
)
def test_what_counts(fields: dict[str, Any], counts: bool) -> None:
    """Evidence counts at the head at which it was found, and evidence from weights as long as they are there."""
    state = PresentState(HEAD, {"files.v1:a"})
    assert bool([*counting([evidence(**fields)], state)]) is counts


def test_a_later_reading_replaces_what_the_same_rules_found() -> None:
    """Declared evidence that the last reading of a head did not find again does not count; a measurement does."""
    old, new = evidence(1, child_revision=HEAD), evidence(2, child_revision=HEAD)
    measured = evidence(3, rule="weights.distance", weights_child="files.v1:a")
    state = PresentState(HEAD, {"files.v1:a"}, {new.id})
    assert [*counting([old, new, measured], state)] == [new, measured]
    assert [*counting([old, new], PresentState(HEAD))] == [old, new]


@given(
    st.lists(
        st.builds(
            evidence,
            st.integers(0, 9),
            rule=st.sampled_from(["card.base_model", "weights.distance"]),
            child_revision=st.sampled_from([HEAD, EARLIER, None]),
            weights_child=st.sampled_from([None, "files.v1:a", "files.v1:b"]),
        )
    )
)
def test_selecting_twice_changes_nothing(found: list[Evidence]) -> None:
    """What counts is a part of the evidence in its order, and all of it counts again."""
    state = PresentState(HEAD, {"files.v1:a"}, {"evidence.v1:" + "0" * 40})
    once = [*counting(found, state)]
    assert [*counting(once, state)] == once
    assert [each for each in found if each in once] == once
