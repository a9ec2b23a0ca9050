"""All recorded histories, built by the real git and read back."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import FileNotInRevisionError
from lineage.hub.git.history import read_history
from lineage.hub.local.directory import DirectoryHub
from lineage.hub.revisions import ref_kind
from lineage_schemas.file_change import FileChange
from lineage_schemas.history import Commit
from tests.support.hub_kinds import settings
from tests.support.repositories import recorded_history
from tests.support.shared import SHARED, needs_shared

RECORDS = sorted((SHARED / "data" / "histories").glob("*.json.gz"))

pytestmark = [needs_shared, pytest.mark.slow]


def recorded(record: Path) -> dict[str, Any]:
    with gzip.open(record) as file:
        content: dict[str, Any] = json.load(file)
    return content


@pytest.mark.parametrize("missing_small", [False, True], ids=["whole", "missing"])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name.split(".json")[0])
def test_a_history_comes_back_as_it_was_recorded(record: Path, missing_small: bool, tmp_path: Path) -> None:
    """Every commit of every ref, its parents, date, texts and changes; what is not there is unknown and never fatal."""
    content = recorded(record)
    ids = recorded_history(record, tmp_path / "model.git", missing_small=missing_small)
    history = read_history(tmp_path / "model.git", "org/model", source="git-full", pull_requests=True)
    assert history.incomplete is None
    found = {commit.id: commit for commit in history.commits}
    expected = {commit["id"]: commit for commit in content["commits"]}
    wanted = reachable(expected, [target for name, target in content["refs"].items() if ref_kind(name)])
    assert set(found) == {ids[commit] for commit in wanted}
    for commit in wanted:
        check_commit(found[ids[commit]], expected[commit], ids, known_sizes=not missing_small)
    assert {ref.name: ref.target for ref in history.refs} == {
        name: ids[target] for name, target in content["refs"].items() if ref_kind(name) and target in ids
    }


def reachable(commits: dict[str, dict[str, Any]], heads: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = [head for head in heads if head in commits]
    while waiting:
        commit = waiting.pop()
        if commit not in found:
            found.add(commit)
            waiting += commits[commit]["parents"]
    return found


def check_commit(commit: Commit, expected: dict[str, Any], ids: dict[str, str], *, known_sizes: bool) -> None:
    assert commit.parents == tuple(ids[parent] for parent in expected["parents"])
    assert commit.date == datetime.fromisoformat(expected["date"])
    assert (commit.title, commit.message) == (expected["title"].strip(), expected["message"].strip())
    assert commit.changes is not None
    changes = {change["path"]: change for change in expected["changes"]}
    assert {change.path: change.status for change in commit.changes} == {
        path: change["status"] for path, change in changes.items()
    }
    for change in commit.changes:
        check_change(change, changes[change.path], known_sizes=known_sizes)


def check_change(change: FileChange, expected: dict[str, Any], *, known_sizes: bool) -> None:
    assert (change.new is None) == (expected["status"] == "D")
    if change.new is None:
        return
    if "lfs" in expected:
        assert change.new.blob_id == expected["new"]
        assert (change.new.sha256, change.new.size) == (expected["lfs"]["sha256"], expected["lfs"]["size"])
    else:
        assert change.new.sha256 is None
        if not known_sizes:
            assert change.new.size is None
        elif expected["blob_size"] is not None:
            assert change.new.size == expected["blob_size"]


def test_a_hub_of_recorded_histories_is_readable_as_far_as_it_goes(tmp_path: Path) -> None:
    """Snapshots list files with the hashes of weights; cards and configs are unreadable with a reason."""
    for record in RECORDS:
        model = record.name.removesuffix(".json.gz").replace("__", "/", 1).rstrip("-.")
        recorded_history(record, tmp_path / "hub" / f"{model}.git", missing_small=True)
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        models = list(hub.list_models())
        assert len(models) == len(RECORDS)
        for model in models:
            resolved = hub.resolve(model)
            snapshot = hub.snapshot(resolved)
            assert (snapshot.card, snapshot.config) == (None, None)
            assert set(snapshot.unreadable) == {entry.path for entry in snapshot.files} & {"README.md", "config.json"}
            for entry in [entry for entry in snapshot.files if entry.sha256][:1]:
                with pytest.raises(FileNotInRevisionError, match=str(entry.sha256)[:12]):
                    hub.read(model, resolved.commit, entry.path, 0, 8)
