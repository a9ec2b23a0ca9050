"""The main group where an index names other files than its own name suggests."""

from __future__ import annotations

import json

import pytest

from lineage.fingerprint.groups import weight_groups
from lineage_schemas.file import FileEntry

INDEX_OF_LOADERS = "model.safetensors.index.json"


def shards(stem: str, count: int) -> list[str]:
    """Name the files of a shard set."""
    return [f"{stem}-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("listed", "others", "main"),
    [
        (shards("weights", 3), shards("model", 2), "weights.safetensors"),
        (shards("new", 3), shards("model", 2), "new.safetensors"),
        (shards("new/part", 3), [*shards("model", 2), "pytorch_model.bin"], "new/part.safetensors"),
        (shards("new", 3), ["pytorch_model.bin"], "new.safetensors"),
        (shards("new", 3), ["model.safetensors"], "model.safetensors"),
        (["new.safetensors"], ["model.safetensors"], "model.safetensors"),
        (shards("model", 3), shards("model", 2), "model.safetensors"),
    ],
)
def test_the_main_group_is_what_the_index_lists(listed: list[str], others: list[str], main: str) -> None:
    """A loader takes a whole file, else what its index lists, whatever these files are called."""
    index = json.dumps({"weight_map": {f"tensor.{number}": file for number, file in enumerate(listed)}}).encode()
    entries = [FileEntry(path=path) for path in (*listed, *others, INDEX_OF_LOADERS)]
    found = weight_groups(entries, {INDEX_OF_LOADERS: index}.get)
    assert found[0].main
    assert found[0].name == main
    assert found[0].files == (("model.safetensors",) if "model.safetensors" in others else tuple(listed))
