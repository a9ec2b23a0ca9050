"""Codes that return when the parent of a quantised matrix is quantised again, and how few do for a relative."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lineage.fingerprint.values.requantise import GRIDS, cast_again, grid_of, requantise
from lineage.fingerprint.values.rounding import rounded
from lineage.fingerprint.values.sketch import SampledTile
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import Tile
from tests.fingerprint.values.test_layouts import METHODS, archive, config_of
from tests.support.values import open_bytes, values_at, whole
from tests.support.weight_files import read_safetensors

pytestmark = pytest.mark.slow

OTHERS = {"mxfp4", "gptq-8bit-act", "compressed-tensors-int4-gptq", "compressed-tensors-nvfp4"}
"""Not exact: without a parent, in act-order, with errors that GPTQ adds to later columns, and made with scales before
they were rounded to float8, which real files are not (`test_nvfp4_scales_are_rounded_first`)."""

EXACT = sorted(name for name in METHODS if METHODS[name] in GRIDS and name not in OTHERS)
"""Files of the archive whose codes are the nearest of their parent's values."""

NOT_SHOWN = {
    "compressed-tensors-int2-gptq",
    "gptq-2bit-model",
    "gptq-2bit-v2-asym",
    "gptq-3bit-act-v2-asym",
    "gptq-4bit-act-asym",
    "gptq-4bit-act-model",
}
"""Files whose values show no grid: too few levels, or groups that lie anywhere."""


@pytest.fixture(scope="module")
def embedding(small_zoo: Path) -> Any:
    """Return the values of which the matrices of the archive are parts."""
    tensors, _ = read_safetensors(small_zoo / "skiffworks" / "skiff-0.7m" / "model.safetensors")
    return numpy.frombuffer(tensors["model.embed_tokens.weight"][2], "<f4")


def children(name: str) -> list[SampledTile]:
    """Take each matrix of a fixture as one tile."""
    source, fetch = open_bytes({"model.safetensors": archive()[f"{name}.safetensors"]}, config_of(name))
    return [
        SampledTile(
            Tile("square", tensor.name, whole(tensor)),
            tensor.shape,
            tensor.method,
            values_at(tensor, whole(tensor), fetch),
        )
        for tensor in source.tensors.values()
        if tensor.method
    ]


@pytest.mark.parametrize("name", [name for name in EXACT if name not in NOT_SHOWN])
def test_the_codes_of_the_parent_return(name: str, embedding: Any) -> None:
    """At least 99.9 % of the codes that a library wrote return from the values that it was given."""
    for child in children(name):
        parent = embedding[: child.values.size].reshape(child.values.shape)
        found = requantise(child, parent)
        assert found is not None
        assert found.compared >= child.shape[0]
        assert found.best >= 0.999 * found.compared


@pytest.mark.parametrize(
    "name", [name for name in EXACT if name not in NOT_SHOWN and "int2" not in name and "2bit" not in name]
)
def test_fewer_codes_of_a_relative_return(name: str, embedding: Any) -> None:
    """Fewer codes return from the values of a relative that is 5 % away, and of 8-bit codes less than 60 %."""
    noise = numpy.random.default_rng(3).normal(size=embedding.size).astype(numpy.float32)
    relative = embedding + 0.05 * embedding.std() * noise
    for child in children(name):
        found = requantise(child, relative[: child.values.size].reshape(child.values.shape))
        assert found is not None
        assert found.best <= (0.6 if "int8" in name or "8bit" in name else 0.97) * found.compared


@pytest.mark.parametrize("name", sorted(NOT_SHOWN))
def test_some_files_show_no_grid(name: str, embedding: Any) -> None:
    """GPTQ in act-order, or with two bits, gives no count of codes: which grid it was is not in the values."""
    for child in children(name):
        assert requantise(child, child.values) is None


def test_codes_in_float32_are_told_from_those_in_bfloat16(embedding: Any) -> None:
    """A model that was loaded in bfloat16 before it was quantised: the result says that rounding returns more codes."""
    (child,) = children("torchao-int8")
    found = requantise(child, embedding[: child.values.size].reshape(child.values.shape))
    assert found is not None
    assert found.rounding == "BF16"
    assert found.equal < found.best


def test_a_method_without_a_grid_is_not_known() -> None:
    """AWQ changes the values before it quantises them: no code is counted, and plain floats have none."""
    for method in ("awq", "EXL2", None):
        values = numpy.ones((4, 256), numpy.float32)
        place = Place(0, 4, 0, 256)
        assert (
            requantise(SampledTile(Tile("strip", "blk.0.attn_q.weight", place), (64, 256), method, values), values)
            is None
        )


@pytest.mark.parametrize("method", sorted(GRIDS))
@settings(max_examples=4, deadline=None)
@given(values=arrays(numpy.float32, (4, 64), elements=st.floats(width=32)), candidate=arrays(numpy.float32, (4, 64)))
def test_any_values_are_counted_or_refused(method: str, values: Any, candidate: Any) -> None:
    """Values that no library wrote (NaN, infinities, zeros) give a count within bounds or None, and never an error."""
    tile = Tile("strip", "blk.0.attn_q.weight", Place(0, 4, 0, 64))
    found = requantise(SampledTile(tile, (4, 64), method, values), candidate)
    assert found is None or 0 <= found.equal <= found.best <= found.compared


@settings(max_examples=30, deadline=None)
@given(values=arrays(numpy.float32, (40,), elements=st.floats(width=32)))
def test_halves_are_rounded_as_numpy_rounds_them(values: Any) -> None:
    """Rounding to F16 is that of numpy, and a second rounding changes nothing; F32 changes nothing at all."""
    with numpy.errstate(over="ignore"):
        expected = values.astype(numpy.float16).astype(numpy.float32)
    numpy.testing.assert_array_equal(rounded(values, "F16"), expected)
    for dtype in ("BF16", "F16", "F8_E4M3", "F8_E5M2"):
        once = rounded(values, dtype)
        assert once is not None
        numpy.testing.assert_array_equal(rounded(once, dtype), once)
    assert rounded(values, "F32") is values


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F8_E4M3", "F8_E5M2"])
def test_a_cast_is_made_again(dtype: str, embedding: Any) -> None:
    """All values of a cast return from the model that was cast, and few from a relative."""
    parent = embedding[:4096]
    child = rounded(parent, dtype)
    assert child is not None
    found, other = cast_again(dtype, child, parent), cast_again(dtype, child, parent * numpy.float32(1.03))
    assert found is not None
    assert other is not None
    assert found.equal == found.compared == 4096
    assert other.equal < 0.9 * other.compared


def test_the_reverse_of_a_cast_does_not_return(embedding: Any) -> None:
    """The float32 model is not the cast of its own bfloat16 copy."""
    copy = rounded(embedding[:4096], "BF16")
    assert copy is not None
    found = cast_again("F32", embedding[:4096], copy)
    assert found is not None
    assert found.equal < 0.1 * found.compared


def test_nvfp4_scales_are_rounded_first(embedding: Any) -> None:
    """The compressor alone was given scales before their rounding to float8: 95 % of its codes return.

    With the scales that it was given all do. llmcompressor rounds them first, so that all codes of its files return.
    """
    (child,) = children("compressed-tensors-nvfp4")
    blocks = embedding[: child.values.size].reshape(-1, 16)
    found = requantise(child, blocks.reshape(child.values.shape))
    assert found is not None
    assert 0.94 * found.compared < found.best < 0.96 * found.compared
    grid = grid_of(child)
    assert grid is not None
    levels = numpy.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], numpy.float32)
    quotients = 6 * blocks / numpy.abs(blocks).max(axis=1, keepdims=True)
    given = numpy.copysign(levels[numpy.searchsorted((levels[1:] + levels[:-1]) / 2, numpy.abs(quotients))], quotients)
    known = grid.child * (6 / numpy.abs(grid.child).max(axis=1, keepdims=True))  # a block may lie on a coarser grid
    numpy.testing.assert_array_equal(known, given)


def test_a_half_is_rounded_with_its_zero_point(embedding: Any) -> None:
    """Codes with a zero point that a library made in BF16, where one value in sixteen lies between two codes."""

    def narrow(values: Any) -> Any:
        return rounded(values, "BF16")

    blocks = narrow(embedding[: 64 * 96].reshape(-1, 32))
    least, greatest = blocks.min(axis=1, keepdims=True), blocks.max(axis=1, keepdims=True)
    scale = narrow((greatest - least) / numpy.float32(15))
    zero = numpy.round(numpy.clip(-8 - narrow(least / scale), -8, 7)).astype(numpy.float32)
    codes = numpy.clip(numpy.round(narrow(narrow(blocks / scale) + zero)), -8, 7)
    values = ((codes - zero) * scale).reshape(64, 96).astype(numpy.float32)
    tile = Tile("square", "blk.0.attn_q.weight", Place(0, 64, 0, 96))
    found = requantise(SampledTile(tile, (64, 96), "compressed-tensors-int4", values), blocks.reshape(64, 96))
    assert found is not None
    assert found.compared > 3000
    assert found.best == found.compared
