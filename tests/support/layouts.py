"""Headers of models that are too large to be there: names and shapes as their publishers write them."""

from __future__ import annotations

from math import prod

from lineage.fingerprint.header import BITS, TensorSpan
from lineage.fingerprint.values.tensor import FileHeader

Layout = list[tuple[str, tuple[int, ...]]]


def llama(width: int, inner: int, layers: int, vocabulary: int, keys: int) -> Layout:
    """List the tensors of a Llama; `keys` are the rows of k and v."""
    found: Layout = [("model.embed_tokens.weight", (vocabulary, width)), ("lm_head.weight", (vocabulary, width))]
    for layer in range(layers):
        found += _attention(f"model.layers.{layer}", width, keys)
        for name, shape in (("gate", (inner, width)), ("up", (inner, width)), ("down", (width, inner))):
            found.append((f"model.layers.{layer}.mlp.{name}_proj.weight", shape))
    return found


def mixture(width: int, inner: int, layers: int, experts: int) -> Layout:
    """List the tensors of a mixture of experts."""
    found: Layout = [("model.embed_tokens.weight", (163_840, width)), ("lm_head.weight", (163_840, width))]
    for layer in range(layers):
        found += _attention(f"model.layers.{layer}", width, 1_024)
        for expert in range(experts):
            before = f"model.layers.{layer}.mlp.experts.{expert}"
            for name, shape in (("gate", (inner, width)), ("up", (inner, width)), ("down", (width, inner))):
                found.append((f"{before}.{name}_proj.weight", shape))
    return found


def gpt2(width: int, layers: int) -> Layout:
    """List the tensors of a GPT-2, whose layers are stored transposed."""
    found: Layout = [("wte.weight", (50_257, width)), ("wpe.weight", (1_024, width))]
    for layer in range(layers):
        found += [
            (f"h.{layer}.attn.c_attn.weight", (width, 3 * width)),
            (f"h.{layer}.attn.c_attn.bias", (3 * width,)),
            (f"h.{layer}.attn.c_proj.weight", (width, width)),
            (f"h.{layer}.mlp.c_fc.weight", (width, 4 * width)),
            (f"h.{layer}.mlp.c_proj.weight", (4 * width, width)),
            (f"h.{layer}.ln_1.weight", (width,)),
        ]
    return found


def spread(tensors: Layout, dtype: str, shards: int) -> list[FileHeader]:
    """Lay tensors out in shards, in the order given and by name inside each, as the library writes them."""
    each = -(-len(tensors) // shards)
    headers = []
    for number in range(shards):
        at, spans = 1_000, []
        for name, shape in sorted(tensors[number * each : (number + 1) * each]):
            end = at + prod(shape) * BITS[dtype] // 8
            spans.append(TensorSpan(name, dtype, shape, at, end))
            at = end
        headers.append(FileHeader(f"model-{number + 1:05d}-of-{shards:05d}.safetensors", spans, {}))
    return headers


def _attention(layer: str, width: int, keys: int) -> Layout:
    return [
        (f"{layer}.self_attn.q_proj.weight", (width, width)),
        (f"{layer}.self_attn.k_proj.weight", (keys, width)),
        (f"{layer}.self_attn.v_proj.weight", (keys, width)),
        (f"{layer}.self_attn.o_proj.weight", (width, width)),
        (f"{layer}.input_layernorm.weight", (width,)),
        (f"{layer}.post_attention_layernorm.weight", (width,)),
    ]
