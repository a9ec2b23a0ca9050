"""Values of weights, read the way a sample reads them, or whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage.fingerprint.header import read_header
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.tensor import Fetch, FileHeader, FileRange, Place, ValueTensor

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats


def open_bytes(
    files: Mapping[str, bytes], config: Mapping[str, Any] | None = None, adapter: Mapping[str, Any] | None = None
) -> tuple[ValueSource, Fetch]:
    """Open the values of safetensors files, given by name, and what fetches their bytes."""
    headers = []
    for name, data in files.items():
        header = read_header(lambda start, length, data=data: data[start : start + length], len(data), name)  # type: ignore[misc]
        headers.append(FileHeader(name, header.tensors, dict(header.metadata)))
    source = open_values(headers, "safetensors", config=config, adapter=adapter)
    return source, lambda wanted: files[wanted.file][wanted.start : wanted.start + wanted.length]


def open_folder(folder: Path) -> tuple[ValueSource, Fetch]:
    """Open the values of a model's folder with its config."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}
    configs = [json.loads(path.read_text()) if (path := folder / name).exists() else None for name in CONFIGS]
    return open_bytes(files, *configs)


CONFIGS = ("config.json", "adapter_config.json")


def whole(tensor: ValueTensor) -> Place:
    """Give the place of a whole matrix."""
    return Place(0, tensor.shape[0], 0, tensor.shape[1])


def values_at(tensor: ValueTensor, place: Place, fetch: Fetch) -> Floats:
    """Read a place, and check that only ranges are fetched that were listed before."""
    listed = tensor.ranges(place)

    def checked(wanted: FileRange) -> bytes:
        inside = [
            each
            for each in listed
            if each.file == wanted.file
            and each.start <= wanted.start
            and wanted.start + wanted.length <= each.start + each.length
        ]
        assert inside, f"{wanted} was not listed"
        return fetch(wanted)

    return tensor.values(place, checked)
