"""A store whose file is deleted or replaced while it is in use: an error, before an answer says what was stored."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.marks import confirm
from lineage.answers.moving import store_import
from lineage.answers.session import Session
from lineage.errors import StoreError
from lineage.progress import Progress, Task
from lineage.store.moving.copying import copy_store
from lineage.store.moving.jsonl import write_jsonl
from lineage.store.open import open_store
from lineage.store.sqlite.store import SqliteStore
from lineage_schemas.graph_batch import GraphBatch
from tests.support.bare_repository import BareRepository
from tests.support.graphs import FAMILY, model

pytestmark = pytest.mark.slow

Harm = Callable[[Path], object]


def deleted(path: Path) -> None:
    """Delete a store."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def replaced(path: Path) -> None:
    """Put another store in its place."""
    other = path.with_name("other.db")
    with open_store(str(other)) as store:
        store.write(GraphBatch(models=(model("some/other"),)))
    deleted(path)
    other.replace(path)


def without_a_log(path: Path) -> None:
    """Delete a store's log, in which its last writes are."""
    Path(f"{path}-wal").unlink()


def moved(path: Path) -> None:
    """Move a store away."""
    path.rename(path.with_name("elsewhere.db"))


HARMS = [deleted, replaced, without_a_log, moved]


@pytest.mark.parametrize("harm", HARMS)
def test_a_write_to_a_lost_store_is_an_error(tmp_path: Path, harm: Harm) -> None:
    """Neither a write nor a view goes on with files that are not at the store's path any more."""
    path = tmp_path / "graph.db"
    store = SqliteStore(path)
    store.write(FAMILY)
    harm(path)
    with pytest.raises(StoreError, match="changed from outside while it was in use") as caught:
        store.write(GraphBatch(models=(model("new/one"),)))
    assert caught.value.hint
    with pytest.raises(StoreError, match="changed from outside"), store.reading():
        pass
    store.close()


def test_a_closed_store_may_be_replaced(tmp_path: Path) -> None:
    """A store that was closed is opened anew, whatever is at its path then."""
    path = tmp_path / "graph.db"
    store = SqliteStore(path)
    store.write(FAMILY)
    store.close()
    replaced(path)
    with store.reading() as view:
        assert [row.key for row in view.all_nodes("Model")] == ["some/other"]
    store.close()


def test_another_connection_does_not_look_like_a_loss(tmp_path: Path) -> None:
    """Other programs may open, write, empty the log and close while a store is open."""
    path = tmp_path / "graph.db"
    with SqliteStore(path) as store:
        for number in range(3):
            store.write(GraphBatch(models=(model(f"a/{number}"),)))
            with sqlite3.connect(path) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.close()
            with SqliteStore(path) as second:
                second.write(GraphBatch(models=(model(f"b/{number}"),)))
        with store.reading() as view:
            assert view.count("Model") == 6


class AfterSome(Progress):
    """Do harm when a task has made some steps."""

    def __init__(self, what: str, steps: int, harm: Callable[[], object]) -> None:
        self._what, self._steps, self._harm = what, steps, harm

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Count the steps of one task."""
        yield Steps(self) if description == self._what else Task()

    def step(self, amount: int) -> None:
        """Count steps, and do harm at the last one."""
        if self._steps > 0:
            self._steps -= amount
            if self._steps <= 0:
                self._harm()


class Steps(Task):
    """Pass each step on."""

    def __init__(self, listener: AfterSome) -> None:
        self._listener = listener

    def advance(self, amount: int = 1) -> None:
        """Count steps."""
        self._listener.step(amount)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a Hub of three models."""
    for name in ("one", "two", "three"):
        BareRepository(tmp_path / f"hub/a/{name}.git").commit({"README.md": f"# {name}".encode()})
    return tmp_path / "hub"


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("harm", HARMS)
def test_a_collection_into_a_lost_store_is_not_reported_as_done(
    hub: Path, tmp_path: Path, harm: Harm, steps: int
) -> None:
    """A store that vanishes after any of the models, the last one too, ends the collection with an error.

    Models are read side by side: one may be in the middle of its write, which the disk refuses then.
    """
    path = tmp_path / "graph.db"
    listener = AfterSome("collecting", steps, lambda: harm(path))
    with Session(hub_selector=str(hub), store_url=str(path), progress=listener) as session:
        with pytest.raises(StoreError, match=r"changed from outside|disk I/O error"):
            collect(session, ["a/one", "a/two", "a/three"])


@pytest.mark.parametrize("harm", HARMS)
def test_the_mark_of_a_check_in_a_lost_store_is_an_error(hub: Path, tmp_path: Path, harm: Harm) -> None:
    """A check is not recorded as done in a store that vanished after it."""
    path = tmp_path / "graph.db"
    with Session(hub_selector=str(hub), store_url=str(path)) as session:
        answer = check(session, ["a/one"])
        harm(path)
        with pytest.raises(StoreError, match="changed from outside"):
            confirm(session, answer)


def backup(path: Path) -> Path:
    """Write a family as a dump."""
    with open_store("memory:") as store, path.open("wb") as file:
        store.write(FAMILY)
        with store.reading() as view:
            write_jsonl(view, file)
    return path


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("harm", HARMS)
def test_an_import_into_a_lost_store_is_an_error(tmp_path: Path, harm: Harm, existing: bool) -> None:
    """A store that vanishes during an import is noticed, whether it was empty or not."""
    path, file = tmp_path / "graph.db", backup(tmp_path / "dump.jsonl")
    if existing:
        with open_store(str(path)) as store:
            store.write(GraphBatch(models=(model("some/other"),)))
    listener = AfterSome("importing", 12, lambda: harm(path))
    with Session(store_url=str(path), progress=listener) as session:
        with pytest.raises(StoreError, match="changed from outside"):
            store_import(session, file)


@pytest.mark.parametrize("bulk", [10**9, 1], ids=["row-by-row", "bulk"])
@pytest.mark.parametrize("lost", ["source", "target"])
@pytest.mark.parametrize("harm", [deleted, replaced, moved])
def test_a_copy_with_a_lost_store_is_an_error(
    tmp_path: Path, harm: Harm, lost: str, bulk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source or a target that vanishes during a copy is noticed before the copy is reported."""
    monkeypatch.setattr("lineage.store.moving.copying.BULK_ROWS", bulk)
    paths = {name: tmp_path / name / "graph.db" for name in ("source", "target")}
    for path in paths.values():
        path.parent.mkdir()
    with open_store(str(paths["source"])) as store:
        store.write(FAMILY)
    listener = AfterSome("copying", 12, lambda: harm(paths[lost]))
    with open_store(str(paths["source"])) as one, open_store(str(paths["target"])) as two:
        with pytest.raises(StoreError, match="changed from outside"):
            copy_store(one, two, listener)


def test_an_answer_from_a_lost_store_is_not_about_an_empty_one(tmp_path: Path) -> None:
    """A store that was read and then deleted is an error for the next question, and not an empty store."""
    path = tmp_path / "graph.db"
    with open_store(str(path)) as store:
        store.write(FAMILY)
    with open_store(str(path)) as store:
        with store.reading() as view:
            assert view.count("Model") == 3
        shutil.move(path, tmp_path / "elsewhere.db")
        with pytest.raises(StoreError, match=r"graph\.db was deleted"):
            store.info()
