"""Samples of real files: the same values from a folder, over ranges, and from another sharding."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest

from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_group
from lineage.fingerprint.sampling import GroupSample, ModelConfigs, plan_group, sample_file, sample_group
from lineage.fingerprint.values.sketch import pack_sketch
from tests.support.range_hub import RangeHub
from tests.support.weight_files import read_safetensors, safetensors_bytes, write_shards

MODEL, COMMIT = "org/model", "0" * 40


def sampled(folder: Path, *, in_place: bool = False, left: int | None = None) -> tuple[GroupSample, RangeHub]:
    """Sample the only group of a folder, read by its headers."""
    hub = RangeHub(folder, in_place=in_place)
    files = hub.files()
    group = weight_groups(files.values())[0]
    found = fingerprint_group(hub, MODEL, COMMIT, group, files, "header")
    read = {name: folder / name for name in ("config.json", "adapter_config.json")}
    configs = ModelConfigs(*(json.loads(path.read_text()) if path.exists() else None for path in read.values()))
    return sample_group(hub, MODEL, COMMIT, found, configs, left), hub


@pytest.fixture(scope="module")
def skiff(small_zoo: Path) -> Path:
    """Give the folder of a small Llama in F32."""
    return small_zoo / "skiffworks" / "skiff-0.7m"


def test_folder_ranges_and_shards_give_the_same_bytes(skiff: Path, tmp_path: Path) -> None:
    """Read in place, by ranges, or out of shards in another order, a sketch is the same bit for bit."""
    here, _ = sampled(skiff, in_place=True)
    away, hub = sampled(skiff)
    tensors, _ = read_safetensors(skiff / "model.safetensors")
    write_shards(tmp_path, dict(reversed(tensors.items())), 5)
    shutil.copy(skiff / "config.json", tmp_path)
    sharded, _ = sampled(tmp_path)
    assert len(here.sketch.tiles) == 41
    assert pack_sketch(here.sketch) == pack_sketch(away.sketch) == pack_sketch(sharded.sketch)
    assert here.arch == away.arch == sharded.arch
    assert away.plan is not None
    assert len(hub.asked) <= away.plan.requests + 2
    assert sample_file(skiff / "model.safetensors", _header_of(skiff), ModelConfigs()).sketch.coverage == (
        "sketch.v1 strips=29/29 squares=3/3 vectors=9/9"
    )


def _header_of(folder: Path) -> GroupFingerprint:
    hub = RangeHub(folder, in_place=True)
    files = hub.files()
    return fingerprint_group(hub, MODEL, COMMIT, weight_groups(files.values())[0], files, "header")


def test_the_values_are_those_of_the_file(skiff: Path) -> None:
    """Every tile holds what the tensor has at its place."""
    sample, _ = sampled(skiff)
    tensors, _ = read_safetensors(skiff / "model.safetensors")
    stored = {
        "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
        "token_embd.weight": "model.embed_tokens.weight",
    }
    for each in sample.sketch.tiles:
        if each.tile.name in stored:
            _, shape, raw = tensors[stored[each.tile.name]]
            row, rows, column, columns = each.tile.place
            whole = numpy.frombuffer(raw, "<f4").reshape(shape)
            assert (each.values == whole[row : row + rows, column : column + columns]).all()


def test_an_adapter_has_its_scale_and_both_matrices(small_zoo: Path) -> None:
    """A LoRA adapter is sampled with the scale that its config gives."""
    sample, _ = sampled(small_zoo / "otterhub" / "skiff-packages-lora")
    assert sample.sketch.adapter is not None
    assert sample.sketch.adapter.scale == 2.0
    assert {each.tile.name.rsplit(".", 1)[1] for each in sample.sketch.tiles} == {"lora_a", "lora_b"}


def test_a_sample_that_costs_more_than_is_left_is_not_taken(skiff: Path) -> None:
    """Nothing is read, and the reason names both numbers."""
    sample, hub = sampled(skiff, left=1_000)
    assert not sample.sketch.tiles
    assert "1,000" in (sample.problem or "")
    assert all(start < 100_000 and length is not None for _, start, length in hub.asked)


SPECIAL: dict[str, numpy.ndarray[Any, numpy.dtype[numpy.float32]]] = {
    "nan": numpy.full((16, 64), numpy.nan, "<f4"),
    "inf": numpy.full((16, 64), -numpy.inf, "<f4"),
    "denormal": numpy.full((16, 64), 1e-42, "<f4"),
    "zero": numpy.zeros((16, 64), "<f4"),
    "one element": numpy.ones((1, 1), "<f4"),
    "empty": numpy.zeros((0, 64), "<f4"),
    "no dimension": numpy.array(7, "<f4"),
}


def test_values_of_every_kind_are_sampled(tmp_path: Path) -> None:
    """NaN, infinities, denormals, zeros, empty tensors and scalars are kept as they are."""
    tensors = {
        f"model.layers.{n}.x.weight": ("F32", numpy.shape(v), v.tobytes()) for n, v in enumerate(SPECIAL.values())
    }
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    sample, _ = sampled(tmp_path)
    found = {each.tile.name: each.values for each in sample.sketch.tiles}
    for number, (name, values) in enumerate(SPECIAL.items()):
        key = f"layers.{number}.x.weight"
        if name == "empty":
            assert key not in found
        else:
            numpy.testing.assert_array_equal(
                found[key], numpy.reshape(values, (1, -1) if values.ndim < 2 else values.shape)
            )


def test_a_file_that_is_cut_after_its_header_is_a_problem(skiff: Path, tmp_path: Path) -> None:
    """A sample of a file that ended in the meantime holds nothing, and says why."""
    shutil.copytree(skiff, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    hub = RangeHub(tmp_path / "m")
    files = hub.files()
    found = fingerprint_group(hub, MODEL, COMMIT, weight_groups(files.values())[0], files, "header")
    weights.write_bytes(weights.read_bytes()[:200_000])
    sample = sample_group(hub, MODEL, COMMIT, found, ModelConfigs())
    assert not sample.sketch.tiles
    assert "cut short" in (sample.problem or "")
    assert sample.arch == sampled(skiff)[0].arch


def test_headers_alone_tell_the_cost(skiff: Path) -> None:
    """The plan of a group reads nothing and equals that of the sample."""
    found = _header_of(skiff)
    planned, taken = plan_group(found, ModelConfigs()), sampled(skiff)[0]
    assert planned.plan == taken.plan
    assert planned.arch == taken.arch
    assert not planned.sketch.tiles


@pytest.mark.slow
def test_a_hundred_thousand_tensors_are_sampled_in_bounded_time(tmp_path: Path) -> None:
    """The largest header that is read gives a sample of the usual size."""
    tensors = {f"model.layers.{n // 10}.m{n % 10}.weight": ("F16", (2, 2), b"\0<" * 4) for n in range(100_000)}
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    sample, _ = sampled(tmp_path)
    assert sample.sketch.taken("strip") == 64
