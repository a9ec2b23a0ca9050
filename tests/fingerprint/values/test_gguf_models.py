"""Whole models: safetensors and their own GGUF give one sketch, within rounding, and quantised ones lead back to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lineage.fingerprint.gguf import TYPES
from lineage.fingerprint.header import TensorSpan, read_header
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.plan import plan_sample
from lineage.fingerprint.values.sample import read_sample
from lineage.fingerprint.values.sketch import SampledTile, Sketch
from lineage.fingerprint.values.tensor import FileHeader
from lineage.fingerprint.values.tiles import Tile
from tests.support.gguf_values import reads, share_of, sketch_of
from tests.support.to_gguf import to_gguf

pytestmark = pytest.mark.slow

ROUNDING = 2.0**-11
"""Half of the last bit of F16, in relation to a value that is no subnormal."""


def sketch_of_safetensors(folder: Path) -> Sketch:
    """Sample model.safetensors of a folder."""
    path = folder / "model.safetensors"
    header = read_header(read_ranges(path, path.name), path.stat().st_size, path.name)
    source = open_values([FileHeader(path.name, header.tensors, dict(header.metadata))], "safetensors")
    return read_sample(source, plan_sample(source), reads(folder))[0]


def by_tile(sketch: Sketch) -> dict[Tile, SampledTile]:
    """Give the tiles of a sketch by their place."""
    return {each.tile: each for each in sketch.tiles}


@pytest.mark.parametrize("name", ["skiffworks/skiff-0.7m", "heronml/heron-gpt2-tiny-licences/r0"])
def test_a_model_and_its_own_f16_have_one_sketch(small_zoo: Path, tmp_path: Path, name: str) -> None:
    """All tiles of a Llama and of a GPT-2 are the same in GGUF, with values that F16 rounds and nothing else."""
    plain = sketch_of_safetensors(small_zoo / name)
    other = sketch_of(to_gguf(small_zoo / name, tmp_path / "m.gguf"))
    assert [(each.tile, each.shape) for each in plain.tiles] == [(each.tile, each.shape) for each in other.tiles]
    assert len(plain.tiles) > 30
    for each, again in zip(plain.tiles, other.tiles, strict=True):
        np.testing.assert_allclose(again.values, each.values, rtol=ROUNDING, atol=2.0**-24)


@pytest.mark.parametrize("dtype", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_all_codes_of_a_model_return_to_its_parent(small_zoo: Path, tmp_path: Path, dtype: str) -> None:
    """Tile by tile the codes of a quantised Llama are those that its parent gives."""
    parent = by_tile(sketch_of_safetensors(small_zoo / "skiffworks" / "skiff-0.7m"))
    child = sketch_of(to_gguf(small_zoo / "skiffworks" / "skiff-0.7m", tmp_path / "m.gguf", dtype))
    matrices = [each for each in child.tiles if each.tile.kind != "vector"]
    assert {each.method for each in matrices} == {dtype}
    for each in matrices:
        assert share_of(dtype, each.values, parent[each.tile].values) == 1


def test_real_files_lead_to_their_parent_and_no_relative(zoo: Path) -> None:
    """Of the zoo's Q8_0 and Q4_0 files all codes return to the true parent, of its relatives fewer than 90 %."""
    folder = zoo / "quantworks" / "skiff-0.7m-manual-GGUF"
    models = {name: by_tile(sketch_of_safetensors(zoo / name)) for name in (
        "otterhub/skiff-0.7m-manual", "otterhub/skiff-0.7m-manual-v2", "skiffworks/skiff-0.7m")}  # fmt: skip
    for dtype in ("Q8_0", "Q4_0"):
        child = sketch_of(folder / f"skiff-0.7m-manual-{dtype}.gguf")
        shares = {}
        for name, tiles in models.items():
            found = [share_of(each.method, each.values, tiles[each.tile].values)
                     for each in child.tiles if each.method is not None]  # fmt: skip
            shares[name] = float(np.mean([share for share in found if share is not None]))
        assert shares.pop("otterhub/skiff-0.7m-manual") > 0.9999
        assert max(shares.values()) < 0.9


@pytest.mark.parametrize("dtype", ["Q4_K", "Q8_0"])
def test_the_largest_models_keep_all_their_tiles(dtype: str) -> None:
    """A Llama of 405B and a mixture of 1T parameters, in split files, keep 64 strips, the squares and the vectors."""
    for width, inner, layers, experts in ((16_384, 53_248, 126, 0), (7_168, 2_048, 61, 384)):
        headers = _llama(width, inner, layers, experts, dtype)
        plan = plan_sample(open_values(headers, "gguf"))
        assert list(plan.tiles) == list(plan.offers)
        assert len(plan.tiles) == 64 + 3 + 32


def _llama(width: int, inner: int, layers: int, experts: int, dtype: str) -> list[FileHeader]:
    """Lay out a Llama in one file a layer, as `llama-gguf-split` may; the first declares the numbers of heads."""
    elements, size = next((each[1], each[2]) for each in TYPES.values() if each[0] == dtype)
    stack = (experts,) if experts else ()
    suffix = "_exps" if experts else ""
    declares = {"general.architecture": "llama", "llama.attention.head_count": 128,
                "llama.attention.head_count_kv": 8}  # fmt: skip
    headers = []
    for layer in range(-1, layers):
        shapes: dict[str, tuple[int, ...]] = {
            f"blk.{layer}.attn_q.weight": (width, width), f"blk.{layer}.attn_k.weight": (1_024, width),
            f"blk.{layer}.attn_v.weight": (1_024, width), f"blk.{layer}.attn_output.weight": (width, width),
            f"blk.{layer}.attn_norm.weight": (width,), f"blk.{layer}.ffn_norm.weight": (width,),
            f"blk.{layer}.ffn_gate{suffix}.weight": (*stack, inner, width),
            f"blk.{layer}.ffn_up{suffix}.weight": (*stack, inner, width),
            f"blk.{layer}.ffn_down{suffix}.weight": (*stack, width, inner),
        }  # fmt: skip
        if layer < 0:
            shapes = {"token_embd.weight": (128_256, width), "output.weight": (128_256, width)}
        at, spans = 1 << 20, []
        for name, shape in shapes.items():
            count = int(np.prod(shape, dtype=object))
            length = 4 * count if len(shape) == 1 else count // elements * size
            spans.append(TensorSpan(name, "F32" if len(shape) == 1 else dtype, shape, at, at + length))
            at += length
        headers.append(FileHeader(f"m-{layer + 2:05d}.gguf", spans, declares if layer < 0 else {}))
    return headers
