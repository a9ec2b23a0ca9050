"""Files of one group that exchange their contents."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.places import in_order, same_places
from lineage_schemas.file import FileEntry
from lineage_schemas.weight_group import WeightGroup


def placed(files: Mapping[str, str]) -> tuple[WeightGroup, Mapping[str, str]]:
    """Group some files, which are given with what they hold."""
    (group,) = weight_groups([FileEntry(path=path) for path in files])
    return group, files


@pytest.mark.parametrize(
    ("before", "held"),
    [
        ({"consolidated.00.pth": "a", "consolidated.01.pth": "b"}, ["b", "a"]),
        ({"consolidated.01.pth": "a", "consolidated.02.pth": "b", "consolidated.03.pth": "c"}, ["b", "a", "c"]),
        ({"model-rank-0-part-0.safetensors": "a", "model-rank-1-part-0.safetensors": "b"}, ["b", "a"]),
        ({"m.onnx": "g", "m.onnx_data": "a", "m.onnx_data_1": "b"}, ["g", "b", "a"]),
        ({"m.gguf-split-a": "a", "m.gguf-split-b": "b"}, ["b", "a"]),
    ],
)
def test_files_that_exchange_their_contents_are_not_the_same(before: dict[str, str], held: list[str]) -> None:
    """The path of a rank, of ONNX data or of a file's part says what its bytes are."""
    assert not same_places(placed(before), placed(dict(zip(before, held, strict=True))))


def test_files_that_take_each_others_names_are_not_the_same() -> None:
    """A name that stays and holds what another file held is another file, although the order is the same."""
    before = placed({"consolidated.00.pth": "a", "consolidated.01.pth": "b"})
    assert not same_places(before, placed({"consolidated.01.pth": "a", "consolidated.02.pth": "b"}))


def test_shards_that_name_their_tensors_may_exchange_places() -> None:
    """A safetensors shard of a set holds the names of its tensors, so that the set is the same in any order."""
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    assert same_places(placed({one: "a", two: "b"}), placed({one: "b", two: "a"}))


@pytest.mark.parametrize("moved", ["x/consolidated.{}.pth", "consolidated.0{}.pth"])
def test_a_group_that_moves_or_is_numbered_in_another_way_is_the_same(moved: str) -> None:
    """Ranks keep their order in another folder and with numbers of another width."""
    before = placed({f"consolidated.{number:02}.pth": str(number) for number in range(12)})
    after = placed({moved.format(number): str(number) for number in range(12)})
    assert in_order(*before) == in_order(*after)


def test_numbers_of_any_length_are_ordered() -> None:
    """Digits are compared as numbers however many there are, zeros in front apart."""
    long = "9" * 5_000
    before = placed({"m.onnx": "g", "m.onnx_data_2": "a", f"m.onnx_data_{long}": "b", f"m.onnx_data_1{long}": "c"})
    assert in_order(*before) == ("g", "a", "b", "c")


def test_an_onnx_file_under_another_name_keeps_its_data() -> None:
    """The order of a group does not depend on where the .onnx file's new name comes in the alphabet."""
    before = placed({"a.onnx": "g", "a.onnx_data": "d"})
    assert same_places(before, placed({"z.onnx": "g", "z.onnx_data": "d"}))
