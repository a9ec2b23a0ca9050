"""Normalised names: one name for one tensor, whatever wrote the file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.fingerprint.values.names import TABLE, kind_of, layer_of, normalised_name, normalised_names


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("model.layers.3.self_attn.q_proj.weight", "blk.3.attn_q.weight"),
        ("language_model.model.layers.3.self_attn.q_proj.weight", "blk.3.attn_q.weight"),
        ("_orig_mod.module.model.layers.3.self_attn.q_proj.weight", "blk.3.attn_q.weight"),
        ("blk.3.attn_q.weight", "blk.3.attn_q.weight"),
        ("model.layers.3.post_attention_layernorm.weight", "blk.3.ffn_norm.weight"),
        ("transformer.h.0.attn.c_attn.bias", "blk.0.attn_qkv.bias"),
        ("h.0.attn.c_attn.bias", "blk.0.attn_qkv.bias"),
        ("bert.encoder.layer.11.attention.self.query.weight", "blk.11.attn_q.weight"),
        ("encoder.layer.11.attention.self.query.weight", "blk.11.attn_q.weight"),
        ("bert.embeddings.LayerNorm.gamma", "token_embd_norm.weight"),
        ("model.layers.3.block_sparse_moe.experts.7.w1.weight", "blk.3.ffn_gate_exps.7.weight"),
        ("decoder.block.2.layer.1.EncDecAttention.k.weight", "dec.blk.2.cross_attn_k.weight"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "blk.0.attn_q.lora_a"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_B.default.weight", "blk.0.attn_q.lora_b"),
        ("blk.0.attn_q.weight.lora_a", "blk.0.attn_q.lora_a"),
        ("base_model.model.lm_head.modules_to_save.weight", "output.weight"),
        ("base_model.model.model.layers.1.mlp.up_proj.base_layer.weight", "blk.1.ffn_up.weight"),
        ("something.of.its.own.12.x", "something.of.its.own.12.x"),
        ("", ""),
    ],
)
def test_known_forms(stored: str, expected: str) -> None:
    """The names of the usual libraries become GGUF's; an unknown one keeps its own form."""
    assert normalised_name(stored) == expected


def test_names_that_would_meet_stay_apart() -> None:
    """Two tensors of one model never get one name, and the others keep theirs."""
    stored = [
        "model.encoder.layers.0.self_attn.q_proj.weight",
        "encoder.layers.0.self_attn.q_proj.weight",
        "lm_head.weight",
    ]
    names = normalised_names(stored)
    assert len(set(names.values())) == 3
    assert names["lm_head.weight"] == "output.weight"


stored_names = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"(model\.|h\.|blk\.){0,3}[0-9]{1,2}\.(q|w1|lora_A)\.weight", fullmatch=True),
)


@pytest.mark.slow
@given(st.lists(stored_names, unique=True, max_size=12))
def test_any_names_get_different_names(stored: list[str]) -> None:
    """Whatever the names are, each gets one, no two the same, and layer and kind can be asked of it."""
    names = normalised_names(stored)
    assert list(names) == stored
    assert len(set(names.values())) == len(stored)
    for name in names.values():
        layer_of(name)
        kind_of(name)


def test_the_table_names_its_source() -> None:
    """The table says which package it came from and when, and maps each of GGUF's names to itself."""
    table = json.loads(TABLE.read_text())
    assert table["source"].startswith("gguf ")
    assert table["date"]
    for name in ("token_embd", "blk.{bid}.attn_q", "blk.{bid}.ffn_up_exps", "output"):
        assert normalised_name(name.replace("{bid}", "5") + ".weight") == name.replace("{bid}", "5") + ".weight"
