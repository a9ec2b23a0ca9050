"""Small models as llama.cpp's converter writes them, with the names of the gguf package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from gguf.constants import MODEL_ARCH
from gguf.tensor_mapping import get_tensor_name_map

from tests.support.gguf_values import Floats, interleaved, tensor, write_gguf
from tests.support.weight_files import read_safetensors

_ARCHITECTURES = {"llama": MODEL_ARCH.LLAMA, "gpt2": MODEL_ARCH.GPT2}
_CONV1D = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")


def to_gguf(folder: Path, path: Path, dtype: str = "F16") -> Path:
    """Convert a Llama or GPT-2 in safetensors: matrices to `dtype`, vectors to F32."""
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]
    names = get_tensor_name_map(_ARCHITECTURES[kind], config.get("num_hidden_layers") or config["n_layer"])
    heads = config.get("num_attention_heads") or config["n_head"]
    keys = config.get("num_key_value_heads") or heads
    tensors = []
    for stored, (stored_dtype, shape, raw) in read_safetensors(folder / "model.safetensors")[0].items():
        values = _decoded(stored_dtype, raw).reshape(shape)
        if kind == "llama" and ".q_proj." in stored:
            values = interleaved(values, heads)
        if kind == "llama" and ".k_proj." in stored:
            values = interleaved(values, keys)
        if kind == "gpt2" and stored.endswith(_CONV1D):
            values = values.T
        name = names.get_name(stored, try_suffixes=(".weight", ".bias"))
        assert name is not None, stored
        tensors.append(tensor(name, values, dtype if values.ndim == 2 else "F32"))
    declared: dict[str, Any] = {"general.architecture": kind, f"{kind}.attention.head_count": heads}
    return write_gguf(path, declared | {f"{kind}.attention.head_count_kv": keys}, tensors)


def _decoded(dtype: str, raw: bytes) -> Floats:
    if dtype == "BF16":
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[dtype]).astype(np.float32)
