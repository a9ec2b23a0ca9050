"""The benchmarks of the stores, with little data: they run, and both sides hold the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.stores import measuring
from benchmarks.stores.__main__ import main
from tests.support.neo4j_server import PARAMS, empty_store, run

SMALL = ("--models", "200", "--queries", "5", "--rounds", "1", "--batches", "1")


@pytest.mark.slow
def test_the_embedded_store_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small run gives a ratio for each row of the reference."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    assert main([*SMALL, "--folder", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "stores.json").read_text("utf-8"))
    assert result["store"]["Model"] == 200
    for question in ("trace", "all descendants", "lookup by hash"):
        assert result[question]["ratios"]["ours / theirs"]["p50"] > 0


@pytest.mark.parametrize("version", PARAMS[-1:])
def test_neo4j_is_measured_beside_cypher_by_hand(
    version: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small run on a real server finds the same rows by hand, and leaves no index of its own."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    uri = empty_store(version, request, monkeypatch)
    assert main(["--neo4j", uri, *SMALL, "--folder", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "stores-neo4j.json").read_text("utf-8"))
    assert result["the same"]["Model"] == 200
    for question in ("trace", "all descendants"):
        assert result[question]["ratios"]["neo4j / by hand"]["p50"] > 0
    assert result["trace --down as a command"]["descendants"] >= result["all descendants"]["descendants"] > 20
    assert not run(uri, "SHOW INDEXES YIELD labelsOrTypes AS labels WHERE labels[0] STARTS WITH 'Plain' RETURN labels")
    with pytest.raises(SystemExit, match="is not empty"):
        main(["--neo4j", uri, *SMALL, "--folder", str(tmp_path)])
