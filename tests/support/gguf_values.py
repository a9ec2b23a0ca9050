"""GGUF files with values in them, as llama.cpp's converter lays them out, and their sketches."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gguf.constants import GGMLQuantizationType
from gguf.quants import quantize
from numpy.typing import NDArray

from lineage.fingerprint.gguf import TYPES, read_gguf
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.values.open import open_values
from lineage.fingerprint.values.plan import plan_sample
from lineage.fingerprint.values.requantise_gguf import gguf_grid
from lineage.fingerprint.values.sample import read_sample
from lineage.fingerprint.values.sketch import SampledTile, Sketch
from lineage.fingerprint.values.source import ValueSource
from lineage.fingerprint.values.tensor import Fetch, FileHeader, FileRange, Place
from lineage.fingerprint.values.tiles import Tile
from tests.support.weight_files import gguf_bytes, gguf_text

Floats = NDArray[np.float32]
NUMBERS = {name: number for number, (name, _, _) in TYPES.items()}
TEXT, U32, F32, LIST = 8, 4, 6, 9


def entries(values: Mapping[str, str | int | float | list[int]]) -> list[tuple[str, int, bytes]]:
    """Encode key-value pairs: texts, U32, F32 and lists of U32."""
    found = []
    for key, value in values.items():
        if isinstance(value, str):
            found.append((key, TEXT, gguf_text(value)))
        elif isinstance(value, int):
            found.append((key, U32, struct.pack("<I", value)))
        elif isinstance(value, float):
            found.append((key, F32, struct.pack("<f", value)))
        else:
            found.append((key, LIST, struct.pack("<IQ", U32, len(value)) + struct.pack(f"<{len(value)}I", *value)))
    return found


def tensor(name: str, values: Floats, dtype: str = "F32") -> tuple[str, tuple[int, ...], int, bytes]:
    """Encode a tensor in a type that the package quantises to."""
    raw = quantize(np.ascontiguousarray(values), GGMLQuantizationType[dtype]).tobytes()
    return name, values.shape[::-1], NUMBERS[dtype], raw


def random_blocks(dtype: str, rows: int, columns: int, seed: int) -> bytes:
    """Make blocks of a quantised type of any bytes: their scales may be infinite or NaN."""
    elements, width = next((each[1], each[2]) for each in TYPES.values() if each[0] == dtype)
    return np.random.default_rng(seed).bytes(rows * columns // elements * width)


def interleaved(values: Floats, heads: int) -> Floats:
    """Put rows in the order in which llama.cpp's converter stores q and k (`LlamaModel.permute`)."""
    parts = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return np.ascontiguousarray(parts.swapaxes(1, 2).reshape(values.shape))


def write_gguf(
    path: Path, values: Mapping[str, Any], tensors: Sequence[tuple[str, tuple[int, ...], int, bytes]]
) -> Path:
    """Write a file."""
    path.write_bytes(gguf_bytes(entries(values), tensors))
    return path


def headers_of(*paths: Path) -> list[FileHeader]:
    """Read the headers of the parts of one model."""
    found = []
    for path in paths:
        header = read_gguf(read_ranges(path, path.name), path.stat().st_size, path.name)
        assert header.tensors is not None
        found.append(FileHeader(path.name, header.tensors, header.values))
    return found


def source_of(*paths: Path, config: Mapping[str, Any] | None = None) -> ValueSource:
    """Open the values of a model whose parts lie in one folder."""
    return open_values(headers_of(*paths), "gguf", config=config)


def fetch_from(folder: Path) -> Fetch:
    """Give ranges of the files in a folder."""

    def fetch(wanted: FileRange) -> bytes:
        return read_ranges(folder / wanted.file, wanted.file)(wanted.start, wanted.length)

    return fetch


def reads(folder: Path) -> Callable[[str, Sequence[tuple[int, int]]], list[bytes]]:
    """Give the ranges of a plan from the files in a folder."""

    def read(file: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        get = read_ranges(folder / file, file)
        return [get(start, length) for start, length in ranges]

    return read


def sketch_of(*paths: Path, config: Mapping[str, Any] | None = None) -> Sketch:
    """Sample a model whose parts lie in one folder."""
    source = source_of(*paths, config=config)
    return read_sample(source, plan_sample(source), reads(paths[0].parent))[0]


def share_of(method: str, child: Floats, candidate: Floats) -> float | None:
    """Return the share of codes of a child's tile that a candidate's values give; None where it has no grid."""
    place = Place(0, child.shape[0], 0, child.shape[1])
    grid = gguf_grid(SampledTile(Tile("strip", "x", place), child.shape, method, child))
    return None if grid is None else float((grid.codes(candidate) == grid.child).mean())
