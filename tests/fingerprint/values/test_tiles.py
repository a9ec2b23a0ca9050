"""The order of tiles: fixed, and independent of what must not matter."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.fingerprint.values.tiles import MAX_STRIPS, MAX_VECTORS, Tile, tiles_of

Shapes = dict[str, tuple[int, int]]


def llama(layers: int, width: int = 512, vocabulary: int = 2_000, experts: int = 0) -> Shapes:
    """List the normalised names and shapes of a model of Llama's form."""
    shapes: Shapes = {"token_embd.weight": (vocabulary, width), "output.weight": (vocabulary, width)}
    for layer in range(layers):
        names = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
        shapes |= {f"blk.{layer}.{name}.weight": (width, width) for name in names}
        for expert in range(experts):
            shapes[f"blk.{layer}.ffn_up_exps.{expert}.weight"] = (width, width)
        shapes |= {f"blk.{layer}.{name}_norm.weight": (1, width) for name in ("attn", "ffn")}
        shapes[f"blk.{layer}.attn_q.bias"] = (1, width)
    return shapes


def names(tiles: list[Tile], kind: str) -> list[str]:
    """List the tensors of the tiles of one kind."""
    return [tile.name for tile in tiles if tile.kind == kind]


def test_the_list_of_a_small_llama_is_fixed() -> None:
    """These are the first tiles of `sketch.v1`: another order would be another format."""
    tiles = tiles_of(llama(4))
    assert [(t.kind, t.name, tuple(t.place)) for t in tiles[:12]] == GOLDEN
    assert len(names(tiles, "strip")) == 30
    assert names(tiles, "vector")[0].endswith("_norm.weight")


GOLDEN = [
    ("strip", "blk.0.attn_q.weight", (0, 4, 0, 256)),
    ("strip", "blk.0.ffn_down.weight", (0, 4, 0, 256)),
    ("strip", "blk.0.ffn_up.weight", (0, 4, 0, 256)),
    ("strip", "blk.0.attn_output.weight", (0, 4, 0, 256)),
    ("strip", "blk.0.attn_v.weight", (0, 4, 0, 256)),
    ("strip", "blk.0.attn_k.weight", (0, 4, 0, 256)),
    ("strip", "blk.0.ffn_gate.weight", (0, 4, 0, 256)),
    ("strip", "token_embd.weight", (512, 4, 0, 256)),
    ("square", "blk.2.attn_q.weight", (0, 128, 0, 128)),
    ("square", "blk.2.attn_v.weight", (0, 64, 0, 64)),
    ("square", "blk.2.ffn_up.weight", (0, 64, 0, 64)),
    ("strip", "output.weight", (512, 4, 0, 256)),
]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(1, 90), st.sampled_from([0, 8]), st.randoms(use_true_random=False), st.integers(1, 5_000))
def test_what_must_not_matter_does_not(layers: int, experts: int, random: object, added: int) -> None:
    """The order of tensors in files and added vocabulary change no tile."""
    shapes = llama(layers, experts=experts)
    tiles = tiles_of(shapes)
    shuffled = list(shapes.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tiles_of(dict(shuffled)) == tiles
    assert tiles_of({**shapes, **{n: (r + added, c) for n, (r, c) in shapes.items() if n in TOKENS}}) == tiles


TOKENS = ("token_embd.weight", "output.weight")


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.dictionaries(
        st.from_regex(r"(blk\.[0-9]{1,3}\.)?[a-z_]{1,8}(\.[0-9])?\.(weight|bias|lora_a|lora_b)", fullmatch=True),
        st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)),
        max_size=150,
    )
)
def test_limits_hold_for_any_shapes(shapes: Shapes) -> None:
    """At most 64 strips and 32 vectors, every tile inside its tensor and not empty, no tensor twice in one kind."""
    tiles = tiles_of(shapes)
    assert len(names(tiles, "strip")) <= MAX_STRIPS
    assert len(names(tiles, "vector")) <= MAX_VECTORS
    assert len(names(tiles, "square")) <= 6
    for kind in ("strip", "square", "vector"):
        assert len(set(names(tiles, kind))) == len(names(tiles, kind))
    for tile in tiles:
        rows, columns = shapes[tile.name]
        row, high, column, wide = tile.place
        assert 0 < high <= rows - row
        assert 0 < wide <= columns - column
        assert high * wide <= {"strip": 1_278, "square": 128 * 128, "vector": 1_024}[tile.kind]


def test_every_kind_of_layer_is_there_and_at_most_two_experts_of_one() -> None:
    """A model of two hundred experts gives strips of all its other matrices too."""
    strips = names(tiles_of(llama(60, experts=200)), "strip")
    assert {name.split(".")[2] for name in strips if name.startswith("blk.")} >= {
        "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "ffn_up_exps",
    }  # fmt: skip
    experts = [name for name in strips if "_exps" in name]
    assert all(len([n for n in experts if n.startswith(f"blk.{layer}.")]) <= 2 for layer in range(60))


def test_models_of_other_depths_share_strips() -> None:
    """A model that lost layers has strips in common with its parent: layers are chosen by their number's hash."""
    deep, shallow = set(names(tiles_of(llama(32)), "strip")), set(names(tiles_of(llama(26)), "strip"))
    assert len(deep & shallow) >= 32


def test_computed_and_empty_tensors_have_no_tile() -> None:
    """Rotation tables and masks are equal in unrelated models, so that they are not sampled."""
    shapes = {"blk.0.attn.bias": (1, 4096), "layers.0.self_attn.rotary_emb.inv_freq": (1, 64), "a.weight": (0, 8)}
    assert tiles_of(shapes) == []


def test_both_matrices_of_an_adapter_give_squares() -> None:
    """From the squares of A and B the product at the square of q can be computed: all of the rank is there."""
    shapes = {
        f"blk.{layer}.{module}.lora_{part}": ((16, 512) if part == "a" else (512, 16))
        for layer in range(8)
        for module in ("attn_q", "attn_v")
        for part in "ab"
    }
    squares = [(t.name, t.place) for t in tiles_of(shapes) if t.kind == "square"]
    assert {(name.rsplit(".", 1)[1], place.rows, place.columns) for name, place in squares if "attn_q" in name} == {
        ("lora_a", 16, 128), ("lora_b", 128, 16),
    }  # fmt: skip


def test_an_adapter_has_squares_of_the_module_of_its_base() -> None:
    """Where encoder and decoder both have a q, A and B are those of one module, and it is the base's square."""
    modules = [f"{part}.layers.{layer}.self_attn.q_proj" for part in ("encoder", "decoder") for layer in range(4)]
    base = tiles_of({f"{module}.weight": (256, 256) for module in modules})
    adapter = tiles_of({f"{m}.lora_{part}": ((8, 256) if part == "a" else (256, 8)) for m in modules for part in "ab"})
    square = next(tile.name for tile in base if tile.kind == "square").removesuffix(".weight")
    assert [tile.name for tile in adapter if tile.kind == "square"] == [f"{square}.lora_a", f"{square}.lora_b"]
