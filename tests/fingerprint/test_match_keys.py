"""Match keys: what related weights have in common, and unrelated ones do not."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

import numpy
import pytest
from blake3 import blake3

from lineage.derivation.side import Side
from lineage.fingerprint.match_keys import match_keys
from lineage.fingerprint.tensor_table import TensorRow
from lineage.fingerprint.values.sketch import SampledTile, Sketch, pack_sketch, unpack_sketch
from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.tensor import Place
from lineage.fingerprint.values.tiles import Tile
from tests.support.sketches import Weights, llama, side, trained

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SKETCH = unpack_sketch((ROOT / "tests" / "data" / "fingerprints" / "sketch.v1").read_bytes())

BASE = llama(1)


def keys_of(read: Side, *families: str) -> set[str]:
    """Make the keys of a side, of some families or of all."""
    found = match_keys(read.sketch, read.rows, read.arch)
    return {each.key for each in found if each.family in families or not families}


def strong(weights: Weights) -> set[str]:
    """Make the keys of weights that unrelated models do not have."""
    return keys_of(side("m", weights), "band", "norm", "tensor")


def row(name: str, digest: str | None, *shape: int) -> TensorRow:
    """Make a row of a tensor table."""
    return TensorRow(name, "F32", shape, digest, "model.safetensors")


def tensors(rows: Collection[TensorRow], sketch: Sketch | None = None) -> list[str]:
    """Make the keys of a tensor table."""
    return [each.key.removeprefix("tensor:") for each in match_keys(sketch, list(rows), None)]


def test_the_documentation_has_the_keys_of_the_kept_sketch() -> None:
    """docs/reference/digests.md shows the keys of the kept sketch with a tensor and a signature."""
    text = (ROOT / "docs" / "reference" / "digests.md").read_text()
    vector = re.search(r"<!-- match keys vector -->\n```json\n(.*?)```", text, re.DOTALL)
    assert vector is not None
    rows = [row("model.embed_tokens.weight", "0b" * 32, 4, 2), row("model.norm.weight", "01" * 32, 2)]
    assert json.loads(vector[1]) == [each.key for each in match_keys(SKETCH, rows, f"arch.v1:{'5e' * 32}")]


def test_bands_are_made_as_the_documentation_says() -> None:
    """A second implementation of the documented text, bit by bit, gives the same bands."""
    name, values = "blk.0.attn_q.weight", [1.0, -2.5, 0.0, 3.0, 0.15625, -1.0]
    output = blake3(b"match.v1:signs").digest(72 * 1024 // 8)
    wanted = set()
    for band in range(6):
        bits = ""
        for bit in range(12):
            at = [(12 * band + bit) * 1024 + number for number in range(len(values))]
            signs = [1 if output[each // 8] & (128 >> each % 8) else -1 for each in at]
            bits += "1" if sum(sign * value for sign, value in zip(signs, values, strict=True)) > 0 else "0"
        parts = (part.encode() for part in ("band", name, str(band), bits))
        hashed = blake3(b"match.v1:" + b"".join(len(part).to_bytes(4, "little") + part for part in parts))
        wanted.add(f"band:v1:{hashed.hexdigest()[:16]}")
    assert wanted == {each.key for each in match_keys(SKETCH, None, None) if each.family == "band"}


def test_a_stored_sketch_gives_the_same_keys() -> None:
    """Keys of a sketch that was packed and read again are those of the reading."""
    read = side("m", BASE)
    assert read.sketch is not None
    stored = unpack_sketch(pack_sketch(read.sketch))
    assert match_keys(stored, read.rows, read.arch) == match_keys(read.sketch, read.rows, read.arch)


@pytest.mark.parametrize("amount", [0.001, 0.05, 0.2, 0.48])
def test_trained_models_share_bands_with_their_base(amount: float) -> None:
    """The further a model was trained from its base, the fewer bands they share; at a cosine of 0.9 still two."""
    shared = [len(strong(BASE) & strong(trained(BASE, seed, amount))) for seed in range(8)]
    assert min(shared) >= (40 if amount < 0.01 else 2)


def test_strangers_share_shapes_only() -> None:
    """Models of one architecture from other seeds have its signature and modules in common, and nothing else."""
    sides = [side("m", llama(seed)) for seed in range(12)]
    for at, one in enumerate(sides):
        for other in sides[:at]:
            assert {key.partition(":")[0] for key in keys_of(one) & keys_of(other)} == {"arch", "module"}


def test_other_forms_of_a_model_share_its_bands() -> None:
    """Fewer layers, another precision and pruned values leave bands in common."""
    shallow = {name: each for name, each in BASE.items() if not name.startswith("blk.3.")}
    rounded = {name: each.astype(numpy.float16).astype(numpy.float32) for name, each in BASE.items()}
    pruned = {name: numpy.where(abs(each) < numpy.median(abs(each)), 0, each) for name, each in BASE.items()}
    for changed in (shallow, rounded, pruned):
        assert len(strong(BASE) & strong(changed)) >= 10


def test_an_adapter_has_the_modules_of_models_that_it_fits() -> None:
    """The matrices that an adapter changes, in whatever layers, are modules of its base and not of a wider model."""
    random = numpy.random.default_rng(3)
    adapter = {}
    for layer in (2, 3):
        adapter[f"blk.{layer}.attn_q.lora_a"] = random.normal(size=(8, 96)).astype(numpy.float32)
        adapter[f"blk.{layer}.attn_q.lora_b"] = random.normal(size=(96, 8)).astype(numpy.float32)
    made = side("a", adapter, adapter=AdapterScale(2.0))
    modules = keys_of(made, "module")
    assert len(modules) == 1
    assert modules < keys_of(side("m", BASE), "module")
    assert not modules & keys_of(side("m", llama(1, width=64)), "module")
    same_seed = side("b", {**adapter, **{name: -each for name, each in adapter.items() if name.endswith("b")}})
    assert keys_of(made, "band")
    assert not keys_of(made, "band") & keys_of(same_seed, "band")
    alone = side("c", {name: each for name, each in adapter.items() if name.endswith("b")}, adapter=AdapterScale(2.0))
    assert not keys_of(alone, "module")


def strip(values: object, name: str = "blk.0.attn_q.weight", kind: str = "strip") -> SampledTile:
    """Make a tile of some rows of values."""
    array = numpy.array(values, numpy.float32)
    tile = Tile(kind, name, Place(0, array.shape[0], 0, array.shape[1]))  # type: ignore[arg-type]
    return SampledTile(tile, (array.shape[0], array.shape[1]), None, array)


@pytest.mark.parametrize(
    "values", [[[0.0, 0.0]], [[7.5] * 3] * 2, [[numpy.nan, numpy.inf], [-numpy.inf, numpy.nan]], [[]]]
)
def test_constant_values_give_no_key(values: object) -> None:
    """Zeros, a repeated value and values that are no numbers are alike in unrelated models."""
    found = match_keys(Sketch([strip(values), strip(values, "output_norm.weight", "vector")], {}), None, None)
    assert {each.family for each in found} <= {"module"}


def test_single_broken_values_count_as_zero() -> None:
    """A NaN or an infinite value among others changes bands as a zero does."""
    whole, broken = numpy.arange(1024.0).reshape(4, 256), numpy.arange(1024.0).reshape(4, 256)
    whole[1, 5] = whole[2, 7] = 0
    broken[1, 5], broken[2, 7] = numpy.nan, numpy.inf
    one, other = (match_keys(Sketch([strip(each)], {}), None, None) for each in (whole, broken))
    assert one == other


def test_the_smallest_digests_of_matrices_are_keys() -> None:
    """Of the matrices of a table the four smallest digests are taken; vectors and unread tensors have none."""
    digests = [f"{number:064x}" for number in range(9)]
    rows = [row(f"blk.{n}.ffn_up.weight", digest, 4, 4) for n, digest in enumerate(digests)]
    others = [row("a", "0" * 64, 16), row("b", "0" * 64, 16, 1), row("c", "0" * 64), row("d", None, 4, 4)]
    assert tensors([*reversed(rows[2:]), *others]) == digests[2:6]


def test_what_unrelated_models_have_is_no_tensor_key() -> None:
    """Masks, tensors that a model has twice, and constant ones are left out."""
    mask, zeros, twice, own = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)
    rows = [
        row("transformer.h.0.attn.bias", mask, 1, 1, 8, 8), row("model.layers.0.self_attn.q_proj.weight", zeros, 2, 2),
        row("a.qzeros", twice, 2, 2), row("b.qzeros", twice, 2, 2), row("model.layers.0.mlp.up_proj.weight", own, 2, 2),
    ]  # fmt: skip
    keys = tensors(rows, Sketch([strip([[0.0, 0.0], [0.0, 0.0]])], {}))
    assert [key for key in keys if not key.startswith("module:")] == [own]


def test_names_may_hold_anything() -> None:
    """A hostile name gives keys of the usual length."""
    name = "\ud800blk.0.\x00" + "x" * 10_000
    for each in match_keys(Sketch([strip([[1.0, 2.0]], name)], {}), [row(name, "f" * 64, 2, 2)], None):
        assert re.fullmatch(r"(band|module):v1:[0-9a-f]{16}|tensor:f{64}", each.key)
