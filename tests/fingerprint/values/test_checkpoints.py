"""Values of PyTorch checkpoints: a checkpoint and its safetensors conversion have one sketch."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import fingerprint_group
from lineage.fingerprint.sampling import GroupSample, ModelConfigs, sample_group
from lineage.fingerprint.values.sketch import pack_sketch
from tests.support.range_hub import RangeHub
from tests.support.shared import ROOT

DATA = ROOT / "tests" / "data" / "torch"


def sampled(file: Path, folder: Path, *, in_place: bool = False) -> GroupSample:
    """Sample one file alone in a folder, by ranges or in place."""
    folder.mkdir(exist_ok=True)
    place = folder / ("pytorch_model.bin" if file.suffix == ".bin" else "model.safetensors")
    place.write_bytes(file.read_bytes())
    hub = RangeHub(folder, in_place=in_place)
    files = hub.files()
    found = fingerprint_group(hub, "org/model", "0" * 40, weight_groups(files.values())[0], files, "header")
    return sample_group(hub, "org/model", "0" * 40, found, ModelConfigs())


@pytest.mark.parametrize("in_place", [True, False])
def test_a_checkpoint_and_its_conversion_have_one_sketch(tmp_path: Path, in_place: bool) -> None:
    """The values of a checkpoint are those of its safetensors conversion, bit for bit, also by ranges."""
    checkpoint = sampled(DATA / "plain-bfloat16.bin", tmp_path / "a", in_place=in_place)
    conversion = sampled(DATA / "plain-bfloat16.safetensors", tmp_path / "b", in_place=in_place)
    assert checkpoint.sketch.tiles
    assert pack_sketch(checkpoint.sketch) == pack_sketch(conversion.sketch)
    assert checkpoint.arch == conversion.arch


def test_views_have_the_values_that_they_show(tmp_path: Path) -> None:
    """A transposed or sliced view is read where its elements lie."""
    sample = sampled(DATA / "views.bin", tmp_path / "a")
    found = {each.tile.name: each for each in sample.sketch.tiles}
    assert found
    assert all(numpy.isfinite(each.values).all() for each in found.values())
    truth = _contiguous(DATA / "views.bin", tmp_path / "b")
    for name, each in found.items():
        row, rows, column, columns = each.tile.place
        assert (each.values == truth[name][row : row + rows, column : column + columns]).all(), name


def _contiguous(file: Path, folder: Path) -> dict[str, numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]]:
    """Gather every tensor of a checkpoint whole, by the reader's own gathering."""
    from lineage.fingerprint.pytorch.gather import read_tensor
    from lineage.fingerprint.pytorch.reader import Unread, read_checkpoint
    from lineage.fingerprint.values.names import normalised_names
    from lineage.fingerprint.values.plain import logical_shape
    from lineage.fingerprint.values.tensor import WIDTHS, decode_floats

    raw = file.read_bytes()
    found = read_checkpoint(lambda start, length: raw[start : start + length], len(raw), file.name)
    assert not isinstance(found, Unread)
    exact = found.exact(lambda start, length: raw[start : start + length])
    names = normalised_names(each.name for each in exact.tensors)
    return {
        names[each.name]: decode_floats(
            b"".join(read_tensor(each, lambda start, length: raw[start : start + length])), each.dtype
        ).reshape(logical_shape(each.shape))
        for each in exact.tensors
        if each.dtype in WIDTHS
    }
