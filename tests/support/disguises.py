"""Disguises: other weights that compute the same function, made by numpy from real ones.

Each takes weights by normalised name, as float64 matrices (vectors are one row), and returns new ones.
`tests/derivation/test_disguises.py` runs both through a forward pass, so that a disguise that changes the function
fails there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy

from tests.support.forward import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.support.forward import Doubles, Weights

Disguise = Callable[[Mapping[str, "Doubles"], Shape, numpy.random.Generator], "Weights"]

READS = ("attn_q", "attn_k", "attn_v", "attn_qkv", "ffn_gate", "ffn_up")
"""Matrices that read the residual stream: their columns are hidden dimensions."""

WRITES = ("attn_output", "ffn_down")
"""Matrices that write to it: their rows are hidden dimensions."""

BEFORE = {"attn_norm": ("attn_q", "attn_k", "attn_v", "attn_qkv"), "ffn_norm": ("ffn_gate", "ffn_up")}
"""The matrices that read what a normalisation gives."""


def permute_hidden(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Put the hidden dimensions into another order, everywhere."""
    order = rng.permutation(weights["token_embd.weight"].shape[1])
    return {name: _hidden(name, value, lambda x: x[:, order]) for name, value in weights.items()}


def rotate_hidden(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Rotate the hidden dimensions by a random orthogonal matrix after all norms are folded, as SliceGPT does."""
    folded = fold_norms(weights, shape, rng)
    turn, _ = numpy.linalg.qr(rng.normal(size=(folded["token_embd.weight"].shape[1],) * 2))
    return {
        name: value if "norm" in name else _hidden(name, value, lambda x: x @ turn) for name, value in folded.items()
    }


def permute_heads(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Put the groups of heads into another order, and the heads within each group."""
    found = dict(weights)
    for layer in range(shape.layers):
        group = shape.heads // shape.kv_heads
        kv_order = rng.permutation(shape.kv_heads)
        order = numpy.concatenate([kv * group + rng.permutation(group) for kv in kv_order])
        for part, heads, of in (
            ("attn_q", shape.heads, order), ("attn_k", shape.kv_heads, kv_order), ("attn_v", shape.kv_heads, kv_order),
        ):  # fmt: skip
            if (name := f"blk.{layer}.{part}.weight") in weights:
                found[name] = _blocks(weights[name], heads, of)
        if (name := f"blk.{layer}.attn_qkv.weight") in weights:
            found[name] = numpy.concatenate([_blocks(x, shape.heads, order) for x in numpy.split(weights[name], 3)])
            bias = f"blk.{layer}.attn_qkv.bias"
            parts = numpy.split(weights[bias].T, 3)
            found[bias] = numpy.concatenate([_blocks(x, shape.heads, order) for x in parts]).T
        name = f"blk.{layer}.attn_output.weight"
        found[name] = _blocks(weights[name].T, shape.heads, order).T
    return found


def scale_norms(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Multiply the norms by random positive factors, and divide the columns of the matrices that follow by them."""
    return _fold(weights, lambda gain: numpy.exp(rng.normal(0, 0.5, gain.shape)))


def fold_norms(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Multiply all norms into the matrices that follow, so that ones are left; the head is no longer the embedding."""
    return _fold(weights, lambda gain: 1 / gain)


def permute_neurons(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Put the neurons of each MLP into another order."""
    found = dict(weights)
    for layer in range(shape.layers):
        order = rng.permutation(weights[f"blk.{layer}.ffn_up.weight"].shape[0])
        for part in ("ffn_gate.weight", "ffn_up.weight"):
            if (name := f"blk.{layer}.{part}") in weights:
                found[name] = weights[name][order]
        if (name := f"blk.{layer}.ffn_up.bias") in weights:
            found[name] = weights[name][:, order]
        found[f"blk.{layer}.ffn_down.weight"] = weights[f"blk.{layer}.ffn_down.weight"][:, order]
    return found


def scale_inside(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Scale q and k, v and o, up and down against each other, in each group of heads and each neuron of a gated MLP."""
    found = dict(weights)
    size = weights["blk.0.attn_q.weight"].shape[0] // shape.heads
    for layer in range(shape.layers):
        w = {
            part: f"blk.{layer}.{part}.weight"
            for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down")
        }
        group = shape.heads // shape.kv_heads
        qk, vo = (numpy.exp(rng.normal(0, 0.5, shape.kv_heads)) for _ in range(2))
        of_q, of_k, of_v = (numpy.repeat(x, n) for x, n in ((qk, size * group), (1 / qk, size), (vo, size)))
        up = numpy.exp(rng.normal(0, 0.5, weights[w["ffn_up"]].shape[0]))
        found[w["attn_q"]] = weights[w["attn_q"]] * of_q[:, None]
        found[w["attn_k"]] = weights[w["attn_k"]] * of_k[:, None]
        found[w["attn_v"]] = weights[w["attn_v"]] * of_v[:, None]
        found[w["attn_output"]] = weights[w["attn_output"]] / numpy.repeat(vo, size * group)
        found[w["ffn_up"]] = weights[w["ffn_up"]] * up[:, None]
        found[w["ffn_down"]] = weights[w["ffn_down"]] / up
    return found


def everything(weights: Mapping[str, Doubles], shape: Shape, rng: numpy.random.Generator) -> Weights:
    """Apply neurons, heads, scaled norms and hidden dimensions one after the other."""
    for each in (permute_neurons, permute_heads, scale_norms, permute_hidden):
        weights = each(weights, shape, rng)
    return dict(weights)


def renumber_tokens(weights: Mapping[str, Doubles], order: NDArray[numpy.intp]) -> Weights:
    """Give the tokens other numbers, as a tokenizer in another order would: i was order[i]."""
    names = ("token_embd.weight", "output.weight")
    return {name: value[order] if name in names else value for name, value in weights.items()}


def _hidden(name: str, value: Doubles, change: Callable[[Doubles], Doubles]) -> Doubles:
    """Apply a change of the last axis where a tensor has the hidden dimensions there, or has them as rows."""
    part = name.split(".")[-2]
    if part in WRITES:
        return change(value) if name.endswith(".bias") else change(value.T).T
    if part in READS and name.endswith(".bias"):
        return value
    return change(value)


def _blocks(rows: Doubles, heads: int, order: NDArray[numpy.intp]) -> Doubles:
    return rows.reshape(heads, -1, rows.shape[1])[order].reshape(rows.shape)


def _fold(weights: Mapping[str, Doubles], factor: Callable[[Doubles], Doubles]) -> Weights:
    """Multiply gains by factors and take these out of the columns that follow; the final norm's out of the head."""
    found = dict(weights)
    for name, gain in weights.items():
        *before, part, ending = name.split(".")
        if part not in (*BEFORE, "output_norm") or ending != "weight":
            continue
        by = factor(gain)
        found[name] = gain * by
        if part == "output_norm":
            found["output.weight"] = weights.get("output.weight", weights["token_embd.weight"]) / by
            if (bias := "output_norm.bias") in weights:
                found[bias] = weights[bias] * by
            continue
        for after in BEFORE[part]:
            if (matrix := ".".join([*before, after, "weight"])) in weights:
                found[matrix] = weights[matrix] / by
        if (bias := ".".join([*before, part, "bias"])) in weights:
            found[bias] = weights[bias] * by
    return found


DISGUISES: Mapping[str, Disguise] = {
    "hidden dimensions permuted": permute_hidden,
    "heads permuted": permute_heads,
    "norms scaled": scale_norms,
    "norms folded to ones": fold_norms,
    "neurons permuted": permute_neurons,
    "all of these": everything,
    "hidden dimensions rotated": rotate_hidden,
}
"""Those that all levels are tested on, by the words of docs/evidence.md."""
