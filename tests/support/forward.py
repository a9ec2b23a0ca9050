"""Forward passes in numpy: what a model computes, to compare two sets of weights by their function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[numpy.float64]
    Weights = dict[str, Doubles]


@dataclass(frozen=True)
class Shape:
    """What a forward pass needs beside the weights. `eps` is added to variances; GPT-2 has no rotary positions."""

    heads: int
    kv_heads: int
    layers: int
    eps: float = 1e-6
    theta: float = 10_000.0


def llama(weights: Mapping[str, Doubles], shape: Shape, tokens: Sequence[int]) -> Doubles:
    """Return the logits of a Llama: RMSNorm, rotary positions, grouped-query heads, SwiGLU.

    Names are normalised ones. Without `output.weight` the embedding is the head.
    """
    x = weights["token_embd.weight"][list(tokens)]
    mask = numpy.triu(numpy.full((len(tokens), len(tokens)), -numpy.inf), 1)
    for layer in range(shape.layers):
        w = {part: weights[f"blk.{layer}.{part}.weight"] for part in _LLAMA}
        y = _rms(x, w["attn_norm"], shape.eps)
        x = x + _attention(y @ w["attn_q"].T, y @ w["attn_k"].T, y @ w["attn_v"].T, shape, mask, rotary=True) @ (
            w["attn_output"].T
        )
        y = _rms(x, w["ffn_norm"], shape.eps)
        gate = y @ w["ffn_gate"].T
        x = x + (gate / (1 + numpy.exp(-gate)) * (y @ w["ffn_up"].T)) @ w["ffn_down"].T
    head = weights.get("output.weight", weights["token_embd.weight"])
    logits: Doubles = _rms(x, weights["output_norm.weight"], shape.eps) @ head.T
    return logits


_LLAMA = (
    "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down",
)  # fmt: skip


def gpt2(weights: Mapping[str, Doubles], shape: Shape, tokens: Sequence[int]) -> Doubles:
    """Return the logits of a GPT-2: LayerNorm with biases, q, k and v in one matrix, learned positions."""
    x = weights["token_embd.weight"][list(tokens)] + weights["position_embd.weight"][: len(tokens)]
    mask = numpy.triu(numpy.full((len(tokens), len(tokens)), -numpy.inf), 1)
    for layer in range(shape.layers):

        def through(y: Doubles, part: str, at: int = layer) -> Doubles:
            found: Doubles = y @ weights[f"blk.{at}.{part}.weight"].T + weights[f"blk.{at}.{part}.bias"][0]
            return found

        y = _layer_norm(x, weights, f"blk.{layer}.attn_norm", shape.eps)
        q, k, v = numpy.split(through(y, "attn_qkv"), 3, axis=1)
        x = x + through(_attention(q, k, v, shape, mask, rotary=False), "attn_output")
        up = through(_layer_norm(x, weights, f"blk.{layer}.ffn_norm", shape.eps), "ffn_up")
        up = 0.5 * up * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (up + 0.044715 * up**3)))
        x = x + through(up, "ffn_down")
    head = weights.get("output.weight", weights["token_embd.weight"])
    logits: Doubles = _layer_norm(x, weights, "output_norm", shape.eps) @ head.T
    return logits


def _rms(x: Doubles, gain: Doubles, eps: float) -> Doubles:
    found: Doubles = x / numpy.sqrt((x**2).mean(axis=1, keepdims=True) + eps) * gain[0]
    return found


def _layer_norm(x: Doubles, weights: Mapping[str, Doubles], name: str, eps: float) -> Doubles:
    x = x - x.mean(axis=1, keepdims=True)
    found: Doubles = _rms(x, weights[f"{name}.weight"], eps) + weights[f"{name}.bias"][0]
    return found


def _attention(q: Doubles, k: Doubles, v: Doubles, shape: Shape, mask: Doubles, *, rotary: bool) -> Doubles:
    """Attend with each head, in the order of the heads in q; heads of k and v serve a group of them each."""
    size = q.shape[1] // shape.heads
    group = shape.heads // shape.kv_heads
    found = []
    for head in range(shape.heads):
        at, of = slice(head * size, (head + 1) * size), head // group
        qh, kh = q[:, at], k[:, of * size : (of + 1) * size]
        if rotary:
            qh, kh = _rotated(qh, shape.theta), _rotated(kh, shape.theta)
        scores = qh @ kh.T / numpy.sqrt(size) + mask
        scores = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        found.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, of * size : (of + 1) * size])
    return numpy.concatenate(found, axis=1)


def _rotated(x: Doubles, theta: float) -> Doubles:
    """Turn the two halves of a head against each other by the position, as Llama's files expect."""
    half = x.shape[1] // 2
    angle = numpy.arange(len(x))[:, None] * theta ** (-numpy.arange(half) / half)
    cos, sin = numpy.cos(angle), numpy.sin(angle)
    return numpy.concatenate([x[:, :half] * cos - x[:, half:] * sin, x[:, half:] * cos + x[:, :half] * sin], axis=1)
