"""`history --commits`: each commit with what it changes, and counts over time."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineage.answers.collect import collect
from lineage.answers.history import history
from lineage.answers.session import Session
from lineage_cli.main import main
from tests.support.bare_repository import BareRepository
from tests.support.weight_files import safetensors_bytes

MODEL = "org/name"

CATEGORIES = ["Project Metadata", "Output Data", "Output Data", "Pre-processing", "External Documentation"]


def weights(seed: int) -> bytes:
    """Make one tensor of random bytes."""
    return safetensors_bytes({"layers.0.weight": ("U8", (64,), random.Random(seed).randbytes(64))})


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a Hub with a model of five commits."""
    made = BareRepository(tmp_path / "hub" / f"{MODEL}.git")
    made.commit({".gitattributes": b"*.bin filter=lfs"})
    made.commit({"model.safetensors": weights(1), "config.json": b"{}"})
    made.commit({"model.safetensors": weights(2)})
    made.commit({"tokenizer_config.json": b"{}"})
    made.commit({"README.md": b"retrained weights"})
    return tmp_path / "hub"


def test_each_commit_has_a_category_and_they_are_counted(hub: Path) -> None:
    """The line's commits are classified in order, with counts by category, phase and month that add up."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        answer = history(session, MODEL, commits=True)
        assert history(session, MODEL).lines[0].classified_commits is None
    found = answer.lines[0].classified_commits
    assert found is not None
    assert [commit.category for commit in found.classified] == CATEGORIES
    assert [commit.weights for commit in found.classified] == ["none", "first_upload", "replaced", "none", "none"]
    assert found.categories["Output Data"] == 2
    assert sum(found.categories.values()) == sum(month.commits for month in found.over_time) == 5
    assert sum(found.phases.values()) == 5


def test_collecting_keeps_the_category_of_each_commit(hub: Path, tmp_path: Path) -> None:
    """The store has the category of every commit after `collect`, and a plain folder's one state has none."""
    folder = tmp_path / "plain" / MODEL
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights(1))
    wanted: list[tuple[Path, list[str | None]]] = [(hub, [*CATEGORIES]), (tmp_path / "plain", [None])]
    for where, expected in wanted:
        with Session(hub_selector=str(where), store_url="memory:") as session:
            collect(session, [MODEL])
            with session.store.reading() as view:
                kept = [row.properties.get("category") for row in view.find("Revision", {})]
        assert sorted(kept, key=str) == sorted(expected, key=str)


def test_the_command_shows_commits_only_if_they_are_asked_for(hub: Path, tmp_path: Path) -> None:
    """`--commits` adds them to the JSON and the table."""
    shared = ["history", MODEL, "--hub", str(hub), "--store", str(tmp_path / "a.db")]
    table = CliRunner().invoke(main, [*shared, "--commits"])
    assert (table.exit_code, "Commits by category" in table.stdout) == (0, True)
    for more in ([], ["--commits"]):
        done = CliRunner().invoke(main, [*shared, *more, "--format", "json"])
        (line,) = json.loads(done.stdout)["lines"]
        assert ("classified_commits" in line) == bool(more)
