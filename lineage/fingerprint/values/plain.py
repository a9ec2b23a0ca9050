"""Tensors of plain floats as matrices: Conv1D stored transposed, kernels, stacks of experts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from lineage.fingerprint.values.stored import Stored, StoredTensors, expert_name
from lineage.fingerprint.values.tensor import WIDTHS, PlainTensor

_CONV1D = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight", ".q_attn.weight")
"""Layers that GPT-2 and its like store as (in, out), where a linear layer is (out, in)."""


def stored_transposed(tensors: Mapping[str, Stored]) -> frozenset[str]:
    """Return the names of matrices that are stored as (in, out).

    A model whose `c_attn` has three times as many columns as rows is one of GPT-2's form, and all its Conv1D layers are
    stored that way: a square `c_proj` does not show it.
    """
    turned = any(
        name.endswith("c_attn.weight") and len(shape := each.span.shape) == 2 and shape[1] == 3 * shape[0]
        for name, each in tensors.items()
    )
    return frozenset(name for name in tensors if turned and f".{name}".endswith(_CONV1D))


def matrix(name: str, stored: Stored, *, transposed: bool = False, view: tuple[int, ...] | None = None) -> PlainTensor:
    """Make the matrix of a tensor: the first dimension has the rows, all others the columns; a vector is one row.

    `view` are the strides of a tensor of at most two dimensions whose elements do not follow each other.
    """
    span = stored.span
    shape = logical_shape(span.shape)
    strides = (shape[1], 1) if view is None else (view[0] if len(view) == 2 else 0, view[-1])
    if transposed and view is not None:
        return PlainTensor(name, (shape[1], shape[0]), stored.file, span.dtype, span.begin, (strides[1], strides[0]))
    if transposed:
        shape, strides = (shape[1], shape[0]), (1, shape[1])
    return PlainTensor(name, shape, stored.file, span.dtype, span.begin, strides)


def logical_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return rows and columns of a tensor's shape."""
    if len(shape) < 2:
        return (1, prod(shape))
    return (shape[0], prod(shape[1:]))


def is_expert_stack(name: str, shape: tuple[int, ...]) -> bool:
    """Return whether a tensor holds the same matrix of several experts, one after the other."""
    return len(shape) == 3 and ("_exps" in name or "expert" in name)


_FUSED = ("experts.gate_up_proj", "experts.down_proj")
_GATE_UP = "experts.gate_up_proj"
_TURNED_TYPES = ("gpt_oss", "llama4", "llama4_text")


def turned_experts(stored: StoredTensors) -> frozenset[str]:
    """Return the names of stacks of experts that are stored as (experts, in, out).

    gpt-oss and Llama 4 store them so, other models as (experts, out, in): the side of gate and up that has the hidden
    size is the input.
    """
    hidden = stored.hidden_size
    stacks = {name: each.span.shape for name, each in stored.by_name.items() if name.endswith(_FUSED)}
    turned = stored.model.get("model_type") in _TURNED_TYPES or any(
        len(shape) == 3 and shape[1] == hidden and shape[2] != hidden
        for name, shape in stacks.items()
        if name.endswith(_GATE_UP)
    )
    return frozenset(stacks) if turned else frozenset()


def split_experts(stack: PlainTensor, shape: tuple[int, ...], *, turned: bool = False) -> Iterator[PlainTensor]:
    """Yield the matrix of each expert of a stack: `blk.0.ffn_up_exps.weight` gives `blk.0.ffn_up_exps.3.weight`."""
    experts, rows, columns = shape
    width = WIDTHS[stack.dtype]
    for expert in range(experts):
        begin = stack.begin + expert * rows * columns * width
        name = expert_name(stack.name, expert)
        if turned:
            yield stack._replace(name=name, shape=(columns, rows), begin=begin, strides=(1, columns))
        else:
            yield stack._replace(name=name, shape=(rows, columns), begin=begin, strides=(columns, 1))
