"""An error that no reader foresees concerns one model, in every command; an injected fault stands for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lineage.errors import StoreError
from lineage.hub.local.hub import LocalHub
from lineage.store.interface import Mark
from lineage.store.rows import Rows
from lineage.store.sqlite.store import SqliteStore
from lineage_cli.main import main
from lineage_schemas.snapshot import ResolvedRevision, Snapshot
from tests.support.hostile_models import sound_model, sound_repository

BAD = "org/bad"
WORDS = f"{BAD}: unexpected error (RuntimeError: out of the blue)"
HINT = "please report it"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a directory of models and inject a fault: the reader of files raises RuntimeError for one of them.

    An input that is known to do so would be foreseen, so this is the one fault that tests inject.
    """
    folder = tmp_path / "hub"
    for name in ("first", "last"):
        sound_repository(folder / "org" / f"{name}.git")
    sound_repository(folder / "org" / "bad.git")
    sound_model(folder / "org" / "child")
    (folder / "org" / "child" / "README.md").write_text(f"---\nbase_model: {BAD}\n---\n")
    whole = LocalHub.snapshot

    def snapshot(self: LocalHub, resolved: ResolvedRevision) -> Snapshot:
        if resolved.model == BAD:
            raise RuntimeError("out of the blue")
        return whole(self, resolved)

    monkeypatch.setattr(LocalHub, "snapshot", snapshot)
    return folder


def run(hub: Path, *arguments: str) -> tuple[Result, Any]:
    """Run a command; return its result and its answer, if it gave one."""
    store = [] if arguments[0] == "fingerprint" else ["--store", str(hub.parent / "lineage.db")]
    done = CliRunner().invoke(main, [*arguments, "--hub", str(hub), *store, "--format", "json"])
    return done, json.loads(done.stdout) if done.stdout else None


@pytest.mark.parametrize("order", [["org/first", BAD, "org/last"], [BAD, "org/first", "org/last"]])
def test_collect_goes_on(hub: Path, order: list[str]) -> None:
    """The other models are stored, the bad one is reported with the hint, and a second run reports it again."""
    for outcome in ("collected", "unchanged"):
        done, answer = run(hub, "collect", *order)
        assert done.exit_code == 2
        assert {each["id"]: each["outcome"] for each in answer["models"]} == {
            "org/first": outcome, "org/last": outcome, BAD: "failed",
        }  # fmt: skip
        (reason,) = answer["incomplete"]
        assert (reason["model"], reason["reason"]) == (BAD, "error")
        assert WORDS in reason["detail"]
        assert HINT in reason["detail"]
        assert "Traceback" not in done.stderr


def test_the_traceback_is_shown_once_if_it_is_wanted(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With LINEAGE_DEBUG=1, stderr has the traceback of the error, and the run goes on all the same."""
    monkeypatch.setenv("LINEAGE_DEBUG", "1")
    done, answer = run(hub, "collect", BAD, "org/last")
    assert (done.exit_code, len(answer["models"])) == (2, 2)
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert "RuntimeError: out of the blue" in done.stderr
    single, _ = run(hub, "fingerprint", BAD)
    assert single.stderr.count("Traceback (most recent call last)") == 1


def test_check_goes_on(hub: Path) -> None:
    """The other models are clean, and the bad one is unchecked."""
    done, answer = run(hub, "check", "org/first", BAD, "org/last")
    assert done.exit_code == 2
    assert [each["verdict"] for each in answer["answers"]] == ["clean", "unchecked", "clean"]
    assert WORDS in answer["answers"][1]["unchecked"][0]["reason"]


def test_a_bad_parent_leaves_the_child_readable(hub: Path) -> None:
    """A child is stored with its declared parent; `trace` names the parent as not read, with the reason."""
    done, answer = run(hub, "collect", "org/child")
    assert {each["id"]: each["outcome"] for each in answer["models"]} == {"org/child": "collected", BAD: "failed"}
    assert done.exit_code == 2
    done, answer = run(hub, "trace", "org/child")
    assert done.exit_code == 2
    assert [edge["parent"] for edge in answer["derivations"]] == [BAD]
    assert [(each["model"], each["reason"]) for each in answer["incomplete"]] == [(BAD, "error")]


def test_a_bad_model_does_not_hide_children(hub: Path) -> None:
    """Children of a model are found although another model of the directory cannot be read."""
    (hub / "org" / "child" / "README.md").write_text("---\nbase_model: org/first\n---\n")
    done, answer = run(hub, "collect", "org/first", "--children")
    assert {each["id"] for each in answer["models"]} == {"org/first", "org/child"}
    assert done.exit_code == 0
    assert f"note: {BAD} cannot be read and is skipped" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["history", BAD], ["diff", BAD, "org/last"], ["diff", "org/last", BAD], ["fingerprint", BAD]],
    ids=" ".join,
)  # fmt: skip
def test_a_question_about_the_bad_model_names_it(hub: Path, arguments: list[str]) -> None:
    """A command that has nothing else to answer ends with one error, a hint, and code 2."""
    done, answer = run(hub, *arguments)
    assert (done.exit_code, answer) == (2, None)
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert WORDS in first
    assert second.startswith("hint: ")
    assert HINT in done.stderr


def test_verify_names_the_bad_model(hub: Path) -> None:
    """The comparison of a folder with the bad model ends with an error about that model, not about the folder."""
    done, _ = run(hub, "verify", str(hub / "org" / "child"), "--against", BAD)
    assert done.exit_code == 2
    assert f"error: {WORDS}" in done.stderr


def test_a_store_that_does_not_work_ends_the_run(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing can be written, no other model is read: the run ends with the store's error.

    The store's writer is replaced, because a test cannot fill a disk.
    """

    def write(self: SqliteStore, rows: Rows, since: Mark | None = None) -> bool:
        raise StoreError("the store cannot grow: the disk is full", hint="free disk space")

    monkeypatch.setattr(SqliteStore, "_write", write)
    done, answer = run(hub, "collect", "org/first", "org/last")
    assert (done.exit_code, answer) == (2, None)
    assert done.stderr == "error: the store cannot grow: the disk is full\nhint: free disk space\n"
