"""The table of bare names of old."""

from __future__ import annotations

import csv
import re

from lineage.hub import legacy_names
from lineage.hub.legacy_names import legacy_name
from lineage.hub.target import repository_id_problem
from tests.support.shared import ROOT, SHARED, needs_shared

TABLE = ROOT / "lineage" / "hub" / legacy_names.TABLE


def rows() -> list[dict[str, str]]:
    """Read the table by plain means."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_names_are_found_in_any_case_and_others_are_not() -> None:
    """A bare name is looked up as the Hub takes it, in any letter case; what is not in the table stays unknown."""
    found = legacy_name("GPT2")
    assert found is not None
    assert (found.canonical, found.date) == ("openai-community/gpt2", "2024-07")
    assert legacy_name("llama-7b") is None
    assert legacy_name("openai-community/gpt2") is None


def test_every_line_is_sound() -> None:
    """Each bare name occurs once, leads to an id with an owner that ends with it, and has a source and a month."""
    table = rows()
    assert len({row["bare"].lower() for row in table}) == len(table)
    head = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("#")]
    for row in table:
        assert repository_id_problem(row["bare"]) is None
        assert repository_id_problem(row["canonical"]) is None
        assert row["canonical"].split("/")[1:] == [row["bare"]]
        assert any(f"source {row['source']}:" in line for line in head)
        assert re.fullmatch(r"20\d\d-\d\d", row["date"])


@needs_shared
def test_the_table_covers_the_recorded_graph() -> None:
    """All names that are recorded as redirects are in the table, with the id that was recorded."""
    with (SHARED / "data" / "graph" / "legacy_names.csv").open("rt") as file:
        recorded = [(row["bare"], row["canonical"]) for row in csv.DictReader(file)]
    assert recorded
    assert [(bare, getattr(legacy_name(bare), "canonical", None)) for bare, _ in recorded] == recorded
