"""Tensors whose scales or tables do not fit: they are unread, and the rest of the group is sampled."""

from __future__ import annotations

import json
from pathlib import Path

from lineage.fingerprint.sampling import GroupSample
from lineage.fingerprint.values.names import normalised_name
from lineage.fingerprint.values.sketch import pack_sketch
from tests.fingerprint.values.test_hostile_layouts import parts_of
from tests.fingerprint.values.test_layouts import config_of
from tests.fingerprint.values.test_sample import sampled
from tests.support.weight_files import safetensors_bytes

NAME = "gptq-4bit-act-asym"


def two_matrices() -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Give a model of two equal matrices, q and k of one layer."""
    tensors = parts_of(NAME)
    return tensors | {name.replace("q_proj", "k_proj"): each for name, each in tensors.items()}


def sample_of(folder: Path, tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> GroupSample:
    """Write a model of GPTQ, and sample it in place and over ranges: both give the same bytes."""
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    (folder / "config.json").write_text(json.dumps(config_of(NAME)))
    here, away = sampled(folder, in_place=True)[0], sampled(folder)[0]
    assert pack_sketch(here.sketch) == pack_sketch(away.sketch)
    assert here.unread == away.unread
    return here


def test_a_tensor_that_does_not_fit_is_unread_and_the_others_are_sampled(tmp_path: Path) -> None:
    """One matrix with a wrong g_idx is unread with its parts; arch, plan and the other tiles are as before."""
    tensors = two_matrices()
    broken = min(name for name in tensors if name.endswith(".g_idx"))
    dtype, shape, raw = tensors[broken]
    sound = sample_of(tmp_path / "sound", tensors)
    found = sample_of(tmp_path / "broken", tensors | {broken: (dtype, shape, (999).to_bytes(4, "little") + raw[4:])})
    module = broken.removesuffix("g_idx")
    assert set(found.unread) - set(sound.unread) == {name for name in tensors if name.startswith(module)}
    assert "groups that have no scales" in found.unread[broken]
    assert (found.arch, found.plan, found.problem) == (sound.arch, sound.plan, None)
    kept = [each.tile for each in sound.sketch.tiles if each.tile.name != normalised_name(f"{module}weight")]
    assert [each.tile for each in found.sketch.tiles] == kept
    assert 0 < len(kept) < len(sound.sketch.tiles)
    assert {kind: taken for kind, taken, _ in found.covered()}["strip"] == found.sketch.taken("strip")


def test_a_group_whose_tensors_all_do_not_fit_says_why(tmp_path: Path) -> None:
    """Without any value the reason of the first tensor is the problem of the sample; arch stays."""
    tensors = two_matrices()
    for name, (dtype, shape, raw) in tensors.items():
        if name.endswith(".g_idx"):
            tensors[name] = (dtype, shape, (999).to_bytes(4, "little") * (len(raw) // 4))
    sample = sample_of(tmp_path / "all", tensors)
    assert not sample.sketch.tiles
    assert sample.arch is not None
    assert "groups that have no scales" in (sample.problem or "")
