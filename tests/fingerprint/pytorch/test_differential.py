"""The reader against PyTorch itself, where PyTorch is installed: `uv run --with torch pytest -m torch`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.fingerprint.pytorch.gather import read_tensor
from lineage.fingerprint.pytorch.reader import Checkpoint, read_checkpoint
from lineage.fingerprint.pytorch.values import DTYPES
from lineage.fingerprint.reading import read_ranges

pytestmark = pytest.mark.torch

FORMS: list[dict[str, Any]] = [{}, {"_use_new_zipfile_serialization": False}]


def states(torch: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Make state dicts of every kind that is read."""
    matrix, grid = torch.randn(50, 40), torch.arange(5_000.0).reshape(50, 100)
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64"
    yield "dtypes", {name: torch.zeros(4, 6, dtype=getattr(torch, name)) for name in names.split()}
    yield (
        "tied",
        {"a": matrix, "b": matrix, "c": matrix[3:9], "d": matrix.t(), "e": matrix[:, 0], "f": grid[::3, ::7]},
    )
    yield "odd", {"scalar": torch.tensor(3.5), "empty": torch.empty(0, 7), "expanded": torch.ones(1).expand(3, 4)}
    yield "permuted", {"p": torch.randn(8, 9, 10, 11).permute(3, 1, 0, 2), "t": torch.randn(300, 200).t()}
    yield "module", torch.nn.TransformerEncoderLayer(16, 2).state_dict()


@pytest.mark.parametrize("form", FORMS, ids=["zip", "before-zip"])
def test_tensors_are_those_that_pytorch_loads(tmp_path: Path, form: dict[str, Any]) -> None:
    """Names, dtypes, shapes and contiguous bytes equal those of `torch.load(weights_only=True)`."""
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
    path = tmp_path / "pytorch_model.bin"
    for _, state in states(torch):
        torch.save(state, path, **form)
        found = read_checkpoint(read_ranges(path, path.name), path.stat().st_size, path.name)
        assert isinstance(found, Checkpoint)
        read = read_ranges(path, path.name)
        ours = {
            each.name: (each.dtype, list(each.shape), hashlib.sha256(b"".join(read_tensor(each, read))).hexdigest())
            for each in found.exact(read).tensors
        }
        theirs = {
            name: (DTYPES[str(each.dtype)], list(each.shape), hashlib.sha256(_bytes(torch, each)).hexdigest())
            for name, each in torch.load(path, weights_only=True).items()
        }
        assert ours == theirs


def _bytes(torch: Any, tensor: Any) -> bytes:
    """Give the bytes of the contiguous copy."""
    return bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist())
