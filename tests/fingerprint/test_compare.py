"""Telling two states of weights apart."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.fingerprint.cast import is_cast, local_tensors
from lineage.fingerprint.compare import compare_layouts, compare_tensors, compare_weights
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_file, fingerprint_group
from lineage.fingerprint.tensor_table import TensorRow
from lineage_schemas.level import Level
from tests.support.range_hub import RangeHub
from tests.support.shared import ROOT
from tests.support.small_weights import BASE, Make, f32
from tests.support.weight_files import Tensors, gguf_bytes, read_safetensors, safetensors_bytes

DEMO = ROOT / "lineage" / "demo_data" / "hub"
PARENT = DEMO / "otterhub" / "skiff-0.7m-manual" / "model.safetensors"
CHILD = DEMO / "quillworks" / "notary-0.7m" / "model.safetensors"


def test_same_file_is_equal(make: Make) -> None:
    """The same bytes are equal."""
    assert compare_weights(make(BASE), make(BASE)).kind == "equal"


def test_other_order_and_metadata_is_reserialised(make: Make) -> None:
    """The same tensors in another order behind another header are re-serialised."""
    found = compare_weights(make(BASE), make(dict(reversed(BASE.items())), metadata={"format": "pt"}))
    assert (found.kind, found.tensors_changed, found.tensors_total) == ("reserialised", 0, 4)


def test_other_names_are_renamed(make: Make) -> None:
    """The same tensors under other names are renamed, and each pair is listed."""
    before, after = make(BASE), make({f"model.{name}": tensor for name, tensor in BASE.items()})
    assert compare_weights(before, after).kind == "renamed"
    tensors = compare_tensors(before.rows or [], after.rows or [])
    assert len(tensors.renamed) == 4
    assert ("norm.weight", "model.norm.weight") in tensors.renamed


def test_some_tensors_changed_is_partial(make: Make) -> None:
    """Some changed tensors are counted."""
    found = compare_weights(make(BASE), make({**BASE, "layers.1.weight": f32(4, 5, 7)}))
    assert (found.kind, found.tensors_changed, found.tensors_total, found.note) == ("partial", 1, 4, "1 of 4 tensors")


def test_other_names_with_other_dtypes_are_replaced(make: Make) -> None:
    """Where names and dtypes both differ it is not known whether values do: that is replaced, with the dtypes."""
    halves = ("F16", (2,), struct.pack("<2e", 1.0, 2.0))
    found = compare_weights(make({"model.a": f32(1.0, 2.0)}), make({"a": halves}))
    assert found.kind == "replaced"
    assert "F32→F16" in (found.note or "")


def test_all_tensors_changed_is_retrained(make: Make) -> None:
    """All parameters changed is retrained, and constants beside them do not hide it."""
    buffers = {"rotary.inv_freq": f32(1, 0.5)}
    changed = {name: (dtype, shape, bytes(b ^ 1 for b in data)) for name, (dtype, shape, data) in BASE.items()}
    found = compare_weights(make({**BASE, **buffers}), make({**changed, **buffers}))
    assert (found.kind, found.tensors_changed, found.tensors_total) == ("retrained", 4, 5)


def test_appended_vocabulary_is_not_reshaped(make: Make) -> None:
    """Rows appended to an embedding are reported as such; fewer rows, or another matrix, are a new shape."""
    grown = {**BASE, "model.embed_tokens.weight": ("F32", (3, 2), bytes(24))}
    found = compare_weights(make(BASE), make(grown))
    assert found.kind == "partial"
    assert found.note == "1 of 4 tensors; vocabulary rows appended"
    assert compare_weights(make(grown), make(BASE)).kind == "reshaped"
    wider = {**BASE, "layers.0.weight": f32(1, 2, 3, 4)}
    assert compare_weights(make(BASE), make(wider)).kind == "reshaped"


@pytest.mark.parametrize("level", ["header", "full"])
def test_added_and_removed_tensors_reshape(make: Make, level: Level) -> None:
    """A layer more or less is a new shape, and headers suffice to see it."""
    found = compare_weights(make(BASE, level), make({**BASE, "layers.2.weight": f32(7, 8, 9)}, level))
    assert (found.kind, found.note) == ("reshaped", "1 tensors added")


def test_headers_alone_do_not_judge_values(make: Make) -> None:
    """Equal headers do not decide about values: replaced."""
    changed = {**BASE, "norm.weight": f32(2, 2)}
    assert compare_weights(make(BASE, "header"), make(changed, "header")).kind == "replaced"


def test_nothing_known_is_replaced(make: Make) -> None:
    """Without headers a change is replaced."""
    assert compare_weights(make(BASE, "metadata"), make({"x": f32(1)}, "metadata")).kind == "replaced"


def test_dtype_change_is_noted_and_checked_on_request(make: Make) -> None:
    """Another dtype is noted; whether it is a cast is reported only where it was checked."""
    half = {name: ("F16", shape, data[: len(data) // 2]) for name, (_, shape, data) in BASE.items()}
    before, after = make(BASE), make(half)
    assert compare_weights(before, after)[::3] == ("replaced", "F32→F16")
    assert compare_weights(before, after, lambda: None)[::3] == ("replaced", "F32→F16")
    assert compare_weights(before, after, lambda: True)[::3] == ("cast", "F32→F16")
    assert compare_weights(before, after, lambda: False).kind == "retrained"
    assert compare_weights(make(BASE, "header"), make(half, "header"))[::3] == ("replaced", "F32→F16")


def test_other_quantisation_is_replaced_not_reshaped(make: Make, tmp_path: Path) -> None:
    """Another packing has other tensors and dtypes, and proves neither new shapes nor new values."""
    packed = {
        "layers.0.qweight": ("I32", (1,), b"\1\2\3\4"), "layers.0.scales": f32(1), "norm.weight": f32(1, 1),
    }  # fmt: skip
    assert compare_weights(make(BASE), make(packed)).kind == "replaced"
    assert compare_weights(make(packed), make({**packed, "layers.0.g_idx": ("I32", (1,), bytes(4))})).kind == "replaced"
    for kind, size in ((2, 18), (8, 34)):
        (tmp_path / f"{kind}.gguf").write_bytes(gguf_bytes([], [("w", (32,), kind, bytes(size))]))
    found = compare_weights(fingerprint_file(tmp_path / "2.gguf"), fingerprint_file(tmp_path / "8.gguf"))
    assert found[::3] == ("replaced", "Q4_0→Q8_0")


def test_real_fine_tune_is_retrained() -> None:
    """A really fine-tuned child of a real model is retrained, with equal layouts."""
    before, after = fingerprint_file(PARENT), fingerprint_file(CHILD)
    assert before.digests.layout == after.digests.layout
    assert compare_weights(before, after).kind == "retrained"


def test_layouts_are_sorted_by_what_happened() -> None:
    """Each name is in one list."""
    before = [TensorRow(n, "F32", s, None, "f") for n, s in [("a", (1,)), ("b", (1,)), ("lm_head.weight", (2, 3))]]
    after = [
        TensorRow("a", "F16", (1,), None, "f"), TensorRow("c", "F32", (1,), None, "f"),
        TensorRow("lm_head.weight", "F32", (4, 3), None, "f"),
    ]  # fmt: skip
    assert compare_layouts(before, after) == (0, ["a"], ["lm_head.weight"], [], ["c"], ["b"])


def test_bytes_need_level_full(make: Make) -> None:
    """Tables without digests cannot be compared by bytes."""
    with pytest.raises(ValueError, match="level full"):
        compare_tensors(make(BASE).rows or [], make(BASE, "header").rows or [])


NAMES = st.sampled_from("abcdef")
TABLES = st.dictionaries(NAMES, st.sampled_from("xyz")).map(
    lambda held: [TensorRow(name, "U8", (1,), digest, "f") for name, digest in sorted(held.items())]
)


@given(TABLES, TABLES)
def test_comparison_accounts_for_every_tensor(before: list[TensorRow], after: list[TensorRow]) -> None:
    """Every tensor of either side is counted once, and the reverse comparison mirrors it."""
    found, back = compare_tensors(before, after), compare_tensors(after, before)
    both = found.equal + len(found.changed) + len(found.renamed)
    assert both + len(found.removed) == len(before)
    assert both + len(found.added) == len(after)
    assert (found.equal, found.changed, found.added, found.removed) == (
        back.equal, back.changed, back.removed, back.added,
    )  # fmt: skip
    assert sorted(found.renamed) == sorted((b, a) for a, b in back.renamed)


def to_bf16(values: np.ndarray) -> bytes:
    """Round F32 to BF16 through exact arithmetic: the nearer of the two neighbours, the even one at a tie."""
    out = []
    for value in values.astype("<f4"):
        bits = int(np.float32(value).view("<u4"))
        low = bits >> 16
        rest = bits & 0xFFFF
        out.append(low + (rest > 0x8000 or (rest == 0x8000 and low & 1)))
    return np.array(out, dtype="<u2").tobytes()


def cast(before: Tensors, after: Tensors, tmp_path: Path) -> bool | None:
    """Write both sides and ask whether one is a cast of the other."""
    sides = []
    for name, tensors in (("before", before), ("after", after)):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(safetensors_bytes(tensors))
        sides.append(path)
    rows = [fingerprint_file(path).rows or [] for path in sides]
    return is_cast(rows[0], rows[1], local_tensors([sides[0]]), local_tensors([sides[1]]))


VALUES = np.concatenate([
    np.random.default_rng(3).standard_normal(4000, dtype="<f4"),
    np.array([0, -0.0, 1e-45, 65504, 65520, 3e38, np.inf, -np.inf, np.nan, 6e-8, 1.00390625, 1.01171875], dtype="<f4"),
])  # fmt: skip


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F64"])
def test_cast_is_recognised_both_ways(dtype: str, tmp_path: Path) -> None:
    """Values rounded to another float dtype are a cast, from either side; one value of another sign is none."""
    with np.errstate(over="ignore"):
        stored = (
            to_bf16(VALUES[:-4])
            if dtype == "BF16"
            else VALUES[:-4].astype({"F16": "<f2", "F64": "<f8"}[dtype]).tobytes()
        )
    shape = (len(VALUES) - 4,)
    wide: Tensors = {"w": ("F32", shape, VALUES[:-4].tobytes()), "n": f32(1, 2)}
    narrow: Tensors = {"w": (dtype, shape, stored), "n": f32(1, 2)}
    assert cast(wide, narrow, tmp_path) is True
    assert cast(narrow, wide, tmp_path) is True
    sign = len(stored) // shape[0] - 1
    off = stored[:sign] + bytes([stored[sign] ^ 0x80]) + stored[sign + 1 :]
    assert cast(wide, {**narrow, "w": (dtype, shape, off)}, tmp_path) is False
    assert cast(wide, {**narrow, "n": f32(1, 3)}, tmp_path) is False


def test_nan_and_ties_round_to_even(tmp_path: Path) -> None:
    """Ties go to the even neighbour and every NaN stays one."""
    values = np.array([1.00390625, 1.01171875, np.nan], dtype="<f4")
    even = np.array([0x3F80, 0x3F82, 0x7FC1], dtype="<u2").tobytes()
    up = np.array([0x3F81, 0x3F82, 0x7FC0], dtype="<u2").tobytes()
    wide: Tensors = {"w": ("F32", (3,), values.tobytes())}
    assert cast(wide, {"w": ("BF16", (3,), even)}, tmp_path) is True
    assert cast(wide, {"w": ("BF16", (3,), up)}, tmp_path) is False


def test_real_model_cast_to_half(tmp_path: Path) -> None:
    """A real BF16 model rounded to F16 is its cast; its fine-tune rounded the same way is not."""
    parent, child = read_safetensors(PARENT)[0], read_safetensors(CHILD)[0]

    def halved(tensors: Tensors) -> Tensors:
        return {
            name: ("F16", shape, (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").astype("<f2").tobytes())
            for name, (_, shape, data) in tensors.items()
        }

    assert cast(parent, halved(parent), tmp_path) is True
    assert cast(parent, halved(child), tmp_path) is False


def test_what_rounding_cannot_tell_is_none(tmp_path: Path) -> None:
    """Equal dtypes, whole numbers, other names and other shapes are not a question of rounding."""
    one: Tensors = {"w": f32(1, 2)}
    assert cast(one, one, tmp_path) is None
    assert cast(one, {"w": ("I8", (2,), b"\1\2")}, tmp_path) is None
    assert cast(one, {"v": ("F16", (2,), bytes(4))}, tmp_path) is None
    assert cast(one, {"w": ("F16", (4,), bytes(8))}, tmp_path) is None


def test_blocks_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor that is compared in several blocks is compared to its end."""
    monkeypatch.setattr("lineage.fingerprint.cast.BLOCK_ELEMENTS", 7)
    values = np.arange(30, dtype="<f4")
    wide: Tensors = {"w": ("F32", (30,), values.tobytes())}
    halves = values.astype("<f2")
    assert cast(wide, {"w": ("F16", (30,), halves.tobytes())}, tmp_path) is True
    halves[-1] += 1
    assert cast(wide, {"w": ("F16", (30,), halves.tobytes())}, tmp_path) is False


def test_gguf_cast_is_recognised(tmp_path: Path) -> None:
    """The same values in F32 and F16 GGUF files are a cast."""
    values = np.arange(32, dtype="<f4") / 3
    for name, kind, data in (("a", 0, values.tobytes()), ("b", 1, values.astype("<f2").tobytes())):
        (tmp_path / f"{name}.gguf").write_bytes(gguf_bytes([], [("w", (32,), kind, data)]))
    paths = [tmp_path / "a.gguf", tmp_path / "b.gguf"]
    before, after = (fingerprint_file(path).rows or [] for path in paths)
    assert is_cast(before, after, local_tensors(paths[:1]), local_tensors(paths[1:])) is True


def zoo_main(folder: Path) -> GroupFingerprint:
    """Measure the main group of a zoo folder in full."""
    hub = RangeHub(folder, in_place=True)
    group = weight_groups(hub.files().values())[0]
    return fingerprint_group(hub, "a/b", "c", group, hub.files(), "full")


def test_zoo_revisions_are_told_apart(zoo: Path) -> None:
    """Really recorded revisions: weights moved exactly where the zoo's truth has it, not where re-serialised."""
    truth = json.loads((zoo / "truth.json").read_text())["revisions"]
    checked = 0
    for model, revisions in truth.items():
        folders = [zoo / model / item["rev"] for item in revisions]
        for item, before, after in zip(revisions[1:], folders[:-1], folders[1:], strict=True):
            found = compare_weights(zoo_main(before), zoo_main(after))
            expected = {"weights": {"retrained", "partial"}, "reserialise": {"reserialised"}, "readme": {"equal"}}
            assert found.kind in expected[item["kind"]], (model, item)
            checked += 1
    assert checked >= 4


def test_zoo_copies_and_casts_are_told(zoo: Path) -> None:
    """Byte-identical and re-sharded copies of the zoo are the same weights; its casts are casts; renamed is renamed."""
    truth = json.loads((zoo / "truth.json").read_text())
    seen = set()
    for edge in truth["edges"]:
        folders = [zoo / edge[side] for side in ("parent", "child")]
        if edge["relation"] not in {"copy", "reshard", "cast"} or not all(
            (f / "config.json").is_file() for f in folders
        ):
            continue
        parent, child = (zoo_main(folder) for folder in folders)
        files = [
            [folder / path for path in side.group.files] for folder, side in zip(folders, (parent, child), strict=True)
        ]

        def check(
            parent: GroupFingerprint = parent, child: GroupFingerprint = child, files: list[list[Path]] = files
        ) -> bool | None:
            return is_cast(parent.rows or [], child.rows or [], local_tensors(files[0]), local_tensors(files[1]))

        found = compare_weights(parent, child, check)
        allowed = {"copy": {"equal", "renamed"}, "reshard": {"reserialised"}, "cast": {"cast"}}[edge["relation"]]
        assert found.kind in allowed, edge
        seen.add(found.kind)
    assert {"reserialised", "cast"} <= seen
