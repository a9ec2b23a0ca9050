"""Models in disguise: what a sample leaves open, what whole matrices show, and that disguises are what they claim."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy
import pytest

from lineage.derivation.numeric.anchors import embedding_rows
from lineage.derivation.numeric.disguises import needs_matrices, needs_rows, same_shapes
from lineage.derivation.pair import compare_pair
from lineage.fingerprint.values.anchors import Anchor, anchor_place
from lineage.fingerprint.values.circuits import measure_invariants
from lineage.fingerprint.values.head_layout import HeadLayout, head_layout
from lineage.fingerprint.values.tensor import Place
from tests.support.disguises import DISGUISES, permute_neurons, renumber_tokens, rotate_hidden, scale_inside
from tests.support.forward import Shape, gpt2, llama
from tests.support.sketches import side

if TYPE_CHECKING:
    from lineage.derivation.side import Side
    from tests.support.forward import Doubles, Weights
    from tests.support.sketches import Floats

pytestmark = pytest.mark.slow

LLAMA, GPT2 = Shape(heads=4, kv_heads=2, layers=3), Shape(heads=4, kv_heads=4, layers=3, eps=1e-5)
TOKENS, HIDDEN, INNER, VOCABULARY = list(range(520, 540)), 64, 96, 900


@cache
def small_llama(seed: int) -> Weights:
    """Draw a Llama with grouped-query heads; another seed is another training."""
    rng = numpy.random.default_rng(seed)

    def draw(*shape: int) -> Doubles:
        return (rng.normal(size=shape) * 0.15).astype("f4").astype("f8")

    key = HIDDEN * LLAMA.kv_heads // LLAMA.heads
    found = {"token_embd.weight": draw(VOCABULARY, HIDDEN), "output_norm.weight": 1 + draw(1, HIDDEN)}
    for layer in range(LLAMA.layers):
        parts = {
            "attn_q": (HIDDEN, HIDDEN), "attn_k": (key, HIDDEN), "attn_v": (key, HIDDEN),
            "attn_output": (HIDDEN, HIDDEN),
            "ffn_gate": (INNER, HIDDEN), "ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER),
        }  # fmt: skip
        found |= {f"blk.{layer}.{part}.weight": draw(*shape) for part, shape in parts.items()}
        found |= {f"blk.{layer}.{norm}.weight": 1 + draw(1, HIDDEN) for norm in ("attn_norm", "ffn_norm")}
    return found


@cache
def small_gpt2(seed: int) -> Weights:
    """Draw a GPT-2: fused q, k and v, biases, LayerNorm."""
    rng = numpy.random.default_rng(seed)
    parts = {
        "attn_qkv": (3 * HIDDEN, HIDDEN), "attn_output": (HIDDEN, HIDDEN),
        "ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER),
    }  # fmt: skip
    found = {
        "token_embd.weight": rng.normal(size=(VOCABULARY, HIDDEN)),
        "position_embd.weight": rng.normal(size=(64, HIDDEN)),
    }
    norms = ["output_norm"]
    for layer in range(GPT2.layers):
        norms += [f"blk.{layer}.attn_norm", f"blk.{layer}.ffn_norm"]
        for part, shape in parts.items():
            found[f"blk.{layer}.{part}.weight"] = rng.normal(size=shape)
            found[f"blk.{layer}.{part}.bias"] = rng.normal(size=(1, shape[0]))
    for norm in norms:
        found |= {f"{norm}.weight": 5 + rng.normal(size=(1, HIDDEN)), f"{norm}.bias": rng.normal(size=(1, HIDDEN))}
    return {name: (value * 0.15).astype("f4").astype("f8") for name, value in found.items()}


MODELS = {"llama": (small_llama, LLAMA, llama), "gpt2": (small_gpt2, GPT2, gpt2)}
CASES = [
    (kind, name) for kind in MODELS for name in DISGUISES if (kind, name) != ("gpt2", "hidden dimensions rotated")
]  # LayerNorm takes the mean off, which a rotation moves


def sampled(name: str, weights: Weights) -> Side:
    """Make a side with a sketch, as it is stored."""
    return side(name, {key: value.astype("f4") for key, value in weights.items()})


def with_rows(of: Side, weights: Weights) -> Side:
    """Add the rows that are read on demand."""
    chosen = anchor_place({key: (value.shape[0], value.shape[1]) for key, value in weights.items()})
    assert chosen is not None
    name, kind, place = chosen
    return replace(
        of, anchor=Anchor(name, kind, place.row, weights[name][place.row : place.row + place.rows].astype("f4"))
    )


def measured(of: Side, weights: Weights, shape: Shape) -> Side:
    """Add what is measured at level full."""

    def read(name: str, place: Place) -> Floats:
        rows, columns = slice(place.row, place.row + place.rows), slice(place.column, place.column + place.columns)
        return weights[name][rows, columns].astype("f4")

    of = with_rows(of, weights)
    layout = HeadLayout(shape.heads, shape.kv_heads, HIDDEN // shape.heads)
    shapes = {key: (value.shape[0], value.shape[1]) for key, value in weights.items()}
    return replace(of, invariants=measure_invariants(shapes, read, of.anchor, layout))


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_disguise_computes_the_same(kind: str, name: str) -> None:
    """Each disguise changes the weights and gives the same logits, so that what is tested here are disguises."""
    make, shape, forward = MODELS[kind]
    weights = make(0)
    other = DISGUISES[name](weights, shape, numpy.random.default_rng(1))
    assert any(not numpy.array_equal(other[key], weights[key]) for key in weights)
    logits = forward(weights, shape, TOKENS)
    assert numpy.abs(forward(other, shape, TOKENS) - logits).max() < 1e-9 * numpy.abs(logits).max()


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_sample_does_not_call_a_disguise_unrelated(kind: str, name: str) -> None:
    """From a sketch, with or without further rows, a disguised copy is unclear or related, never unrelated."""
    make, shape, _ = MODELS[kind]
    weights = make(0)
    other = DISGUISES[name](weights, shape, numpy.random.default_rng(1))
    plain, hidden = sampled("plain", weights), sampled("hidden", other)
    assert compare_pair(plain, hidden).verdict in ("unclear", "related")
    assert compare_pair(with_rows(plain, weights), with_rows(hidden, other)).verdict in ("unclear", "related")


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_whole_matrices_show_a_disguise(kind: str, name: str) -> None:
    """At level full a disguised copy is related, and derived where no value was sampled alike."""
    make, shape, _ = MODELS[kind]
    weights = make(0)
    other = DISGUISES[name](weights, shape, numpy.random.default_rng(1))
    pair = compare_pair(
        measured(sampled("plain", weights), weights, shape), measured(sampled("hidden", other), other, shape)
    )
    assert pair.verdict in ("related", "derived")
    if name in ("all of these", "hidden dimensions rotated"):
        assert pair.verdict == "derived"


def test_a_disguise_that_was_trained_on_is_related() -> None:
    """Training and rounding after the disguise leave it related, and no longer derived."""
    weights = small_llama(0)
    rng = numpy.random.default_rng(3)
    other = rotate_hidden(weights, LLAMA, rng)
    other = {name: value + rng.normal(size=value.shape) * 0.1 * value.std() for name, value in other.items()}
    pair = compare_pair(
        measured(sampled("plain", weights), weights, LLAMA), measured(sampled("hidden", other), other, LLAMA)
    )
    assert pair.verdict == "related"


@pytest.mark.parametrize("kind", MODELS)
def test_another_seed_is_unrelated_at_every_level(kind: str) -> None:
    """Two trainings of one configuration are unrelated, from a sample, with further rows and from all values."""
    make, shape, _ = MODELS[kind]
    for seed in (1, 2, 3):
        a, b = sampled("a", make(0)), sampled("b", make(seed))
        assert compare_pair(a, b).verdict == "unrelated"
        assert compare_pair(with_rows(a, make(0)), with_rows(b, make(seed))).verdict == "unrelated"
        assert compare_pair(measured(a, make(0), shape), measured(b, make(seed), shape)).verdict == "unrelated"


def test_rows_that_were_not_read_leave_it_open() -> None:
    """Where a sketch has no whole rows, two models of the same shapes are unclear until rows were read."""
    sides = []
    for seed in (0, 1):
        weights = dict(small_llama(seed))
        weights["token_embd.weight"] = numpy.random.default_rng(seed).normal(size=(900, 300))
        sides.append((sampled(str(seed), weights), weights))
    (a, first), (b, second) = sides
    pair = compare_pair(a, b)
    assert pair.verdict == "unclear"
    assert same_shapes(a, b)
    assert needs_rows(a, b, pair.findings)
    decided = compare_pair(with_rows(a, first), with_rows(b, second))
    assert decided.verdict == "unrelated"
    assert not needs_rows(with_rows(a, first), with_rows(b, second), decided.findings)


def test_permuted_neurons_are_named() -> None:
    """Where only the neurons moved, the rule names it: from a sample by the rows it has, at level full for all."""
    weights = small_llama(0)
    other = permute_neurons(weights, LLAMA, numpy.random.default_rng(1))
    plain, hidden = sampled("plain", weights), sampled("hidden", other)
    for a, b in ((plain, hidden), (measured(plain, weights, LLAMA), measured(hidden, other, LLAMA))):
        pair = compare_pair(a, b)
        found = next(each for each in pair.findings if each.rule == "numeric.permuted_neurons")
        assert (pair.verdict, found.outcome) == ("related", "for")
    assert found.value is not None
    assert found.value > 0.9999
    assert not needs_matrices(plain, hidden, compare_pair(plain, hidden).findings)


def test_renumbered_tokens_are_found_by_heads_alone() -> None:
    """A disguise whose tokens have other numbers passes as unrelated from a sample; its heads show it at level full."""
    weights = small_llama(0)
    order = numpy.random.default_rng(2).permutation(VOCABULARY)
    other = renumber_tokens(DISGUISES["all of these"](weights, LLAMA, numpy.random.default_rng(1)), order)
    plain, hidden = sampled("plain", weights), sampled("hidden", other)
    assert compare_pair(plain, hidden).verdict == "unrelated"
    pair = compare_pair(measured(plain, weights, LLAMA), measured(hidden, other, LLAMA))
    assert pair.verdict == "related"


def test_factors_inside_heads_and_neurons_are_found() -> None:
    """Factors between q and k, v and o, up and down are not taken out, and most circuits still agree."""
    weights = small_llama(0)
    other = scale_inside(
        DISGUISES["all of these"](weights, LLAMA, numpy.random.default_rng(1)), LLAMA, numpy.random.default_rng(2)
    )
    before, after = llama(weights, LLAMA, TOKENS), llama(other, LLAMA, TOKENS)
    assert numpy.abs(after - before).max() < 1e-9
    pair = compare_pair(measured(sampled("a", weights), weights, LLAMA), measured(sampled("b", other), other, LLAMA))
    assert pair.verdict == "related"


def test_the_columns_of_a_first_convolution_are_an_anchor() -> None:
    """A vision model's patches keep their columns where its channels are rotated; another seed's do not agree."""
    rng = numpy.random.default_rng(0)
    kernel = rng.normal(size=(64, 147)).astype("f4")
    chosen = anchor_place({"v.patch_embd.weight": (64, 147), "blk.0.attn_q.weight": (64, 64)})
    assert chosen == ("v.patch_embd.weight", "inputs", Place(0, 64, 0, 147))
    turn = numpy.linalg.qr(rng.normal(size=(64, 64)))[0]
    first, turned = Anchor("p", "inputs", 0, kernel.T), Anchor("p", "inputs", 0, (turn @ kernel).T.astype("f4"))
    assert embedding_rows(first, turned).outcome == "for"
    assert embedding_rows(first, Anchor("p", "inputs", 0, rng.normal(size=(147, 64)).astype("f4"))).outcome == "against"


def test_values_that_are_not_finite_are_not_judged() -> None:
    """Rows with NaN, without length or too few are unchecked; they exclude nothing."""
    rows = numpy.ones((64, 8), numpy.float32)
    fine = Anchor("t", "tokens", 512, numpy.random.default_rng(0).normal(size=(64, 8)).astype("f4"))
    for bad in (rows * numpy.nan, rows * 0, rows[:4]):
        assert embedding_rows(Anchor("t", "tokens", 512, bad), fine).outcome == "unchecked"


def test_heads_are_read_from_configs() -> None:
    """Heads come from config.json or a GGUF header; numbers that do not fit give none."""
    assert head_layout({"num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 64}) == (
        8,
        2,
        8,
        "blocks",
        0.0,
    )
    assert head_layout({"model_type": "gpt_neox", "num_attention_heads": 4, "hidden_size": 64}) == (
        4,
        4,
        16,
        "heads",
        0.0,
    )
    declared = {"general.architecture": "llama", "llama.attention.head_count": 4, "llama.embedding_length": 64}
    assert head_layout(None, declared) == (4, 4, 16, "blocks", 0.0)
    for broken in (
        {},
        {"n_head": 5, "n_embd": 64},
        {"n_head": "4", "n_embd": 64},
        {"n_head": 4, "num_kv_heads": 3, "n_embd": 64},
    ):
        assert head_layout(broken) is None
