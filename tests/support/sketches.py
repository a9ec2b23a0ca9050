"""Sides of a comparison made from arrays: sampled at the places of `sketch.v1`, as a file's values are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy
from blake3 import blake3

from lineage.derivation.side import Side
from lineage.fingerprint.digests import arch_digest, content_digest, weights_digest
from lineage.fingerprint.tensor_table import TensorRow
from lineage.fingerprint.values.sketch import SampledTile, Sketch
from lineage.fingerprint.values.source import AdapterScale
from lineage.fingerprint.values.tiles import tiles_of
from lineage_schemas.digests import Digests

if TYPE_CHECKING:
    Floats = numpy.ndarray[Any, numpy.dtype[numpy.float32]]

Weights = Mapping[str, "Floats"]


def llama(seed: int, layers: int = 4, width: int = 96, vocabulary: int = 640) -> dict[str, Floats]:
    """Draw the weights of a small model of Llama's form; another seed is another training."""
    random = numpy.random.default_rng(seed)

    def draw(*shape: int) -> Floats:
        return (random.normal(size=shape) * 0.05).astype(numpy.float32)

    weights = {"token_embd.weight": draw(vocabulary, width), "output_norm.weight": 1 + draw(1, width)}
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights[f"blk.{layer}.{name}.weight"] = draw(width, width)
        weights[f"blk.{layer}.ffn_up.weight"] = draw(2 * width, width)
        weights[f"blk.{layer}.ffn_down.weight"] = draw(width, 2 * width)
        weights[f"blk.{layer}.attn_norm.weight"] = 1 + draw(1, width)
    return weights


def trained(weights: Weights, seed: int, amount: float = 0.02) -> dict[str, Floats]:
    """Move all weights a little, by `amount` of their size, as training does."""
    random = numpy.random.default_rng(seed)
    return {
        name: (each + random.normal(size=each.shape) * amount * each.std()).astype(numpy.float32)
        for name, each in weights.items()
    }


def side(
    name: str, weights: Weights, *, dtype: str = "F32", method: str | None = None, adapter: AdapterScale | None = None
) -> Side:
    """Make a side with digests, tensor table, signature and sketch, of weights by normalised name."""
    shapes = {key: (each.shape[0], each.shape[1]) for key, each in weights.items()}
    rows = [
        TensorRow(key, dtype, each.shape, blake3(each.tobytes()).hexdigest(), "model.safetensors")
        for key, each in weights.items()
    ]
    tiles = []
    offers = tiles_of(shapes)
    for tile in offers:
        row, high, column, wide = tile.place
        of = method if shapes[tile.name][0] > 1 else None
        tiles.append(
            SampledTile(tile, shapes[tile.name], of, weights[tile.name][row : row + high, column : column + wide])
        )
    digests = Digests(weights=weights_digest(rows), content=content_digest(rows))
    sketch = Sketch(tiles, dict(Counter(tile.kind for tile in offers)), adapter)
    return Side(name, digests, "safetensors", rows, arch_digest(shapes), sketch)
