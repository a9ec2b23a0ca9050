"""Merges in a family: three and four parents, task vectors, and what was trained from a merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy
import pytest

from lineage.derivation.family.edges import solve
from lineage.derivation.family.members import Declared, Edge, Family, Member
from lineage.derivation.numeric.precision import round_to
from tests.support.sketches import Weights, llama, side, trained

if TYPE_CHECKING:
    from lineage_schemas.derivation import Relation
    from tests.support.sketches import Floats

pytestmark = pytest.mark.slow

BASE = llama(0, layers=2, width=48, vocabulary=96)
PARTS = {f"part-{seed}": trained(BASE, seed, 0.05 + 0.01 * seed) for seed in (1, 2, 3, 4)}


def merged(**shares: float) -> dict[str, Floats]:
    """Add up models by their shares."""
    models = {"base": BASE, **{name.replace("-", "_"): each for name, each in PARTS.items()}}
    added = {name: sum(share * models[key][name] for key, share in shares.items()) for name in BASE}
    return {name: numpy.asarray(each, dtype=numpy.float32) for name, each in added.items()}


def member(key: str, weights: Weights, *parents: str, relation: Relation = "finetune") -> Member:
    """Make a member that declares parents with one relation."""
    return Member(key, side(key, weights), [Declared(parent, relation) for parent in parents])


FAMILY = [member("base", BASE), *(member(name, each, "base") for name, each in PARTS.items())]


def edges(*members: Member) -> dict[tuple[str, str], Edge]:
    """Work out the edges that these members add to a base and four fine-tunes of it, which stay confirmed."""
    found = {(edge.child, edge.parent): edge for edge in solve(Family.of([*FAMILY, *members]))[0]}
    for name in PARTS:
        own = found.pop((name, "base"))
        assert (own.status, own.relation) == ("confirmed", "finetune")
    return found


def statuses(found: dict[tuple[str, str], Edge]) -> dict[tuple[str, str], str]:
    """Return the status of each edge."""
    return {pair: edge.status for pair, edge in found.items()}


def test_a_silent_merge_of_three() -> None:
    """No two models explain it and three do; none of its parts is taken for its child."""
    found = edges(member("mix", merged(part_1=0.3, part_2=0.3, part_3=0.4)))
    assert statuses(found) == {("mix", f"part-{n}"): "inferred" for n in (1, 2, 3)}
    assert {edge.method for edge in found.values()} == {"linear"}


def test_a_merge_of_four_whose_card_names_one() -> None:
    """The named part is right under a wrong relation, and the other three are found."""
    found = edges(member("mix", merged(part_1=0.3, part_2=0.2, part_3=0.3, part_4=0.2), "part-1"))
    assert statuses(found) == {
        ("mix", "part-1"): "confirmed", **{("mix", f"part-{n}"): "inferred" for n in (2, 3, 4)},
    }  # fmt: skip
    assert found["mix", "part-1"].relation == "merge"


def test_a_base_is_no_merge_of_its_fine_tunes() -> None:
    """The mean of four fine-tunes lies near the base, and not near enough."""
    assert edges() == {}


def test_task_vectors_leave_the_base_a_negative_share() -> None:
    """All declared parents of a task arithmetic are confirmed where the parts name the base as theirs."""
    weights = merged(base=-0.6, part_1=0.8, part_2=0.8)
    found = edges(member("mix", weights, "base", "part-1", "part-2", relation="merge"))
    assert statuses(found) == {("mix", parent): "confirmed" for parent in ("base", "part-1", "part-2")}
    assert {edge.method for edge in found.values()} == {"task_arithmetic"}


def test_a_merge_beyond_its_part() -> None:
    """The part is not made from the merge although it lies between the merge and the base."""
    found = edges(member("mix", merged(base=-0.3, part_1=1.3), "part-1", "base", relation="merge"))
    assert statuses(found) == {("mix", "base"): "confirmed", ("mix", "part-1"): "confirmed"}


def stored(weights: Mapping[str, Floats], dtype: str) -> dict[str, Floats]:
    """Round weights to the dtype of a file."""
    return {name: each if dtype == "F32" else round_to(each, dtype) for name, each in weights.items()}


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.75])
@pytest.mark.parametrize("beyond", [True, False])
def test_rounding_shows_which_of_three_on_a_line_was_made_last(dtype: str, share: float, beyond: bool) -> None:
    """Without cards a merge of a base and its fine-tune is found, and a fine-tune of which another model goes further
    than itself is no merge."""
    base = stored(BASE, dtype)
    tuned = stored(PARTS["part-1"], dtype)
    made = {n: (base[n] + (tuned[n] - base[n]) * numpy.float32(1 / share if beyond else share)) for n in base}
    last = stored(made, dtype)
    outer, middle = (last, tuned) if beyond else (tuned, last)
    members = [Member(key, side(key, each, dtype=dtype)) for key, each in
               (("base", base), ("middle", middle), ("outer", outer))]  # fmt: skip
    found = {(edge.child, edge.parent): edge for edge in solve(Family.of(members))[0]}
    merges = {pair for pair, edge in found.items() if edge.relation == "merge"}
    assert merges == (set() if beyond else {("middle", "base"), ("middle", "outer")})
    assert all(edge.confidence == 0.95 for pair, edge in found.items() if pair in merges)


def test_three_on_a_line_in_f32_stay_open() -> None:
    """The card of a fine-tune stands against an undeclared model beyond it; without a card a merge is unsure."""
    beyond = merged(base=-0.3, part_1=1.3)
    assert statuses(edges(member("beyond", beyond))) == {("beyond", "part-1"): "inferred"}
    silent = [member("base", BASE), member("part-1", PARTS["part-1"]), member("beyond", beyond, "base")]
    found = {(edge.child, edge.parent): edge for edge in solve(Family.of(silent))[0]}
    assert {pair: edge.confidence for pair, edge in found.items() if edge.relation == "merge"} == {
        ("part-1", "base"): 0.7, ("part-1", "beyond"): 0.7,
    }  # fmt: skip


def test_a_false_card_with_a_negative_share_stays_open() -> None:
    """A part that names its own merge and the other part is a combination of them; it was not made so."""
    mix = member("mix", merged(part_1=0.5, part_2=0.5))
    false = member("part-1", PARTS["part-1"], "mix", "part-2", relation="merge")
    members = [mix, false, *(each for each in FAMILY if each.key != "part-1")]
    found = {(edge.child, edge.parent): edge.status for edge in solve(Family.of(members))[0]}
    assert found["part-1", "mix"] != "confirmed"
    assert found["part-1", "part-2"] != "confirmed"


def test_what_was_trained_from_a_merge() -> None:
    """The merge is its parent, with a card or without; a part on the card is an ancestor, and no part its child."""
    mix = merged(part_1=0.6, part_2=0.4)
    found = edges(
        member("mix", mix, "part-1", "part-2", relation="merge"), member("silent", trained(mix, 52, 0.03)),
        member("older-name", trained(mix, 51, 0.03), "part-1"),
    )  # fmt: skip
    assert statuses(found) == {
        ("mix", "part-1"): "confirmed", ("mix", "part-2"): "confirmed", ("silent", "mix"): "inferred",
        ("older-name", "mix"): "inferred", ("older-name", "part-1"): "indirect",
    }  # fmt: skip
