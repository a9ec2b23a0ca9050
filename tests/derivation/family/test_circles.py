"""Cards that contradict each other: models that name each other, copies without a sign, and equal roots."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lineage.derivation.family.edges import solve
from lineage.derivation.family.members import Declared, Family, Member
from tests.support.sketches import Weights, llama, side, trained

BASE = llama(0, layers=2, width=48, vocabulary=96)
MANUAL = trained(BASE, 1, 0.06)
NOTES = trained(MANUAL, 2, 0.06)
CODE = trained(BASE, 5, 0.08)


def member(key: str, weights: Weights, *parents: str, year: int | None = None) -> Member:
    """Make a member that declares parents as a fine-tune of them."""
    date = datetime(year, 1, 1, tzinfo=UTC) if year else None
    return Member(key, side(key, weights), [Declared(parent, "finetune") for parent in parents], date, date)


def statuses(*members: Member) -> dict[tuple[str, str], str]:
    """Work out the status of each edge, by child and parent."""
    return {(edge.child, edge.parent): edge.status for edge in solve(Family.of(members))[0]}


def test_of_two_models_that_name_each_other_the_root_is_the_parent() -> None:
    """The model that others name too is the root although its own card names its child."""
    found = statuses(member("base", BASE, "manual"), member("manual", MANUAL, "base"), member("code", CODE, "base"))
    assert found == {
        ("base", "manual"): "contradicted", ("manual", "base"): "confirmed", ("code", "base"): "confirmed",
    }  # fmt: skip


def test_two_models_that_name_each_other_below_a_root() -> None:
    """The one nearer to the root of the family is the parent."""
    found = statuses(
        member("base", BASE), member("code", CODE, "base"), member("manual", MANUAL, "notes"),
        member("notes", NOTES, "manual"),
    )  # fmt: skip
    assert found["notes", "manual"] == "confirmed"
    assert found["manual", "notes"] == "contradicted"
    assert found["manual", "base"] == "inferred"


def test_without_a_root_neither_of_two_models_that_name_each_other_is_confirmed() -> None:
    """Nothing tells which card is wrong: both edges stay declared."""
    found = statuses(member("base", BASE, "manual"), member("manual", MANUAL, "base"))
    assert found == {("base", "manual"): "declared", ("manual", "base"): "declared"}


def test_a_longer_circle_of_cards_confirms_nothing() -> None:
    """Three models that name each other in a circle: one of the cards is wrong."""
    found = statuses(member("base", BASE, "manual"), member("manual", MANUAL, "notes"), member("notes", NOTES, "base"))
    assert set(found.values()) == {"declared"}


def test_dates_decide_between_two_models_that_name_each_other() -> None:
    """The older one is the parent, and its own card is denied."""
    found = statuses(member("base", BASE, "manual", year=2020), member("manual", MANUAL, "base", year=2021))
    assert found == {("base", "manual"): "contradicted", ("manual", "base"): "confirmed"}


def test_equal_weights_without_a_sign_have_no_original() -> None:
    """Two silent copies are related: a key that comes first in the alphabet does not make an original."""
    edges, related = solve(Family.of([member("one", BASE), member("two", BASE)]))
    assert edges == []
    assert [(each.model, each.other, each.kind) for each in related] == [("one", "two", "direction_unknown")]


def test_the_older_of_equal_weights_is_the_original() -> None:
    """Where both have dates, the younger one is a copy; where one has none, nothing is known."""
    assert statuses(member("one", BASE, year=2021), member("two", BASE, year=2020)) == {("one", "two"): "inferred"}
    assert statuses(member("one", BASE, year=2021), member("two", BASE)) == {}


def test_copies_that_name_each_other() -> None:
    """The one that a third model names is the original, and its own card is denied."""
    found = statuses(member("base", BASE, "copy"), member("copy", BASE, "base"), member("manual", MANUAL, "base"))
    assert found["copy", "base"] == "confirmed"
    assert found["base", "copy"] == "contradicted"
    assert set(statuses(member("base", BASE, "copy"), member("copy", BASE, "base")).values()) == {"declared"}


@pytest.mark.parametrize("turned", [False, True])
def test_equal_roots_are_not_put_below_each_other(turned: bool) -> None:
    """Two fine-tunes of an absent base, each named by its own child: which is nearer to the base is not known."""
    one, two = ("two", "one") if turned else ("one", "two")
    found = statuses(
        member(one, MANUAL), member(two, CODE), member("of-one", trained(MANUAL, 8, 0.05), one),
        member("of-two", trained(CODE, 9, 0.05), two),
    )  # fmt: skip
    assert found == {("of-one", one): "confirmed", ("of-two", two): "confirmed"}


def test_a_card_that_names_its_own_model_says_nothing() -> None:
    """A model that names itself is still the root that others name."""
    itself = replace(member("base", BASE), declares=[Declared("base", "finetune")])
    assert statuses(itself, member("manual", MANUAL, "base")) == {("manual", "base"): "confirmed"}
