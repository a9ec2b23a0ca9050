"""Which model a GGUF tensor was quantised from: codes that return, on tensors that llama.cpp's own quantiser made."""

from __future__ import annotations

import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize, quantize
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.fingerprint.values.gguf import BLOCK_TYPES
from lineage.fingerprint.values.requantise_gguf import (
    LATTICES,
    REMADE,
    grid_share,
    remade_share,
    residual,
    returning_codes,
)
from lineage.fingerprint.values.tensor import Place
from tests.support.gguf_values import Floats, fetch_from, source_of
from tests.support.shared import ROOT

MADE = ROOT / "tests" / "data" / "values" / "llama-cpp-types.gguf"
SOURCE = source_of(MADE)
CHILDREN = sorted(name for name in SOURCE.tensors if name.split(".")[0] in BLOCK_TYPES)
K_QUANTS = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")


def read(name: str) -> Floats:
    """Read one tensor of the file."""
    return SOURCE.tensors[name].values(Place(0, 4, 0, 256), fetch_from(MADE.parent))


def method_of(name: str) -> str:
    """Return the type of a child by its name."""
    return name.split(".")[0]


def test_the_file_has_every_type() -> None:
    """Each type that is read was made by llama.cpp, with an importance matrix or without."""
    assert {method_of(name) for name in CHILDREN} == BLOCK_TYPES


@pytest.mark.parametrize("name", [name for name in CHILDREN if method_of(name) not in LATTICES])
def test_codes_of_the_true_parent_return(name: str) -> None:
    """Of Q2_K to Q6_K all codes return, of the others 99 % at least, and fewer of a fine-tune's that is near."""
    child, method = read(name), method_of(name)
    share = returning_codes(method, child, read("parent.weight"))
    near = returning_codes(method, child, read("chat.weight"))
    far = returning_codes(method, child, read("log.weight"))
    assert share is not None
    assert near is not None
    assert far is not None
    if method in K_QUANTS or (method in REMADE and "importance" not in name):
        assert share == 1
    assert share > 0.99
    assert near < (0.99 if method == "Q2_K" else 0.96)
    assert far < near


@pytest.mark.parametrize("name", [name for name in CHILDREN if method_of(name) in LATTICES])
def test_the_residual_of_the_true_parent_is_the_least(name: str) -> None:
    """Types that round several values together have no codes to compare; the true parent is the nearest model."""
    child, method = read(name), method_of(name)
    assert returning_codes(method, child, read("parent.weight")) is None
    found = [residual(child, read(f"{other}.weight")) for other in ("parent", "chat", "log")]
    assert None not in found
    assert found == sorted(found, key=lambda value: value or 0.0)


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_casts_return_exactly(dtype: str) -> None:
    """A cast of the parent is remade bit for bit; that of a fine-tune is not."""
    kind = GGMLQuantizationType[dtype]
    child = dequantize(quantize(read("parent.weight"), kind), kind)
    assert returning_codes(dtype, child, read("parent.weight")) == 1
    share = returning_codes(dtype, child, read("chat.weight"))
    assert share is not None
    assert share < 0.1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), dtype=st.sampled_from(sorted(REMADE - {"F16", "BF16"})), rows=st.integers(1, 5))
def test_what_the_package_makes_returns(seed: int, dtype: str, rows: int) -> None:
    """Whatever the values, those that a tensor was made of give its codes again."""
    columns = 256 * (1 + seed % 2)
    values = (np.random.default_rng(seed).standard_normal((rows, columns)) * 0.02).astype(np.float32)
    kind = GGMLQuantizationType[dtype]
    child = dequantize(quantize(values, kind), kind)
    assert remade_share(dtype, child, values) == 1


@pytest.mark.parametrize("method", sorted(BLOCK_TYPES | {"F16", "BF16"}))
def test_tiles_that_prove_nothing_have_no_share(method: str) -> None:
    """Zeros, shapes that differ, tiles narrower than a block and values that are not finite are never a proof."""
    zeros, values = np.zeros((4, 256), np.float32), read("parent.weight")
    assert returning_codes(method, zeros, zeros) is None
    assert returning_codes(method, values[:2], values) is None
    assert residual(zeros, values) is None
    if method not in {"F16", "BF16"}:
        assert returning_codes(method, values[:, :8], values[:, :8]) is None
    infinite = np.full((4, 256), np.inf, np.float32)
    broken = np.where(np.arange(256) % 5 == 0, np.float32(np.nan), values)
    for child, candidate in ((infinite, values), (values, infinite), (broken, values), (values, broken)):
        assert (returning_codes(method, child, candidate) or 0) < 0.95
        assert residual(child, candidate) is None or residual(child, candidate) != 0


def test_values_on_no_grid_are_not_taken_for_quantised_ones() -> None:
    """A tensor of plain floats that claims a quantised type has no grid, so that nothing returns to it."""
    values = read("parent.weight")
    for method in ("Q4_K", "Q6_K", "IQ4_XS", "NVFP4"):
        assert not grid_share(method, values, values)


def test_types_that_are_not_known_have_no_share() -> None:
    """A method of another format is answered with None."""
    values = read("parent.weight")
    assert returning_codes("gptq", values, values) is None
