"""Which tensor types show a quantisation."""

from __future__ import annotations

import pytest

from lineage.derivation.precision import weight_types
from lineage.fingerprint.tensor_table import TensorRow


def low(*rows: tuple[str, str, tuple[int, ...]]) -> tuple[str, ...]:
    """List the low types among tensors of (name, type, shape), beside one weight in BF16."""
    tensors = [("model.norm.weight", "BF16", (8,)), *rows]
    found = weight_types("model.safetensors", [TensorRow(*row, None, "model.safetensors") for row in tensors])
    assert found is not None
    return found.low


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("layers.0.q_proj.qweight", "I32", (16, 128)),
        ("layers.0.q_proj.weight", "U8", (4096, 1)),
        ("layers.0.q_proj.weight", "I8", (64, 64)),
        ("layers.0.q_proj.weight", "F8_E4M3", (64, 64)),
        ("layers.0.q_proj.weight", "U32", (64, 8)),
        ("layers.0.experts.gate_blocks", "U8", (4, 8, 4, 16)),
        ("blk.0.attn_q.weight", "Q4_K", (256, 256)),
        ("blk.0.attn_q.weight", "IQ2_XXS", (256, 256)),
    ],
)
def test_packed_and_small_types_are_low(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Weights in eight bits or fewer, or packed into larger integers, show a quantisation."""
    assert low((name, dtype, shape)) == (dtype,)


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("model.embed.weight", "F32", (64, 64)),
        ("embeddings.position_ids", "I64", (1, 512)),
        ("embeddings.position_ids", "I32", (1, 512)),
        ("h.0.attn.bias", "U8", (1, 1, 64, 64)),
        ("h.0.attn.bias", "BOOL", (1, 1, 64, 64)),
        ("h.0.attn.masked_bias", "U8", ()),
        ("layers.0.relative_position_index", "I32", (49, 49)),
        ("bn.num_batches_tracked", "I64", ()),
    ],
)
def test_training_precision_and_buffers_are_not(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Positions, masks and counters are integers in models of any precision."""
    assert low((name, dtype, shape)) == ()


def test_a_group_without_tensors_shows_nothing() -> None:
    """Without a tensor the precision is unknown."""
    assert weight_types("model.safetensors", []) is None
