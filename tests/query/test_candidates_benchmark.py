"""The benchmark of candidates loads a store, looks new weights up, and compares its figures with its limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import candidates
from benchmarks.stores.measuring import Result


@pytest.mark.slow
def test_children_of_stored_bases_find_them(tmp_path: Path) -> None:
    """Every new child finds its base in a small store, and the figures are written for each size."""
    json_file = tmp_path / "found.json"
    options = ["--models", "40", "80", "--queries", "8", "--folder", str(tmp_path), "--json", str(json_file)]
    assert candidates.main(options) in (0, 1), "time per doubling depends on the machine"
    found = json.loads(json_file.read_text())
    assert [found["sqlite"][size]["base found"] for size in ("40", "80")] == [1.0, 1.0]


def figures(seconds: float, base: float = 1.0) -> Result:
    """Make the figures of one size."""
    return {"seconds": {"p50": seconds}, "base found": base}


@pytest.mark.parametrize(
    ("sizes", "missed"),
    [
        ({"1000": figures(0.1), "4000": figures(0.29)}, []),
        ({"1000": figures(0.1), "4000": figures(0.31)}, ["sqlite: 0.31 s"]),
        ({"1000": figures(0.01), "4000": figures(0.06)}, ["sqlite: 2.45 x per doubling from 1,000 to 4,000"]),
        ({"1000": figures(0.1, 0.98)}, ["sqlite: 98.00% of bases found among 1000"]),
    ],
)
def test_a_missed_limit_is_named(sizes: Result, missed: list[str]) -> None:
    """Time at the largest size, growth and share of bases found are each compared with a limit."""
    assert list(candidates.misses("sqlite", sizes)) == missed
