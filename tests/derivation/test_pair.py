"""The verdict on a pair: what each rule finds, what it must not find, and laws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.derivation.numeric.precision import round_to
from lineage.derivation.pair import Pair, compare_pair
from lineage.derivation.side import Finding, Side, other_way
from lineage.fingerprint.values.source import AdapterScale
from tests.support.sketches import llama, side, trained

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sketches import Floats, Weights

BASE = llama(0)
BASE_SIDE = side("base", BASE)


def found(pair: Pair, rule: str) -> Finding:
    """Return what one rule found."""
    return next(each for each in pair.findings if each.rule == rule)


def test_the_same_weights() -> None:
    """Equal weights are the same weights, also under other names; a direction is not known."""
    pair = compare_pair(BASE_SIDE, side("copy", BASE))
    assert (pair.verdict, pair.direction) == ("same_weights", "unknown")
    other = {f"x.{name}": each for name, each in BASE.items()}
    assert compare_pair(BASE_SIDE, side("renamed", other)).method == "renamed"


def test_another_seed_is_unrelated() -> None:
    """Two models of one configuration from other seeds are unrelated, whatever their architecture says."""
    for seed in range(1, 6):
        pair = compare_pair(BASE_SIDE, side("other", llama(seed)))
        assert pair.verdict == "unrelated"
        assert found(pair, "structure.architecture").value == 1.0


def test_training_is_related_and_has_no_direction() -> None:
    """A fine-tune is related; nothing shows which of the two came first."""
    pair = compare_pair(side("tuned", trained(BASE, 7)), BASE_SIDE)
    assert (pair.verdict, pair.direction, pair.method) == ("related", "unknown", "unknown")


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_a_cast_comes_from_the_wider_one(dtype: str) -> None:
    """Every value of the cast is the parent's rounded, and not the other way round."""
    cast = side("cast", {name: round_to(each, dtype) for name, each in BASE.items()}, dtype=dtype)
    pair = compare_pair(cast, BASE_SIDE)
    assert (pair.verdict, pair.method, pair.direction) == ("derived", "cast", "a_from_b")
    near = compare_pair(cast, side("near", trained(BASE, 3, 0.001)))
    assert near.verdict == "related"
    assert near.method != "cast"


def test_narrow_values_in_a_wider_file_come_from_the_narrow_file() -> None:
    """A file of F32 whose values are all exact in BF16 was made from the BF16 file with the same values."""
    narrow = {name: round_to(each, "BF16") for name, each in BASE.items()}
    pair = compare_pair(side("wide", narrow, dtype="F32"), side("narrow", narrow, dtype="BF16"))
    assert (pair.method, pair.direction) == ("cast", "a_from_b")


def test_added_tokens_make_the_longer_one_the_child() -> None:
    """Strips of an embedding lie at the same rows, so that added rows hide nothing."""
    longer = trained(BASE, 5) | {
        "token_embd.weight": numpy.vstack([BASE["token_embd.weight"], llama(9)["token_embd.weight"][:32]])
    }
    pair = compare_pair(side("longer", longer), BASE_SIDE)
    assert (pair.verdict, pair.method, pair.direction) == ("related", "vocab_extended", "a_from_b")
    assert found(pair, "structure.vocabulary").value == 32


def test_a_dropped_layer_is_found_by_content() -> None:
    """Layers after the dropped one have other numbers, and are matched by their values."""
    deep = llama(0, layers=6)
    kept = {name: each for name, each in deep.items() if not name.startswith("blk.")}
    for new, old in enumerate((0, 1, 3, 4, 5)):
        kept |= {
            name.replace(f"blk.{old}.", f"blk.{new}."): each
            for name, each in deep.items()
            if name.startswith(f"blk.{old}.")
        }
    pair = compare_pair(side("shallow", kept), side("deep", deep))
    assert (pair.verdict, pair.method, pair.direction) == ("related", "layer_dropped", "a_from_b")
    assert found(pair, "numeric.layers").value == pytest.approx(1.0)


def test_repeated_layers_are_a_stack() -> None:
    """A model that holds the same layers twice was made from the one that holds them once."""
    stacked = dict(BASE)
    for new, old in ((4, 2), (5, 3)):
        stacked |= {
            name.replace(f"blk.{old}.", f"blk.{new}."): each
            for name, each in BASE.items()
            if name.startswith(f"blk.{old}.")
        }
    pair = compare_pair(side("stack", stacked), BASE_SIDE)
    assert (pair.method, pair.direction) == ("stack", "a_from_b")


def pruned(weights: dict[str, Floats], *, two_of_four: bool = False) -> dict[str, Floats]:
    """Set half of the values of layers to zero: the smallest, or two of every four."""
    result = {}
    for name, each in weights.items():
        if not name.startswith("blk.") or "norm" in name:
            result[name] = each
            continue
        if two_of_four:
            fours = numpy.abs(each).reshape(-1, 4)
            keep = numpy.argsort(numpy.argsort(fours, axis=1), axis=1) >= 2
            result[name] = (each.reshape(-1, 4) * keep).reshape(each.shape)
        else:
            result[name] = numpy.where(numpy.abs(each) < numpy.median(numpy.abs(each)), numpy.float32(0), each)
    return result


@pytest.mark.parametrize("two_of_four", [False, True])
def test_zeros_make_the_pruned_one_the_child(two_of_four: bool) -> None:
    """A pruned model keeps the other values; a pattern of two zeros of four is named."""
    pair = compare_pair(BASE_SIDE, side("sparse", pruned(BASE, two_of_four=two_of_four)))
    assert (pair.verdict, pair.method, pair.direction) == ("derived", "pruned", "b_from_a")
    assert ("2 of every 4" in found(pair, "numeric.zeros").detail) is two_of_four
    relative = compare_pair(side("tuned", trained(BASE, 4)), side("sparse", pruned(BASE)))
    assert relative.verdict == "related"


def low_rank(weights: dict[str, Floats], rank: int, seed: int = 1) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Merge a LoRA of a rank into q and v; returns the merged weights and the adapter's."""
    random = numpy.random.default_rng(seed)
    merged: dict[str, Floats] = dict(weights)
    adapter: dict[str, Floats] = {}
    for name, each in weights.items():
        if "attn_q" in name or "attn_v" in name:
            a = (random.normal(size=(rank, each.shape[1])) * 0.1).astype(numpy.float32)
            b = (random.normal(size=(each.shape[0], rank)) * 0.1).astype(numpy.float32)
            base = name.removesuffix(".weight")
            adapter |= {f"{base}.lora_a": a, f"{base}.lora_b": b}
            merged[name] = (each + 2 * b @ a).astype(numpy.float32)
    return merged, adapter


@pytest.mark.parametrize("rank", [4, 8, 16])
def test_a_merged_adapter_shows_its_rank(rank: int) -> None:
    """The singular values of the difference fall at the rank of the LoRA, in bf16 too."""
    merged, _ = low_rank(BASE, rank)
    pair = compare_pair(side("merged", {n: round_to(w, "BF16") for n, w in merged.items()}, dtype="BF16"), BASE_SIDE)
    assert (pair.verdict, pair.method) == ("related", "lora_merge")
    assert found(pair, "numeric.low_rank").value == rank


def test_an_adapter_belongs_to_the_base_that_explains_the_merged_model() -> None:
    """With the merged model at hand the true base leaves nothing; a relative of it does."""
    merged, adapter = low_rank(BASE, 8)
    lora = side("lora", adapter, adapter=AdapterScale(2.0))
    whole = side("merged", merged)
    pair = compare_pair(lora, BASE_SIDE, [whole])
    assert (pair.verdict, pair.method, pair.direction) == ("derived", "lora", "a_from_b")
    relative = compare_pair(lora, side("tuned", trained(BASE, 8, 0.05)), [whole])
    assert relative.verdict == "not_comparable"
    assert compare_pair(lora, BASE_SIDE).verdict == "not_comparable"
    assert compare_pair(whole, BASE_SIDE, [lora]).method == "lora_merge"
    into = compare_pair(lora, whole, [BASE_SIDE])
    assert (into.verdict, into.method, into.direction) == ("derived", "lora_merge", "b_from_a")


def test_an_adapter_of_another_architecture_is_unrelated() -> None:
    """Matrices of other sizes cannot be applied."""
    _, adapter = low_rank(BASE, 8)
    other = side("other", llama(0, width=128))
    assert compare_pair(side("lora", adapter, adapter=AdapterScale(2.0)), other).verdict == "unrelated"


def test_a_merge_of_two_has_its_shares() -> None:
    """Both parents explain a linear merge, one of them with a stranger does not."""
    one, two = trained(BASE, 1, 0.2), trained(BASE, 2, 0.2)
    merged = side("merged", {name: (0.6 * one[name] + 0.4 * two[name]).astype(numpy.float32) for name in BASE})
    pair = compare_pair(merged, side("one", one), [side("two", two)])
    assert (pair.verdict, pair.method, pair.direction) == ("derived", "linear", "a_from_b")
    assert "one 0.60, two 0.40" in found(pair, "numeric.merge_fit").detail
    wrong = compare_pair(merged, side("one", one), [side("three", trained(BASE, 3, 0.2))])
    assert wrong.verdict == "related"


def test_a_frozen_part_is_told() -> None:
    """A model of which only some layers were trained has equal matrices in the others."""
    tuned = trained(BASE, 6)
    part = {name: (tuned if ".3." in name else BASE)[name] for name in BASE}
    pair = compare_pair(side("part", part), BASE_SIDE)
    assert (pair.verdict, pair.method) == ("related", "partial")


def test_a_quantised_model_shows_no_frozen_part() -> None:
    """The embedding of a quantised model is the parent's, and the other matrices are not: no layer was trained."""
    kept = trained(BASE, 6, 0.01) | {"token_embd.weight": BASE["token_embd.weight"]}
    plain = side("quantised", kept)
    assert plain.sketch is not None
    tiles = [each._replace(method=None if "embd" in each.tile.name else "gptq") for each in plain.sketch.tiles]
    pair = compare_pair(replace(plain, sketch=plain.sketch._replace(tiles=tiles)), BASE_SIDE)
    equal = found(pair, "numeric.equal_values")
    assert 0 < (equal.value or 0) < 1
    assert (equal.relation, pair.verdict, pair.relation, pair.method) == (None, "related", None, "unknown")


def test_names_that_do_not_match_are_compared_by_content() -> None:
    """Another library's names hide nothing: matrices of one shape are matched by their values."""
    names = {name: f"tower.part{n}.weight" for n, name in enumerate(BASE)}
    pair = compare_pair(side("renamed", {names[n]: w for n, w in trained(BASE, 2).items()}), BASE_SIDE)
    assert pair.verdict == "related"
    assert found(pair, "numeric.cosine_by_content").outcome == "for"


def test_without_values_nothing_is_claimed() -> None:
    """A side without a sketch is not comparable, and the reason names it."""
    pair = compare_pair(replace(BASE_SIDE, sketch=None, name="bare"), side("other", llama(3)))
    assert pair.verdict == "not_comparable"
    assert "bare" in pair.reason


def test_values_that_are_no_numbers_prove_nothing() -> None:
    """A model of NaN or of zeros is never related to another by its values."""
    for value in (numpy.nan, 0.0, numpy.inf):
        broken = side("broken", {name: numpy.full_like(each, value) for name, each in BASE.items()})
        assert compare_pair(broken, BASE_SIDE).verdict in ("not_comparable", "unrelated")


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3), st.sampled_from([0.0, 0.01, 0.3]), st.booleans(), st.booleans())
def test_exchanging_the_sides_exchanges_the_direction(seed: int, amount: float, cast: bool, zeros: bool) -> None:
    """The verdict does not depend on which model is named first."""
    other = trained(llama(0 if seed else 1), seed, amount)
    other = pruned(other) if zeros else other
    other = {n: round_to(w, "BF16") for n, w in other.items()} if cast else other
    there: Side = side("other", other, dtype="BF16" if cast else "F32")
    one, two = compare_pair(BASE_SIDE, there), compare_pair(there, BASE_SIDE)
    assert (one.verdict, one.method, one.relation) == (two.verdict, two.method, two.relation)
    assert one.direction == other_way(two.direction)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: trained(w, 5, 0.05),
        lambda w: {name: each for name, each in w.items() if "blk.3." not in name},
        lambda w: {**w, **{name.replace("blk.3.", "blk.4."): each for name, each in w.items() if "blk.3." in name}},
        lambda w: {name: round_to(each, "BF16") for name, each in w.items()},
        lambda w: llama(9),
    ],
    ids=["trained", "layer dropped", "layer repeated", "cast", "stranger"],
)
def test_the_order_of_the_two_sides_makes_no_difference(change: Callable[[Weights], Weights]) -> None:
    """Named the other way round, a pair has the same verdict, method and direction."""
    base = llama(3)
    one, two = side("one", base), side("two", change(base))
    there, back = compare_pair(one, two), compare_pair(two, one).turned
    assert (there.verdict, there.method, there.direction) == (back.verdict, back.method, back.direction)
