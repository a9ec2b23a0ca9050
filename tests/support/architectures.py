"""Small models of other architectures than Llama's, drawn at random, under the names of transformers and diffusers."""

from __future__ import annotations

from collections.abc import Callable

import numpy

from tests.support.model_folders import Floats, drawing, text_encoder, unet

Weights = dict[str, Floats]


def mamba(seed: int) -> Weights:
    """Draw a state space model; `A_log` and `D` start from the same values in every model."""
    draw = drawing(seed)
    found: Weights = {"backbone.embeddings.weight": draw(640, 48), "backbone.norm_f.weight": 1 + draw(48)}
    states = numpy.log(numpy.tile(numpy.arange(1, 17, dtype=numpy.float32), (96, 1)))
    for layer in range(4):
        mixer = f"backbone.layers.{layer}.mixer"
        found |= {
            f"{mixer}.in_proj.weight": draw(192, 48), f"{mixer}.out_proj.weight": draw(48, 96),
            f"{mixer}.x_proj.weight": draw(35, 96), f"{mixer}.dt_proj.weight": draw(96, 3),
            f"{mixer}.dt_proj.bias": draw(96), f"{mixer}.conv1d.weight": draw(96, 1, 4),
            f"{mixer}.A_log": states, f"{mixer}.D": numpy.ones(96, numpy.float32),
            f"backbone.layers.{layer}.norm.weight": 1 + draw(48),
        }  # fmt: skip
    return found


def t5(seed: int) -> Weights:
    """Draw an encoder-decoder."""
    draw = drawing(seed)
    found: Weights = {"shared.weight": draw(640, 64)}
    for side, parts in (("encoder", ("SelfAttention",)), ("decoder", ("SelfAttention", "EncDecAttention"))):
        for layer in range(3):
            block = f"{side}.block.{layer}.layer"
            for at, part in enumerate(parts):
                found |= {f"{block}.{at}.{part}.{each}.weight": draw(64, 64) for each in "qkvo"}
            dense = f"{block}.{len(parts)}.DenseReluDense"
            found |= {f"{dense}.{each}.weight": draw(128, 64) for each in ("wi_0", "wi_1")}
            found |= {f"{dense}.wo.weight": draw(64, 128), f"{block}.0.layer_norm.weight": 1 + draw(64)}
    return found


def mixture(seed: int) -> Weights:
    """Draw a mixture of experts."""
    draw = drawing(seed)
    found: Weights = {"model.embed_tokens.weight": draw(640, 64), "lm_head.weight": draw(640, 64)}
    for layer in range(3):
        before = f"model.layers.{layer}"
        found |= {f"{before}.self_attn.{each}_proj.weight": draw(64, 64) for each in "qkvo"}
        found[f"{before}.block_sparse_moe.gate.weight"] = draw(4, 64)
        for expert in range(4):
            of = f"{before}.block_sparse_moe.experts.{expert}"
            found |= {f"{of}.w1.weight": draw(96, 64), f"{of}.w2.weight": draw(64, 96), f"{of}.w3.weight": draw(96, 64)}
    return found


def vit(seed: int) -> Weights:
    """Draw a vision transformer."""
    draw = drawing(seed)
    patches = "vit.embeddings.patch_embeddings.projection.weight"
    found: Weights = {patches: draw(48, 3, 8, 8), "classifier.weight": draw(10, 48)}
    for layer in range(4):
        before = f"vit.encoder.layer.{layer}"
        found |= {f"{before}.attention.attention.{each}.weight": draw(48, 48) for each in ("query", "key", "value")}
        found |= {
            f"{before}.attention.output.dense.weight": draw(48, 48),
            f"{before}.intermediate.dense.weight": draw(96, 48),
            f"{before}.output.dense.weight": draw(48, 96),
            f"{before}.layernorm_before.weight": 1 + draw(48),
        }
    return found


def resnet(seed: int) -> Weights:
    """Draw a convolutional network."""
    draw = drawing(seed)
    found: Weights = {
        "resnet.embedder.embedder.convolution.weight": draw(16, 3, 7, 7),
        "classifier.1.weight": draw(10, 16),
    }
    for stage in range(3):
        for part in range(4):
            before = f"resnet.encoder.stages.{stage}.layers.{part // 2}.layer.{part % 2}"
            found |= {
                f"{before}.convolution.weight": draw(16, 16, 3, 3),
                f"{before}.normalization.weight": 1 + draw(16),
            }
            found |= {f"{before}.normalization.running_var": 1 + draw(16)}
    return found


def whisper(seed: int) -> Weights:
    """Draw an encoder-decoder for speech."""
    draw = drawing(seed)
    found: Weights = {
        "model.encoder.conv1.weight": draw(48, 8, 3), "model.encoder.conv2.weight": draw(48, 48, 3),
        "model.decoder.embed_tokens.weight": draw(640, 48),
    }  # fmt: skip
    for side, parts in (("encoder", ("self_attn",)), ("decoder", ("self_attn", "encoder_attn"))):
        for layer in range(3):
            before = f"model.{side}.layers.{layer}"
            for part in parts:
                projections = ("q_proj", "k_proj", "v_proj", "out_proj")
                found |= {f"{before}.{part}.{each}.weight": draw(48, 48) for each in projections}
            found |= {f"{before}.fc1.weight": draw(96, 48), f"{before}.fc2.weight": draw(48, 96)}
    return found


ARCHITECTURES: dict[str, Callable[[int], Weights]] = {
    "mamba": mamba, "t5": t5, "mixture": mixture, "vit": vit, "resnet": resnet, "whisper": whisper, "unet": unet,
    "clip": text_encoder,
}  # fmt: skip
"""Each by its name, drawn from a seed."""

EMBEDDINGS = {
    "mamba": "backbone.embeddings.weight", "t5": "shared.weight", "whisper": "model.decoder.embed_tokens.weight",
    "clip": "text_model.embeddings.token_embedding.weight",
}  # fmt: skip
"""The embedding of tokens of each that has one, besides Llama's."""
