"""The one place that knows where the larger test data may lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SHARED = Path(os.environ.get("LINEAGE_TEST_SHARED") or ROOT.parent / "shared")

needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(),
    reason="recorded Hub data are not here: set LINEAGE_TEST_SHARED to their folder",
)
