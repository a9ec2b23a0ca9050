"""Weights that a test makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.fingerprint.measure import GroupFingerprint, fingerprint_file
from lineage_schemas.level import Level
from tests.support.small_weights import Make
from tests.support.weight_files import Tensors, safetensors_bytes


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write tensors to a file and measure it."""
    count = 0

    def write(tensors: Tensors, level: Level = "full", metadata: dict[str, str] | None = None) -> GroupFingerprint:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors, metadata))
        return fingerprint_file(folder / "model.safetensors", level)

    return write
