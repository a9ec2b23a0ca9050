"""Files that are numbered without a total: shards of one model, or models of their own."""

from __future__ import annotations

import pytest

from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.header import Read
from lineage.fingerprint.header_reader import HeaderReader
from lineage_schemas.file import FileEntry
from tests.support.weight_files import safetensors_bytes


def names(*paths: str) -> list[str]:
    """Group a tree of paths and name the groups."""
    return sorted(group.name for group in weight_groups(FileEntry(path=path) for path in paths))


def with_headers(tensors: dict[str, list[str]]) -> list[str]:
    """Group files that hold tensors of these names, and name the groups."""
    raw = {
        path: safetensors_bytes({name: ("U8", (1,), b"x") for name in held}) if held else b"no header"
        for path, held in tensors.items()
    }

    def opened(path: str) -> tuple[Read, int | None]:
        return (lambda start, length: raw[path][start : start + length]), len(raw[path])

    entries = [FileEntry(path=path) for path in raw]
    return sorted(group.name for group in weight_groups(entries, None, HeaderReader(opened, is_local=True)))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["weights.00.safetensors", "weights.01.safetensors", "weights.02.safetensors"], ["weights.safetensors"]),
        (["model.0.safetensors", "model.1.safetensors"], ["model.safetensors"]),
        (["mymodel.0.pt", "mymodel.1.pt"], ["mymodel.pt"]),
        (["a/weights.00.npz", "a/weights.01.npz"], ["a/weights.npz"]),
        ([f"weights.{n}.safetensors" for n in range(11)], ["weights.safetensors"]),
        (["weights.00.safetensors", "weights.02.safetensors"], ["weights.00.safetensors", "weights.02.safetensors"]),
        (["model.1.safetensors", "model.2.safetensors"], ["model.1.safetensors", "model.2.safetensors"]),
        (["model_0.pt", "model_1.pt"], ["model_0.pt", "model_1.pt"]),
        (["model.00.pt", "model.1.pt"], ["model.00.pt", "model.1.pt"]),
        (["model.0.safetensors"], ["model.0.safetensors"]),
        (["a/model.0.pt", "b/model.1.pt"], ["a/model.0.pt", "b/model.1.pt"]),
        (["x-Q4_0.gguf", "x-Q4_1.gguf"], ["x-Q4_0.gguf", "x-Q4_1.gguf"]),
        (["pytorch_model.bin", "pytorch_model_1.bin"], ["pytorch_model.bin", "pytorch_model_1.bin"]),
    ],
)
def test_by_names_alone(paths: list[str], expected: list[str]) -> None:
    """Without headers only numbers after a dot, from 0 and without a hole, make a set of shards."""
    assert names(*paths) == names(*reversed(paths)) == expected


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        ({"model.0.safetensors": ["a"], "model.1.safetensors": ["b"]}, ["model.safetensors"]),
        ({"model-1.safetensors": ["a", "c"], "model-2.safetensors": ["b"]}, ["model.safetensors"]),
        ({"model_00.safetensors": ["a"], "model_01.safetensors": ["b"]}, ["model.safetensors"]),
        ({"model.0.safetensors": ["a"], "model.1.safetensors": ["a"]}, ["model.0.safetensors", "model.1.safetensors"]),
        ({"model-2.safetensors": ["a"], "model-3.safetensors": ["b"]}, ["model-2.safetensors", "model-3.safetensors"]),
        ({"model.0.safetensors": ["a"], "model.1.safetensors": []}, ["model.safetensors"]),
        ({"model-0.safetensors": ["a"], "model-1.safetensors": []}, ["model-0.safetensors", "model-1.safetensors"]),
        ({"step-1.safetensors": ["a"], "step-2.safetensors": ["a"]}, ["step-1.safetensors", "step-2.safetensors"]),
    ],
)
def test_headers_decide(tensors: dict[str, list[str]], expected: list[str]) -> None:
    """Files that share a tensor are not shards of one model, whatever their names; files that share none are."""
    assert with_headers(tensors) == expected


def test_a_whole_file_keeps_its_name_beside_numbered_shards() -> None:
    """One file and numbered shards of one name are two groups, and the loader's choice keeps the name."""
    found = weight_groups(
        FileEntry(path=p) for p in ["model.0.safetensors", "model.1.safetensors", "model.safetensors"]
    )
    assert {group.name: group.files for group in found} == {
        "model.safetensors": ("model.safetensors",),
        "model-of-00002.safetensors": ("model.0.safetensors", "model.1.safetensors"),
    }
    assert found[0].name == "model.safetensors"


def test_names_of_many_tensors_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of tensors it is unknown whether files share some, and they stay apart as without headers."""
    tensors = {"model-0.safetensors": ["a", "b"], "model-1.safetensors": ["c"], "model-2.safetensors": ["d"]}
    assert with_headers(tensors) == ["model.safetensors"]
    monkeypatch.setattr("lineage.fingerprint.numbered.MAX_NAMES", 2)
    assert with_headers(tensors) == sorted(tensors)
