"""What a share of returned codes says about two models: the parent, a relative, a twin, a format without real files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy
import pytest

from lineage.derivation.numeric.precision import REQUANTISED, common_parent, round_to
from lineage.derivation.pair import Pair, compare_pair
from tests.derivation.family.test_edges import edges, member, statuses
from tests.derivation.test_pair import found
from tests.support.sketches import llama, side, trained

if TYPE_CHECKING:
    from lineage.derivation.side import Side
    from tests.support.sketches import Floats, Weights

PARENT = llama(0)
SIBLING = trained(PARENT, 1, 0.1)
NEAR = trained(PARENT, 2, 0.004)
FAR = trained(PARENT, 3, 0.6)


def affine(values: Floats, largest: int = 3, group: int = 96) -> Floats:
    """Quantise a matrix as Quanto does: each group between its least and its greatest value."""
    blocks = values.reshape(-1, group)
    least, greatest = blocks.min(axis=1, keepdims=True), blocks.max(axis=1, keepdims=True)
    scale = (greatest - least) / largest
    codes = numpy.clip(numpy.round((blocks - least) / scale), 0, largest)
    made: Floats = (codes * scale + least).reshape(values.shape).astype(numpy.float32)
    return made


def symmetric(values: Floats, largest: int = 127) -> Floats:
    """Quantise each row of a matrix to integers, as torchao and compressed-tensors do."""
    scale = numpy.abs(values).max(axis=1, keepdims=True) / largest
    made: Floats = (numpy.round(values / scale) * scale).astype(numpy.float32)
    return made


def asymmetric(values: Floats, bits: int, group: int = 32) -> Floats:
    """Quantise groups with a zero point."""
    blocks = values.reshape(-1, group)
    scale = (blocks.max(axis=1, keepdims=True) - blocks.min(axis=1, keepdims=True)) / (2**bits - 1)
    zero = numpy.round(-blocks.min(axis=1, keepdims=True) / scale)
    codes = numpy.clip(numpy.round(blocks / scale) + zero, 0, 2**bits - 1)
    made: Floats = ((codes - zero) * scale).reshape(values.shape).astype(numpy.float32)
    return made


MAKE = {
    "quanto-int2": affine, "quanto-int4": lambda values: affine(values, 15, 32), "torchao-int8": symmetric,
    "compressed-tensors-int8": symmetric, "bitsandbytes-int8": symmetric,
}  # fmt: skip


def quantised(method: str, weights: Weights = PARENT, name: str = "child") -> Side:
    """Make the quantised child of weights; vectors stay as they are."""
    return side(name, _matrices(method, weights), method=method)


def with_zeros(bits: int) -> Side:
    """Make a child of integers of compressed-tensors with zero points."""
    made = {key: asymmetric(each, bits) if each.shape[0] > 1 else each for key, each in PARENT.items()}
    return side("child", made, method=f"compressed-tensors-int{bits}")


def _matrices(method: str, weights: Weights) -> dict[str, Floats]:
    return {key: MAKE[method](each) if each.shape[0] > 1 else each for key, each in weights.items()}


def compared(child: Side, weights: Weights) -> Pair:
    """Compare a child with a candidate."""
    return compare_pair(child, side("candidate", weights))


@pytest.mark.parametrize("method", ["quanto-int2", "quanto-int4", "torchao-int8", "compressed-tensors-int8"])
def test_only_the_parent_supports_quantised_from(method: str) -> None:
    """The parent returns all codes and is shown as the parent; a sibling and a near relative never are."""
    child = quantised(method)
    parent = compared(child, PARENT)
    assert (parent.verdict, parent.direction, parent.relation) == ("derived", "a_from_b", "quantized")
    assert "near-twin" in found(parent, REQUANTISED).detail
    for relative in (SIBLING, NEAR, FAR):
        pair = compared(child, relative)
        assert (pair.verdict, pair.direction, pair.relation) == ("related", "unknown", None)
        assert found(pair, REQUANTISED).outcome in ("unchecked", "against")
        assert "the parent of this format returns ≥ 99." in found(pair, REQUANTISED).detail


def test_between_relatives_and_the_parent_a_share_is_unchecked() -> None:
    """A relative that returns more than any relative that was measured is neither for nor against, and keeps its share.

    One that returns fewer is against it, except in layouts that llmcompressor writes after it changed the values.
    """
    near, far = (found(compared(quantised("quanto-int2"), each), REQUANTISED) for each in (NEAR, FAR))
    assert (near.outcome, far.outcome) == ("unchecked", "against")
    assert 0.98 < (near.value or 0) < 0.999
    assert (far.value or 1) < 0.98
    moved = found(compared(quantised("compressed-tensors-int8"), FAR), REQUANTISED)
    assert (moved.outcome, moved.direction) == ("unchecked", "unknown")
    assert "unless GPTQ, AWQ or SmoothQuant changed the values before" in moved.detail


def test_a_format_without_real_files_is_unchecked() -> None:
    """However many codes return, they show no parent, and the finding says why; the values show related models."""
    pair = compared(with_zeros(8), PARENT)
    finding = found(pair, REQUANTISED)
    assert (pair.verdict, pair.relation) == ("related", None)
    assert (finding.outcome, finding.relation) == ("unchecked", None)
    assert finding.detail.endswith("no real file of this format was measured")


def test_matrices_that_are_not_quantised_are_no_training() -> None:
    """A child whose embedding is the parent's, of a format in which no codes are counted: not trained in part."""
    weights = {k: symmetric(v, 8) if v.shape[0] > 1 and "embd" not in k else v for k, v in PARENT.items()}
    pair = compare_pair(side("child", weights, method="awq"), side("parent", PARENT))
    assert found(pair, "numeric.equal_values").outcome == "for"
    assert (pair.verdict, pair.relation, pair.method) == ("related", None, "unknown")


def test_a_layout_is_judged_by_itself() -> None:
    """Integers of compressed-tensors with zero points are measured in four bits, and not in eight."""
    four, eight = (found(compared(with_zeros(bits), PARENT), REQUANTISED) for bits in (4, 8))
    assert (four.outcome, eight.outcome) == ("for", "unchecked")


def test_least_residual_is_no_share() -> None:
    """Of IQ3_S no code can be counted: the finding says by how much the parent is nearer than other candidates."""
    finding = found(compared(side("child", SIBLING, method="IQ3_S"), PARENT), REQUANTISED)
    assert (finding.outcome, finding.value) == ("unchecked", None)
    assert finding.detail.endswith("only the nearest of several candidates, by 1.06 to 1.12")


def test_one_format_of_a_mixed_file_excludes_a_candidate() -> None:
    """All codes of one format return and few of the other, as where layers were trained: the few decide."""
    first = {key for key in PARENT if key.startswith(("blk.0", "blk.1"))}
    mixed = {key: (FAR if key in first else PARENT)[key] for key in PARENT}
    child = quantised("torchao-int8", mixed)
    assert child.sketch is not None
    tiles = [
        each if each.tile.name in first or each.method is None else each._replace(method="bitsandbytes-int8")
        for each in child.sketch.tiles
    ]
    child = replace(child, sketch=child.sketch._replace(tiles=tiles))
    finding = found(compared(child, PARENT), REQUANTISED)
    assert (finding.outcome, finding.direction) == ("against", "a_from_b")


def test_a_common_parent_needs_the_parents_share() -> None:
    """Two quantised models come from a third one only if each returns what the parent of its format returns."""
    a, b = quantised("quanto-int2", name="a"), quantised("torchao-int8", name="b")
    assert common_parent(a, b, side("parent", PARENT)).outcome == "for"
    assert common_parent(a, b, side("sibling", NEAR)).outcome == "neutral"


def test_a_declared_relative_of_the_parent_is_not_confirmed() -> None:
    """A card names a relative of the true parent, which is not there: the edge stays declared, with both shares."""
    child = _matrices("quanto-int2", PARENT)
    found_edges = edges(
        member("relative", NEAR), member("child", child, "relative", relation="quantized", method="quanto-int2")
    )
    edge = found_edges["child", "relative"]
    assert (edge.status, edge.confidence) == ("declared", None)
    assert "the parent of this format returns" in edge.reason


def test_a_twin_of_the_parent_is_named_beside_it() -> None:
    """The cast of the parent returns as many codes: the edge to one of them says so, and is not sure."""
    cast = {key: round_to(each, "BF16") for key, each in PARENT.items()}
    near = {key: each + numpy.float32(1e-7) * each for key, each in PARENT.items()}
    assert not all((near[key] == PARENT[key]).all() for key in near)
    child = member("child", _matrices("quanto-int2", PARENT), method="quanto-int2")
    found_edges = edges(member("parent", PARENT), member("cast", cast, dtype="BF16"), member("near", near), child)
    (edge,) = [each for pair, each in found_edges.items() if pair[0] == "child"]
    assert (edge.status, edge.confidence) == ("inferred", 0.7)
    assert "which the codes do not tell apart" in edge.reason
    declared = member("child", _matrices("quanto-int2", PARENT), "parent", relation="quantized", method="quanto-int2")
    assert statuses(edges(member("parent", PARENT), member("near", near), declared))["child", "parent"] == "confirmed"
