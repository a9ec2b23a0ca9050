"""Adapters in further forms: DoRA, embeddings, modules that are saved whole, and the names of other trainers."""

from __future__ import annotations

import numpy
import pytest

from tests.support.values import open_bytes, values_at, whole
from tests.support.weight_files import safetensors_bytes

LAYER = "base_model.model.model.layers.0.self_attn.q_proj"


def floats(*shape: int) -> tuple[str, tuple[int, ...], bytes]:
    """Make a float32 tensor of counting numbers."""
    return "F32", shape, numpy.arange(numpy.prod(shape), dtype="<f4").tobytes()


def test_forms_of_peft_are_tensors_of_the_modules_they_change() -> None:
    """DoRA's magnitude, embeddings and modules_to_save of PEFT get the normalised names of what they change."""
    tensors = {
        f"{LAYER}.lora_A.weight": floats(4, 16),
        f"{LAYER}.lora_B.weight": floats(8, 4),
        f"{LAYER}.lora_magnitude_vector": floats(8),
        "base_model.model.model.embed_tokens.lora_embedding_A": floats(4, 32),
        "base_model.model.model.embed_tokens.lora_embedding_B": floats(16, 4),
        "base_model.model.lm_head.modules_to_save.weight": floats(32, 16),
    }
    adapter = {"r": 4, "lora_alpha": 8, "use_dora": True}
    source, fetch = open_bytes({"adapter_model.safetensors": safetensors_bytes(tensors)}, None, adapter)
    assert {name: tensor.shape for name, tensor in source.tensors.items()} == {
        "blk.0.attn_q.lora_a": (4, 16),
        "blk.0.attn_q.lora_b": (8, 4),
        "blk.0.attn_q.lora_magnitude_vector": (1, 8),
        "token_embd.lora_a": (4, 32),
        "token_embd.lora_b": (16, 4),
        "output.weight": (32, 16),
    }
    assert source.adapter is not None
    assert (source.adapter.scale, source.adapter.is_dora) == (2.0, True)
    magnitude = source.tensors["blk.0.attn_q.lora_magnitude_vector"]
    numpy.testing.assert_array_equal(values_at(magnitude, whole(magnitude), fetch), [range(8)])


def test_other_trainers_names_are_the_same_two_matrices() -> None:
    """Names of diffusers (`lora.down`) and kohya (`lora_down`) give the matrices A and B; the scale stays unknown."""
    for name in ("unet.down_blocks.0.attn1.to_q.lora.", "lora_unet_down_blocks_0_attn1_to_q.lora_"):
        tensors = {f"{name}down.weight": floats(4, 16), f"{name}up.weight": floats(8, 4)}
        source, _ = open_bytes({"lora.safetensors": safetensors_bytes(tensors)})
        assert sorted(tensor.shape for tensor in source.tensors.values()) == [(4, 16), (8, 4)]
        assert {each.rpartition(".")[2] for each in source.tensors} == {"lora_a", "lora_b"}
        assert source.adapter is not None
        assert source.adapter.scale is None


@pytest.mark.parametrize(
    "alpha", [10**800, float("inf"), float("nan"), "16", None, True], ids=lambda each: str(each)[:9]
)
@pytest.mark.parametrize("rank", [1, 10**400, 0, -4, "4", None], ids=lambda each: str(each)[:9])
@pytest.mark.parametrize("stabilised", [True, False])
def test_an_absurd_scale_is_not_known(alpha: object, rank: object, stabilised: bool) -> None:
    """Numbers of which no scale can be made leave the scale unknown, and the matrices are read all the same."""
    tensors = {f"{LAYER}.lora_A.weight": floats(4, 16), f"{LAYER}.lora_B.weight": floats(8, 4)}
    adapter = {"r": rank, "lora_alpha": alpha, "use_rslora": stabilised}
    source, _ = open_bytes({"adapter_model.safetensors": safetensors_bytes(tensors)}, None, adapter)
    assert source.adapter is not None
    assert (source.adapter.scale, len(source.tensors)) == (None, 2)
