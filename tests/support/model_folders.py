"""Folders of small models, written file by file: plain ones, shards, GGUF, an adapter, a pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy

from tests.support.gguf_values import interleaved, tensor, write_gguf
from tests.support.sketches import llama
from tests.support.weight_files import safetensors_bytes

Floats = numpy.ndarray[Any, numpy.dtype[numpy.float32]]

HEADS = 4

CONFIG = {"model_type": "llama", "num_attention_heads": HEADS, "num_key_value_heads": HEADS}

_NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm", "token_embd": "model.embed_tokens", "output_norm": "model.norm",
}  # fmt: skip


def named(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """Name weights as transformers does, and write vectors in one dimension."""
    found: dict[str, Floats] = {}
    for name, each in weights.items():
        stem = name.removesuffix(".weight").split(".", 2)
        new = f"model.layers.{stem[1]}.{_NAMES[stem[2]]}" if len(stem) == 3 else _NAMES[stem[0]]
        found[f"{new}.weight"] = each[0] if each.shape[0] == 1 else each
    return found


def model(seed: int, **sizes: int) -> dict[str, Floats]:
    """Draw a small Llama under the names of transformers."""
    return named(llama(seed, **sizes))


def encoded(weights: Mapping[str, Any], dtype: str = "F32") -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Encode arrays as tensors of a safetensors file; `dtype` names theirs."""
    return {name: (dtype, each.shape, each.tobytes()) for name, each in weights.items()}


def write_model(
    folder: Path, weights: Mapping[str, Any] | None, *, dtype: str = "F32", card: str = "", config: object = None
) -> Path:
    """Write a model's folder: config, card with a metadata block, and weights if there are any."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG if config is None else config))
    (folder / "README.md").write_text(f"---\n{card}---\n")
    if weights is not None:
        (folder / "model.safetensors").write_bytes(safetensors_bytes(encoded(weights, dtype)))
    return folder


def write_llama_gguf(folder: Path, weights: Mapping[str, Floats], dtype: str) -> Path:
    """Write weights, by GGUF's names, as llama.cpp's converter does, with the rows of q and k in its order."""
    folder.mkdir(parents=True)
    tensors = []
    for name, each in weights.items():
        rows = interleaved(each, HEADS) if "attn_q." in name or "attn_k." in name else each
        tensors.append(tensor(name, rows[0] if rows.shape[0] == 1 else rows, "F32" if rows.shape[0] == 1 else dtype))
    values = {
        "general.architecture": "llama", "llama.block_count": 4, "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
    }  # fmt: skip
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    write_gguf(folder / f"model-{dtype}.gguf", values, tensors)
    return folder


def write_adapter(folder: Path, weights: Mapping[str, Floats], base: str, *, rank: int = 8) -> dict[str, Floats]:
    """Write a LoRA for q and v of a model; return the model with the LoRA merged into it."""
    random = numpy.random.default_rng(rank)
    parts: dict[str, Floats] = {}
    merged = dict(weights)
    for name, each in weights.items():
        if "q_proj" not in name and "v_proj" not in name:
            continue
        a = (random.normal(size=(rank, each.shape[1])) * 0.1).astype(numpy.float32)
        b = (random.normal(size=(each.shape[0], rank)) * 0.1).astype(numpy.float32)
        module = "base_model.model." + name.removesuffix(".weight")
        parts |= {f"{module}.lora_A.weight": a, f"{module}.lora_B.weight": b}
        merged[name] = (each + 2 * b @ a).astype(numpy.float32)
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(encoded(parts)))
    described = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(described))
    (folder / "README.md").write_text("---\nlibrary_name: peft\n---\n")
    return merged


def unet(seed: int, blocks: int = 3) -> dict[str, Floats]:
    """Draw a small denoiser with convolutions and attention, under the names of diffusers."""
    draw = drawing(seed)
    found: dict[str, Floats] = {"conv_in.weight": draw(32, 4, 3, 3), "conv_out.weight": draw(4, 32, 3, 3)}
    for block in range(blocks):
        for way in ("down", "up"):
            before = f"{way}_blocks.{block}"
            found[f"{before}.resnets.0.conv1.weight"] = draw(32, 32, 3, 3)
            found[f"{before}.resnets.0.conv1.bias"] = draw(32)
            for part in ("to_q", "to_k", "to_v", "to_out.0"):
                found[f"{before}.attentions.0.transformer_blocks.0.attn1.{part}.weight"] = draw(64, 64)
    return found


def text_encoder(seed: int) -> dict[str, Floats]:
    """Draw a small text encoder under CLIP's names."""
    draw = drawing(seed)
    found = {"text_model.embeddings.token_embedding.weight": draw(640, 64)}
    for layer in range(3):
        before = f"text_model.encoder.layers.{layer}"
        for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj"):
            found[f"{before}.{part}.weight"] = draw(64, 64)
        found |= {f"{before}.mlp.fc1.weight": draw(128, 64), f"{before}.mlp.fc2.weight": draw(64, 128)}
    return found


def write_pipeline(folder: Path, denoiser: Mapping[str, Floats], encoder: Mapping[str, Floats]) -> Path:
    """Write a diffusion pipeline with two components."""
    folder.mkdir(parents=True)
    parts = {"unet": ["diffusers", "UNet2DConditionModel"], "text_encoder": ["transformers", "CLIPTextModel"]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline", **parts}))
    (folder / "README.md").write_text("---\nlibrary_name: diffusers\n---\n")
    for part, weights, file in (
        ("unet", denoiser, "diffusion_pytorch_model.safetensors"), ("text_encoder", encoder, "model.safetensors"),
    ):  # fmt: skip
        (folder / part).mkdir()
        (folder / part / "config.json").write_text("{}")
        (folder / part / file).write_bytes(safetensors_bytes(encoded(weights)))
    return folder


def drawing(seed: int) -> Callable[..., Floats]:
    """Return a function that draws arrays of a shape from one seed, in order."""
    random = numpy.random.default_rng(seed)
    return lambda *shape: (random.normal(size=shape) * 0.05).astype(numpy.float32)
