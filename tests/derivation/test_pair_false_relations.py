"""Pairs that look as if one was made from the other, and were not."""

from __future__ import annotations

import numpy
import pytest

from lineage.derivation.numeric.precision import round_to
from lineage.derivation.pair import compare_pair
from lineage.fingerprint.values.source import AdapterScale
from tests.derivation.test_pair import found, low_rank
from tests.support.sketches import llama, side, trained

BASE = llama(0)
BASE_SIDE = side("base", BASE)


def test_layers_in_another_order_are_not_the_same_weights() -> None:
    """Equal tensors under each other's names compute something else: related, and the rule counts them."""
    swapped = {name.replace(".0.", ".x.").replace(".1.", ".0.").replace(".x.", ".1."): BASE[name] for name in BASE}
    pair = compare_pair(side("swapped", swapped), BASE_SIDE)
    assert (pair.verdict, pair.method, pair.direction) == ("related", "unknown", "unknown")
    assert f"{2 * (len(BASE) - 2) // 4} of them" in found(pair, "content.renamed").detail


def test_a_parent_is_not_made_from_its_merge() -> None:
    """A parent is its merge less the other parent: a share below zero shows no merge and no direction."""
    one, two = trained(BASE, 1, 0.2), trained(BASE, 2, 0.2)
    merged = side("merged", {name: (0.6 * one[name] + 0.4 * two[name]).astype(numpy.float32) for name in BASE})
    pair = compare_pair(side("one", one), merged, [side("two", two)])
    assert (pair.verdict, pair.direction) == ("related", "unknown")
    assert "below zero" in found(pair, "numeric.merge_fit").detail


def test_values_that_are_all_positive_are_not_related_by_that() -> None:
    """Positive values of any two models have a great cosine; without their means they have none."""
    one, two = ({name: abs(each) for name, each in llama(seed).items()} for seed in (1, 2))
    assert compare_pair(side("one", one), side("two", two)).verdict == "unrelated"
    assert compare_pair(side("one", one), side("tuned", trained(one, 3))).verdict == "related"


def test_adapters_of_one_seed_are_not_related_by_that() -> None:
    """One seed gives the same A for any base: adapters are related only if B, which is learned, is alike too."""
    (_, one), (_, two) = low_rank(BASE, 8), low_rank(BASE, 8, seed=2)
    same_a = {name: (one if name.endswith(".lora_a") else two)[name] for name in one}
    lora = side("lora", one, adapter=AdapterScale(2.0))
    pair = compare_pair(lora, side("other", same_a, adapter=AdapterScale(2.0)))
    assert pair.verdict in ("unrelated", "unclear")
    assert found(pair, "numeric.cosine").outcome == "against"
    tuned = side("tuned", trained(one, 3), adapter=AdapterScale(2.0))
    assert compare_pair(lora, tuned).verdict == "related"


def test_siblings_with_a_lora_each_are_not_derived() -> None:
    """The difference of two models with a LoRA each has a low rank, and neither was made from the other."""
    one, two = (side(f"m{seed}", low_rank(BASE, 8, seed)[0]) for seed in (1, 2))
    pair = compare_pair(one, two)
    assert (pair.verdict, found(pair, "numeric.low_rank").value) == ("related", 16)


def test_a_cast_of_other_norms_is_not_the_parent() -> None:
    """The cast of a base is not made from a relative of which only the norms were trained."""
    cast = side("cast", {name: round_to(each, "BF16") for name, each in BASE.items()}, dtype="BF16")
    norms = side("norms", {name: each * 1.3 if "norm" in name else each for name, each in BASE.items()})
    assert compare_pair(cast, norms).verdict == "related"
    assert compare_pair(cast, BASE_SIDE).verdict == "derived"


def test_an_adapter_is_found_in_either_model() -> None:
    """The base may be named first: the adapter shows which of the two is the merged one."""
    merged, adapter = low_rank(BASE, 8)
    pair = compare_pair(BASE_SIDE, side("merged", merged), [side("lora", adapter, adapter=AdapterScale(2.0))])
    assert (pair.verdict, pair.method, pair.direction) == ("derived", "lora_merge", "b_from_a")


def test_scales_of_some_modules_show_an_adapter_and_unknown_ones_do_not() -> None:
    """Modules with a known scale decide, also where another module's scale is unknown; without any it is unchecked."""
    merged, adapter = low_rank(BASE, 8)
    modules = sorted({name.removesuffix(".lora_a") for name in adapter if name.endswith(".lora_a")})
    known = AdapterScale(None, dict.fromkeys(modules, 2.0))
    for scale, outcome in (
        (known, "for"),
        (AdapterScale(None), "unchecked"),
        (AdapterScale(None, {"x": 2.0}), "unchecked"),
    ):
        pair = compare_pair(BASE_SIDE, side("merged", merged), [side("lora", adapter, adapter=scale)])
        assert found(pair, "numeric.adapter_applied").outcome == outcome
    assert found(pair, "numeric.adapter_applied").detail == "the scale of the adapter is not known"


def test_two_roundings_have_the_parent_that_was_named() -> None:
    """A cast to F16 and one to BF16 are both made from the model that was named, and not from a relative of it."""
    sides = [
        side(dtype, {name: round_to(each, dtype) for name, each in BASE.items()}, dtype=dtype)
        for dtype in ("F16", "BF16")
    ]
    assert found(compare_pair(sides[0], sides[1], [BASE_SIDE]), "numeric.common_parent").outcome == "for"
    near = side("near", trained(BASE, 3, 0.001))
    assert found(compare_pair(sides[0], sides[1], [near]), "numeric.common_parent").outcome == "neutral"


def test_a_stranger_beside_the_parents_hides_no_merge() -> None:
    """Named models without a share, or of another width, are left out of the fit."""
    one, two = trained(BASE, 1, 0.2), trained(BASE, 2, 0.2)
    merged = side("merged", {name: (0.6 * one[name] + 0.4 * two[name]).astype(numpy.float32) for name in BASE})
    others = [side("two", two), side("stranger", llama(9)), side("wide", llama(9, width=128))]
    pair = compare_pair(merged, side("one", one), others)
    assert (pair.verdict, pair.method) == ("derived", "linear")
    assert found(pair, "numeric.merge_fit").detail.startswith("one 0.60, two 0.40;")
    assert compare_pair(merged, side("one", one), others[1:]).verdict == "related"


@pytest.mark.filterwarnings("error")
def test_damaged_values_give_no_warning() -> None:
    """A file with one infinite or NaN value is judged, and nothing but the answer is printed."""
    for value in (numpy.nan, numpy.inf, numpy.float32(3e38)):
        broken = {name: each.copy() for name, each in trained(BASE, 3).items()}
        for each in broken.values():
            each.flat[0] = value
        damaged = side("broken", broken)
        for a, b in ((damaged, BASE_SIDE), (BASE_SIDE, damaged)):
            assert compare_pair(a, b).verdict in ("related", "unrelated", "unclear", "not_comparable")
