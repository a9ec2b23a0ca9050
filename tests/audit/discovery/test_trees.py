"""Labelled trees: how much of them is found, by the command that measures any such tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import discovery
from tests.support.shared import SHARED, needs_shared

TREES = Path(__file__).parents[2] / "data/trees"


def test_labelled_trees_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recall and precision are at least 0.95, and 99 % of the revisions are right, in the trees of the tests."""
    out = tmp_path / "figures.json"
    assert discovery.main([str(TREES), "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["all"]["labelled"] > 100
    assert figures["all"]["recall"] >= 0.95, figures
    assert figures["all"]["precision"] >= 0.95, figures
    assert figures["all"]["revisions_right"] >= 0.99, figures
    assert "recall" in capsys.readouterr().out


def test_misses_and_false_places_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A label that is not found, a reference without a label and a wrong revision are named with their lines."""
    (tmp_path / "a.py").write_text('f.from_pretrained("a/found", revision="v1")\nf.from_pretrained("a/extra")\n')
    labels = [
        {"model": "a/found", "revision": "v2", "file": "a.py", "line": 1, "grade": "certain", "note": "ignored"},
        {"model": "a/missed", "revision": None, "file": "a.py", "line": 9, "grade": "likely"},
    ]
    (tmp_path / "truth.json").write_text(json.dumps(labels))
    assert discovery.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "a.py:9 a/missed at no revision" in out
    assert "a.py:2 a/extra at no revision" in out
    assert "a.py:1 a/found at v1, labelled v2" in out


def test_possible_places_count_neither_way(tmp_path: Path) -> None:
    """A reference at a place that is possible in the labels is neither right nor wrong."""
    (tmp_path / "a.py").write_text('f.from_pretrained("a/b")\n')
    label = {"model": "a/b", "revision": None, "file": "a.py", "line": 1, "grade": "possible"}
    (tmp_path / "truth.json").write_text(json.dumps([label]))
    assert discovery.measure(tmp_path, tmp_path / discovery.TRUTH).counts.total() == 0


@needs_shared
def test_code_blocks_of_real_cards_are_found() -> None:
    """The blocks of real cards of the Hub: recall and precision against labels that one reader checked."""
    measured = discovery.measure(SHARED / "data/cards", TREES.parent / "cards_models.json")
    assert measured.counts["both"] >= 0.95 * measured.counts["wanted"], measured.missed
    assert measured.counts["both"] >= 0.95 * measured.counts["given"], measured.extra
    assert measured.unread == []
