"""The edges of a family: parents without a card, false cards, siblings, grandparents, merges, copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.derivation.family.edges import solve
from lineage.derivation.family.members import Declared, Edge, Family, Member
from lineage.derivation.numeric.precision import round_to
from lineage.fingerprint.values.source import AdapterScale
from tests.derivation.test_pair import low_rank
from tests.support.sketches import llama, side, trained

if TYPE_CHECKING:
    from tests.support.sketches import Floats

BASE = llama(0)
MANUAL = trained(BASE, 1, 0.06)
NOTES = trained(MANUAL, 2, 0.04)
PYTHON = trained(BASE, 3, 0.3)
OTHER = llama(1)


def member(
    key: str, weights: dict[str, Floats], *parents: str, relation: str | None = "finetune", **how: object
) -> Member:
    """Make a member that declares parents with one relation."""
    declares = [Declared(parent, relation) for parent in parents]  # type: ignore[arg-type]
    return Member(key, side(key, weights, **how), declares)  # type: ignore[arg-type]


def edges(*members: Member) -> dict[tuple[str, str], Edge]:
    """Work out the edges of a family, by child and parent."""
    return {(edge.child, edge.parent): edge for edge in solve(Family.of(members))[0]}


def statuses(found: dict[tuple[str, str], Edge]) -> dict[tuple[str, str], str]:
    """Return the status of each edge."""
    return {pair: edge.status for pair, edge in found.items()}


def test_a_true_card_is_confirmed_and_a_silent_model_is_inferred() -> None:
    """The nearest model on the way to the root is the parent, with a card or without."""
    found = edges(member("base", BASE), member("manual", MANUAL, "base"), member("python", PYTHON))
    assert statuses(found) == {("manual", "base"): "confirmed", ("python", "base"): "inferred"}
    assert (found["python", "base"].confidence or 1) <= 0.7


def test_a_grandparent_on_the_card_is_indirect() -> None:
    """The model between them is found, and the card's one is an ancestor all the same."""
    found = edges(member("base", BASE), member("manual", MANUAL, "base"), member("notes", NOTES, "base"))
    assert statuses(found) == {
        ("manual", "base"): "confirmed", ("notes", "manual"): "inferred", ("notes", "base"): "indirect",
    }  # fmt: skip


def test_a_sibling_on_the_card_is_contradicted() -> None:
    """A relative that is no ancestor is denied, and the true parent found."""
    found = edges(member("base", BASE), member("manual", MANUAL, "base"), member("python", PYTHON, "manual"),
                  member("code", trained(BASE, 9, 0.1), "base"))  # fmt: skip
    other = edges(
        member("base", BASE), member("manual", trained(BASE, 1, 0.3), "base"), member("python", PYTHON, "manual")
    )
    assert statuses(other)["python", "manual"] == "contradicted"
    assert statuses(other)["python", "base"] == "inferred"
    assert statuses(found)["manual", "base"] == "confirmed"


def test_a_child_on_the_card_is_contradicted() -> None:
    """Of two models that name each other the one nearer to the root is the parent."""
    found = edges(member("base", BASE), member("manual", MANUAL, "notes"), member("notes", NOTES, "manual"),
                  member("python", PYTHON, "base"))  # fmt: skip
    assert statuses(found)["manual", "notes"] == "contradicted"
    assert statuses(found)["notes", "manual"] == "confirmed"


@pytest.mark.parametrize(("relation", "status"), [("finetune", "contradicted"), (None, "declared")])
def test_a_stranger_on_the_card(relation: str | None, status: str) -> None:
    """Without a relation unrelated weights leave distillation possible."""
    found = edges(
        member("base", BASE), member("other", OTHER, "base", relation=relation), member("manual", MANUAL, "base")
    )
    assert statuses(found)["other", "base"] == status
    assert [pair for pair in found if pair[0] == "other"] == [("other", "base")]


def test_relatives_without_a_root_are_no_parents() -> None:
    """Two fine-tunes of a model that is not there are related, and no edge joins them."""
    found, related = solve(Family.of([member("one", MANUAL), member("two", trained(BASE, 5, 0.06))]))
    assert found == []
    assert [(each.model, each.other, each.kind) for each in related] == [("one", "two", "direction_unknown")]


def test_relatives_of_a_known_root() -> None:
    """A model is not listed beside its grandparent, and with a common ancestor two others are siblings."""
    _, related = solve(
        Family.of([member("base", BASE), member("manual", MANUAL, "base"), member("notes", NOTES, "manual"),
                   member("python", PYTHON, "base")])
    )  # fmt: skip
    assert {(each.model, each.other): each.kind for each in related} == {
        ("manual", "python"): "sibling", ("notes", "python"): "sibling",
    }  # fmt: skip


def test_siblings_of_an_absent_parent_are_not_each_others_parent() -> None:
    """Their way to the root over each other is too long for a line of descent."""
    absent = trained(BASE, 1, 0.1)
    found = edges(member("base", BASE), member("one", trained(absent, 2, 0.1)), member("two", trained(absent, 3, 0.12)),
                  member("named", trained(BASE, 8, 0.02), "base"))  # fmt: skip
    assert ("two", "one") not in found
    assert ("one", "two") not in found


def test_a_copy_comes_from_the_one_that_others_name() -> None:
    """Of equal weights the original is what others name as their parent; the other one is its copy."""
    found = edges(member("base", BASE), member("copy", BASE), member("manual", MANUAL, "base"))
    assert found["copy", "base"].method == "duplicate" or found["copy", "base"].method == "resharded"
    assert ("base", "copy") not in found


def test_a_cast_and_what_was_trained_from_it() -> None:
    """A cast comes from the wider model; of two near twins the declared one is the parent."""
    cast = {name: round_to(each, "BF16") for name, each in BASE.items()}
    tuned = {name: round_to(each, "BF16") for name, each in trained(cast, 4, 0.05).items()}
    found = edges(
        member("base", BASE), member("cast", cast, dtype="BF16"),
        member("tuned", tuned, "cast", dtype="BF16"), member("manual", MANUAL, "base"),
    )  # fmt: skip
    assert found["cast", "base"].method == "cast"
    assert statuses(found)["tuned", "cast"] == "confirmed"


def test_a_merge_has_both_parents_and_its_parents_are_not_merges() -> None:
    """A parent is a combination of its merge and the other parent too, but with a negative share."""
    merged = {name: (0.6 * MANUAL[name] + 0.4 * PYTHON[name]).astype(numpy.float32) for name in BASE}
    found = edges(member("base", BASE), member("manual", MANUAL, "base"), member("python", PYTHON, "base"),
                  member("merged", merged))  # fmt: skip
    assert statuses(found) == {
        ("manual", "base"): "confirmed", ("python", "base"): "confirmed",
        ("merged", "manual"): "inferred", ("merged", "python"): "inferred",
    }  # fmt: skip
    assert found["merged", "manual"].relation == "merge"


def test_a_wrong_part_of_a_merge_is_contradicted() -> None:
    """Where two models explain all values, a third that the card names has no part in it."""
    merged = {name: (0.5 * MANUAL[name] + 0.5 * PYTHON[name]).astype(numpy.float32) for name in BASE}
    wrong = trained(BASE, 12, 0.2)
    found = edges(member("base", BASE), member("manual", MANUAL, "base"), member("python", PYTHON, "base"),
                  member("wrong", wrong, "base"),
                  member("merged", merged, "manual", "wrong", relation="merge"))  # fmt: skip
    assert statuses(found)["merged", "manual"] == "confirmed"
    assert statuses(found)["merged", "wrong"] == "contradicted"
    assert statuses(found)["merged", "python"] == "inferred"


def test_a_merged_adapter_has_base_and_adapter() -> None:
    """The adapter belongs to the base that explains the merged model; another base on its card is denied."""
    merged, lora = low_rank(BASE, 8)
    found = edges(
        member("base", BASE), member("manual", MANUAL, "base"), member("merged", merged),
        Member("lora", side("lora", lora, adapter=AdapterScale(2.0)), [Declared("manual", "adapter", "lora")]),
    )  # fmt: skip
    assert statuses(found)["merged", "base"] == "inferred"
    assert statuses(found)["merged", "lora"] == "inferred"
    assert statuses(found)["lora", "base"] == "inferred"
    assert statuses(found)["lora", "manual"] == "contradicted"


FAMILY = [
    member("base", BASE), member("manual", MANUAL, "base"), member("notes", NOTES, "base"), member("python", PYTHON),
    member("copy", MANUAL), member("other", OTHER, "base"),
]  # fmt: skip
EXPECTED = solve(Family.of(FAMILY))


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(st.permutations(FAMILY))
def test_the_order_of_members_changes_nothing(members: list[Member]) -> None:
    """Whatever order models are collected in, the edges are the same."""
    assert solve(Family.of(members)) == EXPECTED
