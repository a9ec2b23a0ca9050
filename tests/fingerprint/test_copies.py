"""Copies of tied tensors, and tensors that exchange their values."""

from __future__ import annotations

import struct

import pytest

from lineage.fingerprint.compare import compare_weights
from tests.support.small_weights import BASE, Make, f32
from tests.support.weight_files import Tensors

TIED: Tensors = {
    **BASE,
    "decoder.embed_positions.weight": BASE["model.embed_tokens.weight"],
    "class_embed.1.weight": BASE["model.embed_tokens.weight"],
}
"""BASE with two copies of a matrix, as a file has it whose writer stores tied tensors under each of their names."""


def test_copies_left_out_or_added_are_renamed(make: Make) -> None:
    """Storing tied tensors once, or again under each name, changes no parameter, whatever the tensors are called."""
    once, twice = make(BASE), make(TIED)
    assert compare_weights(twice, once)[::3] == ("renamed", "the same tensors, copies left out")
    assert compare_weights(once, twice)[::3] == ("renamed", "the same tensors, copies added")


def test_copies_left_out_under_other_names_are_renamed(make: Make) -> None:
    """A writer that stores tied tensors once may also put another prefix before all names."""
    found = compare_weights(make(TIED), make({f"model.{name}": tensor for name, tensor in BASE.items()}))
    assert found[::3] == ("renamed", "the same tensors, copies left out")


def test_a_copy_left_out_beside_another_change_is_reshaped(make: Make) -> None:
    """Where a tensor without a copy is missing, or where values differ too, it is more than copies."""
    without = {name: tensor for name, tensor in BASE.items() if name != "norm.weight"}
    assert compare_weights(make(TIED), make(without)).kind == "reshaped"
    assert compare_weights(make(TIED), make({**BASE, "norm.weight": f32(2, 2)})).kind == "reshaped"


def test_a_decoder_that_is_tied_to_its_encoder_is_left_out(make: Make) -> None:
    """A whole stack that repeats another stack may be stored once: both have the same number of layers."""
    once: Tensors = {**BASE, "layers.0.q.weight": ("F32", (2, 2), bytes(range(7, 23)))}
    both = {**once, **{f"decoder.{name}": tensor for name, tensor in once.items() if name.startswith("layers.")}}
    assert compare_weights(make(both), make(once)).kind == "renamed"


def matrix(seed: int) -> tuple[str, tuple[int, ...], bytes]:
    """Make a matrix of F32 whose values differ."""
    return "F32", (2, 2), struct.pack("<4f", *range(seed, seed + 4))


@pytest.mark.parametrize(
    "copies",
    [
        {"layers.0.bias": f32(0, 0), "layers.1.bias": f32(0, 0)},
        {"layers.0.norm.weight": f32(1, 3), "layers.1.norm.weight": f32(1, 3)},
        {"layers.0.q.weight": matrix(5), "layers.1.q.weight": matrix(5)},
        {"adapter.down": ("F32", (2, 2), bytes(16)), "adapter.up": ("F32", (2, 2), bytes(16))},
        {
            "a.scale": ("BF16", (2, 2), bytes.fromhex("803f") * 4),
            "b.scale": ("BF16", (2, 2), bytes.fromhex("803f") * 4),
        },
    ],
)
def test_a_tensor_that_is_equal_by_chance_is_not_a_copy(make: Make, copies: Tensors) -> None:
    """A constant, a vector, or a layer's own tensor is needed by the model, whatever other tensor has its bytes."""
    last = sorted(copies)[-1]
    whole = {**BASE, **copies}
    without = {name: tensor for name, tensor in whole.items() if name != last}
    assert compare_weights(make(whole), make(without)).kind == "reshaped"


def test_the_second_name_of_a_heads_bias_is_left_out(make: Make) -> None:
    """A head's bias that is stored under two names may be stored once, also if it is all zeros."""
    once: Tensors = {**BASE, "cls.predictions.bias": f32(0, 0)}
    assert compare_weights(make({**once, "cls.predictions.decoder.bias": f32(0, 0)}), make(once)).kind == "renamed"


@pytest.mark.parametrize(("tied", "kind"), [(True, "renamed"), (False, "reshaped"), (None, "replaced")])
def test_a_config_decides_whether_a_head_may_be_left_out(make: Make, tied: bool | None, kind: str) -> None:
    """Without its head, a model whose config does not tie it has a new one; an unread config leaves that open."""
    whole = {**BASE, "lm_head.weight": BASE["model.embed_tokens.weight"]}
    assert compare_weights(make(whole), make(BASE), None, lambda: tied).kind == kind


def test_tensors_that_exchange_their_values_are_partly_changed(make: Make) -> None:
    """A name that is on both sides with other bytes was changed, although the same tensors are there."""
    swapped = {**BASE, "layers.0.weight": BASE["layers.1.weight"], "layers.1.weight": BASE["layers.0.weight"]}
    assert compare_weights(make(BASE), make(swapped))[:3] == ("partial", 2, 4)
    before, after = make({"q": f32(1), "k": f32(2), "z": f32(3)}), make({"k": f32(1), "v": f32(2), "z": f32(3)})
    assert compare_weights(before, after).kind == "partial"


def test_an_exchange_under_a_new_prefix_is_not_renamed(make: Make) -> None:
    """Where all names get one prefix, a tensor is compared with the one that had its name."""
    moved = {f"model.{name}": tensor for name, tensor in BASE.items()}
    moved |= {"model.layers.0.weight": BASE["layers.1.weight"], "model.layers.1.weight": BASE["layers.0.weight"]}
    assert compare_weights(make(BASE), make(moved)).kind == "replaced"
    assert compare_weights(make(moved), make(BASE)).kind == "replaced"


def test_a_repeated_layer_is_reshaped(make: Make) -> None:
    """A layer appended that repeats the last one is another model, although each of its tensors was there before."""
    deeper = {**BASE, "layers.2.weight": BASE["layers.1.weight"]}
    assert compare_weights(make(BASE), make(deeper)).kind == "reshaped"
    assert compare_weights(make(deeper), make(BASE)).kind == "reshaped"


def test_headers_leave_open_whether_a_head_was_a_copy(make: Make) -> None:
    """A head of the embedding's shape may be tied to it: without the bytes its loss is replaced, not reshaped."""
    tied = {**BASE, "lm_head.weight": BASE["model.embed_tokens.weight"]}
    found = compare_weights(make(tied, "header"), make(BASE, "header"))
    assert found[::3] == ("replaced", "1 tensors removed, perhaps copies")
    assert compare_weights(make(tied), make(BASE)).kind == "renamed"
    other = {**BASE, "lm_head.weight": ("F32", (2, 2), bytes(16))}
    assert compare_weights(make(other), make(BASE)).kind == "reshaped"
