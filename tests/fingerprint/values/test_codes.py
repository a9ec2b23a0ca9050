"""Codes that no reader takes, and what belongs to them: never values, and the reason names the method."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy
import pytest

from lineage.fingerprint.header import BITS
from tests.cli.running import lineage
from tests.fingerprint.values.test_sample import sampled
from tests.support.unread_layouts import COLUMNS, LAYOUTS, ROWS, tensors_of
from tests.support.values import open_bytes, values_at, whole
from tests.support.weight_files import safetensors_bytes

Q = "model.layers.0.self_attn.q_proj"

Spans = dict[str, tuple[str, tuple[int, ...]]]


def opened(spans: Spans, config: dict[str, Any] | None = None, metadata: dict[str, str] | None = None) -> Any:
    """Open tensors of zero bytes, given by dtype and shape."""
    tensors = {name: (dtype, shape, bytes(prod(shape) * BITS[dtype] // 8)) for name, (dtype, shape) in spans.items()}
    source, _ = open_bytes({"model.safetensors": safetensors_bytes(tensors, metadata)}, config)
    return source


FLOATS_ONLY = {"fp-quant-pseudo"}
"""Layouts without codes: only the config shows that their floats are not plain weights."""


@pytest.mark.parametrize(
    ("name", "declared"),
    [(name, True) for name in LAYOUTS] + [(name, False) for name in LAYOUTS if name not in FLOATS_ONLY],
)
def test_a_layout_that_is_not_read_gives_no_values(name: str, declared: bool, tmp_path: Path) -> None:
    """A sample of such a model has no tile, with its config or without, and each tensor is unread with a reason."""
    layout = LAYOUTS[name]
    config = {"quantization_config": layout.config} if declared and layout.config else {}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": COLUMNS} | config))
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors_of(layout)))
    sample, _ = sampled(tmp_path)
    assert sample.problem is None
    assert not sample.sketch.tiles
    assert sample.method is None
    assert sample.unread.keys() == tensors_of(layout).keys()
    method = (layout.config or {}).get("quant_method")
    if declared and method not in (None, "auto-round", "awq", "compressed-tensors", "gptq", "torchao"):
        assert all(repr(method) in reason for reason in sample.unread.values())


def test_unrelated_models_with_the_same_tables_are_not_related(tmp_path: Path) -> None:
    """`lineage compare` of two models of HIGGS with random codes says that nothing can be compared."""
    for seed, name in enumerate(("a", "b")):
        random = numpy.random.default_rng(seed)
        tensors = {}
        for key, (dtype, shape, raw) in tensors_of(LAYOUTS["higgs"], 8).items():
            drawn = numpy.random.default_rng(9) if "tables" in key else random
            values = drawn.standard_normal(prod(shape)).astype("<f2").tobytes()
            tensors[key] = (dtype, shape, values)
            assert len(values) == len(raw)
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(safetensors_bytes(tensors))
        config = {"model_type": "llama", "quantization_config": LAYOUTS["higgs"].config}
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    done = lineage("compare", "--format", "json", tmp_path / "a", tmp_path / "b")
    assert json.loads(done.stdout)["verdict"] == "not_comparable"


def test_the_bias_of_a_layer_of_codes_is_read() -> None:
    """Of a layer of codes that are not read the bias is a value; other layers are read as they are."""
    spans: Spans = {f"{Q}.{part}": span for part, span in LAYOUTS["aqlm"].parts.items()}
    spans |= {f"{Q}.bias": ("F16", (ROWS,)), "model.embed_tokens.weight": ("F16", (32, 8))}
    source = opened(spans, {"quantization_config": LAYOUTS["aqlm"].config})
    assert set(source.tensors) == {"blk.0.attn_q.bias", "token_embd.weight"}


@pytest.mark.parametrize(
    ("spans", "config"),
    [
        ({f"{Q}.assignments": ("I64", (ROWS, 32)), f"{Q}.levels": ("F16", (256, 8))}, None),
        ({f"{Q}.q": ("U8", (ROWS, 32)), f"{Q}.weight": ("F16", (256, 8))}, None),
        ({"enc.0.fc.picks": ("I16", (ROWS, 32)), "enc.0.fc.levels": ("F16", (256, 8))}, None),
        ({f"{Q}.codes.weight": ("I8", (ROWS, 32)), f"{Q}.codebook.weight": ("F16", (256, 8))}, None),
        ({f"{Q}.codes": ("I16", (ROWS, 32)), "model.codebook": ("F16", (256, 8))}, None),
        ({f"{Q}.codes": ("I16", (ROWS, 32)), "model.hadamard_64": ("F16", (64, 64))}, None),
        ({"qweight": ("I32", (ROWS, 32)), "lut": ("F16", (ROWS, 16))}, None),
        ({"model.rotation": ("F32", (64, 64))}, {"quantization_config": {"quant_method": "new"}}),
        ({"model.rotation": ("F32", (64, 64))}, {"text_config": {"quantization_config": {"quant_method": "new"}}}),
        ({f"{Q}_scale": ("F32", (ROWS,)), f"{Q}.weight": ("F8_E4M3", (ROWS, COLUMNS))}, None),
        (
            {f"{Q}_scale": ("F32", (ROWS,)), f"{Q}.weight": ("F8_E4M3", (ROWS, COLUMNS))},
            {"quantization_config": {"quant_method": "fp8"}},
        ),
    ],
)
def test_codes_under_any_name_make_their_tables_unread(spans: Spans, config: Any) -> None:
    """Whatever codes and tables are called, in the layer, below it or for all layers: none of them is a value."""
    source = opened(spans, config)
    assert source.unread.keys() == spans.keys()
    assert not source.tensors


def test_a_table_beside_codes_that_are_read_is_not_a_value() -> None:
    """A Hadamard matrix that a layer of float8 holds is unread; the layer and its adapter are read."""
    spans: Spans = {
        f"{Q}.weight": ("F8_E4M3", (ROWS, COLUMNS)), f"{Q}.weight_scale": ("F32", (ROWS, 1)),
        f"{Q}.rotation": ("F16", (64, 64)), f"{Q}.transform.weight": ("F16", (64, 64)),
        f"{Q}.lora_A.weight": ("F16", (8, COLUMNS)),
    }  # fmt: skip
    source = opened(spans)
    assert set(source.unread) == {f"{Q}.rotation", f"{Q}.transform.weight"}
    assert set(source.tensors) == {"blk.0.attn_q.weight", "blk.0.attn_q.lora_a"}


NORMAL: dict[str, Spans] = {
    "positions": {
        "vision_model.embeddings.position_ids": ("I64", (1, 50)),
        "vision_model.embeddings.class_embedding": ("F32", (64,)),
        "vision_model.embeddings.patch_embedding.weight": ("F32", (64, 3, 4, 4)),
    },
    "narrow positions": {
        "embeddings.position_ids": ("I32", (1, 512)),
        "embeddings.token_type_ids": ("U8", (1, 512)),
        "embeddings.class_embedding": ("F32", (8, 64)),
    },
    "batch norm": {
        "bn.weight": ("F32", (64,)),
        "bn.running_mean": ("F32", (64,)),
        "bn.num_batches_tracked": ("I64", ()),
    },
    "relative positions": {
        "layers.0.attn.relative_position_index": ("I64", (49, 49)),
        "layers.0.attn.relative_position_bias_table": ("F32", (169, 3)),
        "layers.0.attn.qkv.weight": ("F32", (96, 32)),
    },
    "indices of biases": {
        "blocks.0.attn.attention_bias_idxs": ("I64", (49, 49)),
        "blocks.0.attn.attention_biases": ("F32", (4, 49)),
    },
    "masks": {
        "h.0.attn.bias": ("U8", (1, 1, 64, 64)),
        "h.0.attn.masked_bias": ("F32", ()),
        "h.0.attn.causal_mask": ("BOOL", (1, 1, 64, 64)),
        "h.0.attn.sinks": ("F32", (64,)),
        "h.0.attn.c_proj.weight": ("F32", (64, 64)),
    },
    "routes of tokens": {
        "layers.0.ffn.gate.tid2eid": ("I32", (512, 6)),
        "layers.0.ffn.gate.weight": ("BF16", (8, 64)),
    },
    "observers": {
        "fc.weight": ("F32", (8, 8)),
        "fc.weight_fake_quant.scale": ("F32", (8,)),
        "fc.weight_fake_quant.zero_point": ("I32", (8,)),
        "fc.weight_fake_quant.observer_enabled": ("U8", (1,)),
    },
    "a state dict": {"rows": ("F32", (8, 8)), "table": ("I8", (16, 16)), "step": ("I64", ())},
    "extra states": {
        "layers.0.mlp._extra_state": ("U8", (900,)),
        "layers.0.mlp.fc1_weight": ("BF16", (64, 64)),
        "layers.0.mlp.layer_norm_weight": ("BF16", (64,)),
    },
    "a fused layer": {
        "attn.lookup": ("I16", (16, 16)),
        "attn.in_proj_weight": ("BF16", (64, 64)),
        "attn.bias_k": ("BF16", (1, 1, 64)),
    },
    "complex numbers": {"freqs.cis": ("C64", (64, 8)), "freqs.scale_of": ("F32", (8, 8))},
    "a bias table beside codes": {
        "layers.0.attn.relative_position_bias_table": ("F32", (169, 3)),
        "layers.0.mlp.fc1.weight": ("I8", (64, 64)),
    },
    "drafts": {"d2t": ("I64", (512,)), "t2d": ("BOOL", (1024,)), "midlayer.mlp.weight": ("F32", (8, 8))},
    "casts": {"norm.scale": ("F8_E4M3", (64,)), "fc.weight": ("F8_E4M3", (8, 8)), "logit_scale": ("F32", ())},
    "learned scales": {"text_projection": ("F8_E4M3", (8, 8)), "logit_scale": ("F32", ())},
}


@pytest.mark.parametrize("name", NORMAL)
def test_floats_beside_buffers_are_values(name: str) -> None:
    """Integers that a library computes or counts do not make codes of a module: all of its floats are read."""
    floats = {key for key, (dtype, _) in NORMAL[name].items() if dtype.startswith(("F", "BF"))}
    source = opened(NORMAL[name])
    assert source.unread.keys() == NORMAL[name].keys() - floats
    assert len(source.tensors) == len(floats)


@pytest.mark.parametrize(
    ("beside", "config", "metadata"),
    [
        ({f"{Q}.weight_scales": ("F32", (ROWS,))}, None, None),
        ({f"{Q}.s": ("F32", (1,))}, None, None),
        ({f"{Q}.weight.absmax": ("F32", (ROWS,))}, None, None),
        ({f"{Q}.weight_inv": ("F32", (1,))}, None, None),
        ({f"{Q}.scale": ("F32", (ROWS, 1))}, None, None),
        ({"model.layers.1.self_attn.q_proj.weight_scales": ("F32", (ROWS,))}, None, None),
        ({}, {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}, None),
        ({}, {"quantization_config": {"quant_method": "compressed-tensors", "format": "float-quantized"}}, None),
        ({}, {"quantization": {"bits": 8}}, None),
        ({}, None, {"_quantization_metadata": "{}"}),
    ],
)
def test_floats_of_eight_bits_need_their_scale(beside: Spans, config: Any, metadata: Any) -> None:
    """8-bit floats are codes where a scale lies beside them or a config names a quantisation: they are not values."""
    weights: Spans = {f"model.layers.{at}.self_attn.q_proj.weight": ("F8_E4M3", (ROWS, COLUMNS)) for at in range(2)}
    source = opened(weights | beside, config, metadata)
    assert source.unread.keys() == (weights | beside).keys()
    assert all("scale" in reason for reason in source.unread.values())
    assert not source.tensors


@pytest.mark.parametrize(
    ("suffix", "shape", "dtype", "config"),
    [
        ("scale_weight", (), "F32", None),
        ("scale_weight", (1,), "F32", None),
        ("scale", (1, 2), "F32", None),
        ("scale", (1, 2), "F8_E8M0", {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}),
        ("scale", (2, 4), "F32", {"quantization_config": {"quant_method": "fp8", "weight_block_size": [64, 64]}}),
        ("weight_scale_inv", (1, 2), "F8_E8M0", None),
    ],
)
def test_scales_under_other_names_are_multiplied(suffix: str, shape: Any, dtype: str, config: Any) -> None:
    """ComfyUI's `scale_weight` and DeepSeek's `scale` give the values that `weight_scale_inv` gives."""
    random = numpy.random.default_rng(4)
    exponents = random.integers(118, 130, prod(shape)).astype(numpy.uint8)
    powers = numpy.exp2(exponents.astype("<f4") - 127)
    codes = ("F8_E4M3", (ROWS, COLUMNS), random.integers(0, 120, ROWS * COLUMNS).astype(numpy.uint8).tobytes())
    stored = (dtype, shape, exponents.tobytes() if dtype == "F8_E8M0" else powers.astype("<f4").tobytes())
    found = {}
    for name, scale in ((suffix, stored), ("weight_scale_inv", ("F32", shape, powers.astype("<f4").tobytes()))):
        raw = safetensors_bytes({f"{Q}.weight": codes, f"{Q}.{name}": scale})
        source, fetch = open_bytes({"model.safetensors": raw}, config)
        assert (source.method, dict(source.unread)) == ("fp8", {})
        (tensor,) = source.tensors.values()
        found[name, dtype] = values_at(tensor, whole(tensor), fetch)
    plain, fetch = open_bytes({"model.safetensors": safetensors_bytes({f"{Q}.weight": codes})})
    (tensor,) = plain.tensors.values()
    high, wide = (ROWS // shape[0], COLUMNS // shape[1]) if len(shape) == 2 else (ROWS, COLUMNS)
    spread = numpy.repeat(numpy.repeat(powers.reshape(shape if len(shape) == 2 else (1, 1)), high, 0), wide, 1)
    for values in found.values():
        numpy.testing.assert_array_equal(values, values_at(tensor, whole(tensor), fetch) * spread)
