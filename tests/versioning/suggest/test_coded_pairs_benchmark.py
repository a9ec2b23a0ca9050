"""The benchmark of coded pairs: what the coders wrote becomes two models, which the rules of levels judge."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import coded_pairs
from tests.support.shared import ROOT, SHARED, needs_shared

CONFIG = ("Owner", "main_model_name", "to_compare", "largefile", "card", "key", "main_value", "compared_value")
CARD = ("Owner", "main_model_name", "to_compare", "modelcard", "readme")
PAIRS = {
    "major": [
        ("a/one-v2", "a/one", "Different", "n_layer, task_params", "3, {'x': {'y': [1, 2]}}", "2, None"),
        ("a/two-v1", "a/two-v2", "Different", "no-changes", "no-changes", "no-changes"),
        ("a/two-v1", "b/two-v2", "Different", "no-changes", "no-changes", "no-changes"),
    ],
    "minor": [
        ("a/three-v1.1", "a/three-v1.0", "0", "n_positions", "64", "128"),
        ("a/four-v1.1", "a/four-v1.0", "1", "no-information", "no-information", "no-information"),
    ],
}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Write small tables in the form of the replication package."""
    for sample, pairs in PAIRS.items():
        with (tmp_path / f"{sample}_config_diff_update.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(CONFIG)
            rows.writerows((one[:1], one, other, weights, weights, *values) for one, other, weights, *values in pairs)
        with (tmp_path / f"{sample}_combined_changes.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(CARD)
            changed = [pair for pair in pairs if pair[0] == "a/two-v1"]
            rows.writerows((one[:1], one, other, "", "successor base-model-changed") for one, other, *_ in changed[:1])
    return tmp_path


def run(folder: Path, out: Path) -> dict[str, Any]:
    """Run the benchmark, and return what it writes."""
    assert coded_pairs.main([str(folder), "--json", str(out)]) == 0
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def test_pairs_are_judged_from_the_earlier_to_the_later_version(tables: Path, tmp_path: Path) -> None:
    """The order is that of the names, values keep their brackets, and pairs of two owners are left out."""
    pairs = run(tables, tmp_path / "found.json")["pairs"]
    assert [(each["earlier"], each["later"], each["level"], each["step"]) for each in pairs] == [
        ("a/one", "a/one-v2", "major", None),
        ("a/two-v1", "a/two-v2", "major", "major"),
        ("a/three-v1.0", "a/three-v1.1", "major", "minor"),
        ("a/four-v1.0", "a/four-v1.1", "minor", "minor"),
    ]
    assert "architecture-change" in pairs[0]["rules"]
    assert "base-model-change" in pairs[1]["rules"]
    assert "context-shrunk" in pairs[2]["rules"]
    assert (pairs[3]["config"], pairs[3]["could_be"]) == ("unread", "major")


def test_the_figures_count_pairs_whose_config_was_coded(tables: Path, tmp_path: Path) -> None:
    """A level is compared with the name only where the config is known."""
    samples = run(tables, tmp_path / "found.json")["samples"]
    assert (samples["major"]["pairs"], samples["major"]["level_is_the_sample"]) == (2, 2)
    assert (samples["minor"]["pairs"], samples["minor"]["config_read"]) == (2, 1)
    assert samples["minor"]["level_is_the_sample"] == 0


def test_other_tables_are_an_error(tmp_path: Path) -> None:
    """A folder without the tables ends with a message, not with a traceback."""
    with pytest.raises(SystemExit, match="2"):
        coded_pairs.main([str(tmp_path)])


@needs_shared
def test_the_table_of_the_documents_is_measured(tmp_path: Path) -> None:
    """The page on levels has the figures that the benchmark gives for the study's pairs."""
    samples = run(SHARED / "data/names", tmp_path / "found.json")["samples"]
    page = (ROOT / "docs/levels.md").read_text("utf-8")
    for sample, each in samples.items():
        levels, read = each["levels_config_read"], each["config_read"]
        agree = f"{each['level_is_the_sample']} of {read} ({100 * each['level_is_the_sample'] / read:.0f} %)"
        steps = f"{each['level_is_the_step']} of {each['names_take_a_step_config_read']}"
        row = f"| {sample} | {each['pairs']} | {read} | {levels['major']} | {levels['minor']} | {agree} | {steps} |"
        assert row in page
