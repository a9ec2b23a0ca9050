"""Which model a GGUF tensor was quantised from: codes that return, on tensors that llama.cpp's own quantiser made."""

from __future__ import annotations

import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize, quantize
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.fingerprint.values.gguf import BLOCK_TYPES
from lineage.fingerprint.values.requantise_gguf import GRIDS, LATTICES, REMADE, gguf_grid, residual
from lineage.fingerprint.values.sketch import SampledTile
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import Tile
from tests.support.gguf_values import Floats, fetch_from, share_of, source_of
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
    share = share_of(method, child, read("parent.weight"))
    near = share_of(method, child, read("chat.weight"))
    far = share_of(method, child, read("log.weight"))
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
    assert share_of(method, child, read("parent.weight")) is None
    found = [residual(child, read(f"{other}.weight")) for other in ("parent", "chat", "log")]
    assert None not in found
    assert found == sorted(found, key=lambda value: value or 0.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), dtype=st.sampled_from(sorted(REMADE)), rows=st.integers(1, 5))
def test_what_the_package_makes_returns(seed: int, dtype: str, rows: int) -> None:
    """Whatever the values, those that a tensor was made of give its codes again."""
    columns = 256 * (1 + seed % 2)
    values = (np.random.default_rng(seed).standard_normal((rows, columns)) * 0.02).astype(np.float32)
    kind = GGMLQuantizationType[dtype]
    child = dequantize(quantize(values, kind), kind)
    assert share_of(dtype, child, values) == 1


@pytest.mark.parametrize("method", sorted(BLOCK_TYPES))
def test_tiles_that_prove_nothing_have_no_share(method: str) -> None:
    """Zeros, tiles narrower than a block and values that are not finite are never a proof."""
    zeros, values = np.zeros((4, 256), np.float32), read("parent.weight")
    assert share_of(method, zeros, zeros) is None
    assert residual(zeros, values) is None
    assert share_of(method, values[:, :8], values[:, :8]) is None
    infinite = np.full((4, 256), np.inf, np.float32)
    broken = np.where(np.arange(256) % 5 == 0, np.float32(np.nan), values)
    for child, candidate in ((infinite, values), (values, infinite), (broken, values), (values, broken)):
        assert (share_of(method, child, candidate) or 0) < 0.95
        assert residual(child, candidate) is None


def test_a_place_inside_a_block_is_not_compared() -> None:
    """A tile that does not begin where a block does has no grid."""
    values = read("Q4_K.weight")
    for column, expected in ((0, True), (7, False), (32, True)):
        tile = Tile("strip", "x", Place(0, 4, column, 256))
        found = gguf_grid(SampledTile(tile, (4, 512), "Q4_K", values))
        assert (found is not None) == expected


@pytest.mark.parametrize("method", ["Q2_K", "Q4_K", "Q6_K", "IQ4_XS"])
def test_a_child_is_not_the_parent_of_its_parent(method: str) -> None:
    """The parent's values lie on no grid of the child's type: the direction cannot be turned round."""
    child, parent = read(f"{method}.weight"), read("parent.weight")
    assert share_of(method, child, parent) == pytest.approx(1, abs=0.01)
    assert (share_of(method, parent, child) or 0) < 0.9


def test_values_on_no_grid_are_not_taken_for_quantised_ones() -> None:
    """A tensor of plain floats that claims a quantised type leads to no relative."""
    values = read("parent.weight")
    for method in ("Q4_K", "Q6_K", "IQ4_XS", "NVFP4"):
        assert (share_of(method, values, read("log.weight")) or 0) < 0.5


def test_types_that_are_not_known_have_no_share() -> None:
    """A method of another format, and a lattice, have no grid; every other type has one."""
    values = read("parent.weight")
    assert share_of("gptq", values, values) is None
    assert set(GRIDS) | LATTICES == BLOCK_TYPES
