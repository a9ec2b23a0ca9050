"""Which group became which: quantisations and variants under other names."""

from __future__ import annotations

import pytest

from lineage.versioning.groups import MAX_COMPARED_NAMES, pair_groups, placed_groups
from tests.support.lines import HistoryBuilder, version


def became(before: list[str], after: list[str]) -> set[tuple[str | None, str | None]]:
    """Pair the groups of two trees whose files all differ, and name both sides of each pair."""
    olds = placed_groups("old", {path: version(f"old {path}") for path in before})
    news = placed_groups("new", {path: version(f"new {path}") for path in after})
    return {
        (pair.before.group.name if pair.before else None, pair.after.group.name if pair.after else None)
        for pair in pair_groups(olds, news)
    }


QUANTISATIONS = ("Q2_K", "Q4_K_M", "Q5_0", "Q8_0")


def test_all_quantisations_replaced_under_another_name() -> None:
    """Each quantisation of a new stem replaces the same quantisation of the old one."""
    built = HistoryBuilder()
    built.commit(0, {f"foo-7b.{quant}.gguf": f"a {quant}" for quant in QUANTISATIONS})
    built.commit(
        24,
        {f"foo-7b.{quant}.gguf": None for quant in QUANTISATIONS}
        | {f"foo-7b-v2.{quant}.gguf": f"b {quant}" for quant in QUANTISATIONS},
    )
    groups = {(group.group, group.kind, group.note) for group in built.report().changes[1].groups}
    assert groups == {(f"foo-7b-v2.{quant}.gguf", "replaced", f"was foo-7b.{quant}.gguf") for quant in QUANTISATIONS}


def test_one_quantisation_replaced_under_another_name() -> None:
    """Where one of several quantisations goes and comes under another stem, it alone is replaced."""
    built = HistoryBuilder()
    built.commit(0, {f"foo-7b.{quant}.gguf": f"a {quant}" for quant in QUANTISATIONS})
    built.commit(24, {"foo-7b.Q8_0.gguf": None, "foo-7b-fixed.Q8_0.gguf": "b"})
    change = built.report().changes[1]
    assert [(group.group, group.kind) for group in change.groups] == [("foo-7b-fixed.Q8_0.gguf", "replaced")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("foo.q4_k_m.gguf", "foo-v2-Q4_K_M.gguf"),
        ("foo.ggmlv3.q4_0.bin", "foo.Q4_0.gguf"),
        ("ggml-model-q4_0.bin", "foo-q4_0.gguf"),
        ("foo.Q8_0.gguf-split-a", "foo-v2.Q8_0-00001-of-00002.gguf"),
        ("foo-fp16.gguf", "bar.F16.gguf"),
        ("Q8_0/foo-Q8_0.gguf", "bar-Q8_0.gguf"),
        ("Q8_0/foo.gguf", "Q8_0/bar.gguf"),
        ("model.fp16.safetensors", "pytorch_model.fp16.safetensors"),
        ("foo-4bit-128g.safetensors", "bar-4bit-128g.safetensors"),
        ("foo-4bit-128g.safetensors", "model.safetensors"),
        ("foo.gguf", "bar.Q4_K_M.gguf"),
        ("foo.Q4_K_M.gguf", "model.safetensors"),
    ],
)
def test_the_same_variant_under_another_name(old: str, new: str) -> None:
    """However a name writes its quantisation or variant, and where a name has none, one follows the other."""
    pairs = became([old], [new])
    assert len(pairs) == 1
    assert None not in next(iter(pairs))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("foo.Q5_0.gguf", "foo.Q5_K_S.gguf"),
        ("foo.ggmlv3.q4_0.bin", "foo.Q4_K_M.gguf"),
        ("model.fp16.safetensors", "model.bf16.safetensors"),
        ("foo-4bit-128g.safetensors", "foo-8bit-128g.safetensors"),
    ],
)
def test_another_variant_is_another_group(old: str, new: str) -> None:
    """A quantisation that is removed while another is added is removed: nothing replaces it."""
    assert became([old], [new]) == {(old, None), (None, new)}
    built = HistoryBuilder()
    built.commit(0, {old: "a", "beside.Q8_0.gguf": "c"})
    built.commit(24, {old: None, new: "b"})
    assert sorted(group.kind for group in built.report().changes[1].groups) == ["component_added", "removed"]


def test_weights_that_come_back_as_another_quantisation_are_replaced() -> None:
    """After all weights went, what comes back is compared with what was there last, whatever its quantisation."""
    built = HistoryBuilder()
    built.commit(0, {"foo.Q5_0.gguf": "a"})
    built.commit(24, {"foo.Q5_0.gguf": None})
    built.commit(48, {"foo.Q5_K_S.gguf": "b"})
    assert [change.kind for change in built.report().changes] == ["first_upload", "removed", "replaced"]


def test_the_likest_of_several_models_follows() -> None:
    """In a repository with two models' quantisations, each is followed by its own."""
    quants = ("Q4_K_M", "Q8_0")
    before = [f"foo-{size}.{quant}.gguf" for size in ("7b", "13b") for quant in quants]
    after = [f"foo-7b-v2.{quant}.gguf" for quant in quants]
    assert became(before, after) == {
        *((f"foo-7b.{quant}.gguf", f"foo-7b-v2.{quant}.gguf") for quant in quants),
        *((f"foo-13b.{quant}.gguf", None) for quant in quants),
    }


def test_a_part_does_not_follow_a_model() -> None:
    """A projector of the same precision does not replace a model, nor does one part of an ONNX model another."""
    assert became(["a.Q4_0.gguf", "foo.F16.gguf"], ["b.Q4_0.gguf", "mmproj-foo-F16.gguf"]) == {
        ("a.Q4_0.gguf", "b.Q4_0.gguf"), ("foo.F16.gguf", None), (None, "mmproj-foo-F16.gguf"),
    }  # fmt: skip
    assert became(["onnx/encoder_model_fp16.onnx", "model.onnx"], ["onnx/decoder_model_fp16.onnx", "model.onnx"]) == {
        ("onnx/encoder_model_fp16.onnx", None), ("model.onnx", "model.onnx"), (None, "onnx/decoder_model_fp16.onnx"),
    }  # fmt: skip


def test_a_flood_of_one_variant_is_paired_in_order() -> None:
    """Where too many names share a variant to compare each with each, they are paired by name."""
    count = int(MAX_COMPARED_NAMES**0.5) + 1
    before, after = ([f"{stem}{n:04}.Q8_0.gguf" for n in range(count)] for stem in "ab")
    assert became(before, after) == set(zip(before, after, strict=True))
