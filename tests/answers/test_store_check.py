"""`store check` on stores without problems, however odd the histories that they were read from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.demo import demo
from lineage.answers.session import Session
from lineage.answers.store import store_check, store_forget
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.bare_repository import BareRepository
from tests.support.graphs import AWAITING, FAMILY, model, revision
from tests.support.repositories import recorded_history, zoo_hub
from tests.support.shared import SHARED, needs_shared

pytestmark = pytest.mark.slow


def findings(store: Path, hub: Path | None = None, models: list[str] | None = None) -> list[tuple[str, str]]:
    """Collect the given models, if any, and check the store."""
    with Session(hub_selector=str(hub) if hub else None, store_url=str(store), offline=True) as session:
        if models:
            collect(session, models, refresh=True)
        return [(finding.id, finding.message) for finding in store_check(session).findings]


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a model of four commits, with a tag on the second."""
    made = BareRepository(tmp_path / "hub/a/base.git")
    for number in range(4):
        made.commit({"README.md": f"# {number}".encode(), "model.safetensors": b"%d" % number}, f"Upload {number}")
    made.git("tag", "v1", "HEAD~2")
    return made


def test_a_shallow_clone_is_clean(repository: BareRepository, tmp_path: Path) -> None:
    """A commit with unread parents is not a problem if the model's history is recorded as incomplete."""
    (repository.git_dir / "shallow").write_text(repository.git("rev-parse", "HEAD~1") + "\n")
    repository.git("tag", "-d", "v1")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    store = tmp_path / "graph.db"
    assert findings(store, tmp_path / "hub", ["a/base"]) == []
    with open_store(str(store)) as opened, opened.reading() as view:
        assert len(list(view.all_awaited_edges("HAS_PARENT"))) == 1, "the history was read as far as it is there"


@pytest.mark.parametrize("way", ["dropped", "squashed", "shallow and squashed"])
def test_a_rewritten_history_is_clean(repository: BareRepository, tmp_path: Path, way: str) -> None:
    """Commits that vanish from the Hub stay in the store and are not a problem."""
    store, hub = tmp_path / "graph.db", tmp_path / "hub"
    if way.startswith("shallow"):
        (repository.git_dir / "shallow").write_text(repository.git("rev-parse", "HEAD~1") + "\n")
    assert findings(store, hub, ["a/base"]) == []
    repository.git("tag", "-d", "v1")
    squashed = repository.git("commit-tree", "-m", "squashed", "HEAD^{tree}")
    repository.git("update-ref", "refs/heads/main", "HEAD~2" if way == "dropped" else squashed)
    if way.startswith("shallow"):
        (repository.git_dir / "shallow").unlink()
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    assert findings(store, hub, ["a/base"]) == []
    with open_store(str(store)) as opened, opened.reading() as view:
        assert any(row.properties["vanished"] for row in view.all_nodes("Revision"))


def test_a_truncated_long_text_is_not_a_problem(repository: BareRepository, tmp_path: Path) -> None:
    """A card that an earlier version kept in part does not hash to its key; a whole one that does not is a finding."""
    repository.commit({"README.md": b"# long\n" + b"word " * 400_000})
    store = tmp_path / "graph.db"
    assert findings(store, tmp_path / "hub", ["a/base"]) == []
    with open_store(str(store)) as opened:
        with opened.reading() as view:
            kind, key, data = next(row for row in view.all_attachments() if row[0] == "text" and len(row[2]) > 100_000)
            size = view.nodes("File", [key])[key]["size"]
        assert size == len(data), "it is kept whole"
        cut = {"kind": kind, "key": key, "data": data[: size // 2]}
        opened.write(GraphBatch.model_validate({"attachments": [cut]}))
    assert findings(store) == []
    with open_store(str(store)) as opened:
        opened.write(GraphBatch.model_validate({"attachments": [{"kind": kind, "key": key, "data": b"x" * size}]}))
    assert [rule for rule, _ in findings(store)] == ["attachment-content"]


def test_a_lost_commit_is_a_finding(repository: BareRepository, tmp_path: Path) -> None:
    """A missing commit of a history that was read in full is a finding."""
    store = tmp_path / "graph.db"
    assert findings(store, tmp_path / "hub", ["a/base"]) == []
    with open_store(str(store)) as opened:
        with opened.reading() as view:
            (row,) = (row for row in view.all_nodes("Revision") if not row.properties["parents"])
        (child,) = (commit for commit in repository.git("rev-list", "HEAD").splitlines()[-2:-1])
        parents = (*opened_parents(opened, child), "f" * 40)
        opened.write(GraphBatch(revisions=(revision(row.key.partition("@")[0], child, *parents),)))
    assert [rule for rule, _ in findings(store)] == ["dangling-edge"]


def opened_parents(store: object, commit: str) -> tuple[str, ...]:
    """List the parents of a commit in the store."""
    with store.reading() as view:  # type: ignore[attr-defined]
        (row,) = view.find("Revision", {"commit": commit})
        return tuple(row.properties["parents"])


def test_a_model_known_by_name_only_is_clean(repository: BareRepository, tmp_path: Path) -> None:
    """Parents that were not read because of `--depth` are names only and not a problem."""
    child = BareRepository(tmp_path / "hub/b/child.git")
    child.commit({"README.md": b"---\nbase_model: a/base\n---\n"})
    with Session(hub_selector=str(tmp_path / "hub"), store_url=str(tmp_path / "graph.db"), offline=True) as session:
        collect(session, ["b/child"], depth=0)
    assert findings(tmp_path / "graph.db") == []


def test_the_demo_is_clean(tmp_path: Path) -> None:
    """The store of the demo has no problem, even after some models were deleted from it."""
    with Session(store_url=str(tmp_path / "graph.db"), offline=True) as session:
        path = demo(session).store
    assert findings(Path(path)) == []
    with open_store(path) as store, store.reading() as view:
        keys = [row.key for row in view.all_nodes("Model")]
    assert len(keys) > 5
    for key in keys[::2]:
        with Session(store_url=path, offline=True) as session:
            store_forget(session, [key])
        assert findings(Path(path)) == []


@needs_shared
def test_the_zoo_is_clean(tmp_path: Path) -> None:
    """A Hub of many families, with every kind of descent, is collected without a problem."""
    archive = SHARED / "zoo/open.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    hub = zoo_hub(tmp_path / "open", tmp_path / "hub")
    models = sorted(str(path.relative_to(hub)).removesuffix(".git") for path in hub.glob("*/*"))
    store = tmp_path / "graph.db"
    assert findings(store, hub, models) == []
    with Session(hub_selector=str(hub), store_url=str(store), offline=True) as session:
        store_forget(session, models[::3])
    assert findings(store) == []


@needs_shared
def test_recorded_histories_are_clean(tmp_path: Path) -> None:
    """Real histories, with merges, force pushes and thousands of files, are collected without a problem."""
    models = []
    for record in sorted((SHARED / "data/histories").glob("*.json.gz"))[::2]:
        name = record.name.removesuffix(".json.gz").replace("__", "/", 1)
        recorded_history(record, tmp_path / "hub" / f"{name}.git")
        models.append(name)
    assert len(models) > 10
    assert findings(tmp_path / "graph.db", tmp_path / "hub", models) == []


def test_a_killed_collection_is_clean(repository: BareRepository, tmp_path: Path) -> None:
    """What was written before a kill is consistent."""
    for number in range(20):
        other = BareRepository(tmp_path / f"hub/b/m{number:02}.git")
        other.commit({"README.md": b"---\nbase_model: a/base\n---\n", "model.safetensors": b"x%d" % number})
    store, hub = tmp_path / "graph.db", tmp_path / "hub"
    targets = [f"b/m{number:02}" for number in range(20)]
    command = [sys.executable, "-m", "lineage", "collect", *targets, "--hub", str(hub), "--store", str(store), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None and not _some(store):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert findings(store) == []


def _some(store: Path) -> bool:
    """Return whether a model was written."""
    from lineage.errors import StoreError

    try:
        with open_store(str(store)) as opened, opened.reading() as view:
            return view.count("Revision") > 1
    except StoreError:  # it is being created
        return False


def test_a_copy_has_the_findings_of_its_source(tmp_path: Path) -> None:
    """A copy has the same findings as its source, and copying adds none."""
    from lineage.store.moving.copying import copy_store

    with open_store(str(tmp_path / "one.db")) as one, open_store(str(tmp_path / "two.db")) as two:
        for batch in (FAMILY, AWAITING, GraphBatch(models=(model("some/other"),))):
            one.write(batch)
        copy_store(one, two)
    assert findings(tmp_path / "one.db") == findings(tmp_path / "two.db") != []
