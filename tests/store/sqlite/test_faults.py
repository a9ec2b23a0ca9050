"""The SQLite store when something is wrong: a clear error, and no partial write."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lineage.errors import InputError, StoreError
from lineage.store.graph import NodeRow
from lineage.store.interface import GraphStore
from lineage.store.open import open_store
from lineage.store.rows import Rows
from lineage.store.sqlite.store import SqliteStore
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.model import Model
from tests.support.dump import dump
from tests.support.graphs import FAMILY, model
from tests.support.nobody import without_rights

LARGE = GraphBatch(
    models=tuple(model(f"big/{n}", state_note="x" * 2000) for n in range(500)),
    attachments=(Attachment(kind="text", key="large", data=bytes(3_000_000)),),
)


def lines(store: GraphStore) -> list[str]:
    """Dump a store."""
    with store.reading() as view:
        return list(dump(view))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a store with a small family."""
    with SqliteStore(tmp_path / "graph.db") as store:
        store.write(FAMILY)
    return tmp_path / "graph.db"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder with a store that every user of this machine can reach."""
    folder = Path(tempfile.mkdtemp(prefix="lineage-test-"))
    folder.chmod(0o755)
    with SqliteStore(folder / "graph.db") as store:
        store.write(FAMILY)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "content",
    [b"hello", b"SQLite format 3\0 and then nothing of the kind", bytes(4096), b"\xff" * 100_000],
    ids=["text", "half a header", "zeros", "noise"],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """Another file is refused for reading and writing, and is not changed."""
    (tmp_path / "x.db").write_bytes(content)
    store = SqliteStore(tmp_path / "x.db")
    for attempt in (lambda: lines(store), lambda: store.write(FAMILY)):
        with pytest.raises(StoreError, match=r"x\.db is not a lineage store"):
            attempt()
    assert (tmp_path / "x.db").read_bytes() == content


def test_a_database_of_another_application_is_refused(tmp_path: Path) -> None:
    """Another application's SQLite file is not written to, with or without an application id."""
    for number in (0, 1234):
        other = tmp_path / f"{number}.db"
        with sqlite3.connect(other) as connection:
            connection.execute("CREATE TABLE model (id INTEGER PRIMARY KEY)")
            connection.execute(f"PRAGMA application_id = {number}")
        connection.close()
        before, store = other.read_bytes(), SqliteStore(other)
        for attempt in (lambda store=store: lines(store), lambda store=store: store.write(FAMILY)):
            with pytest.raises(StoreError, match="another application"):
                attempt()
        assert other.read_bytes() == before


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is not a store."""
    for attempt in (lambda: lines(SqliteStore(tmp_path)), lambda: SqliteStore(tmp_path).write(FAMILY)):
        with pytest.raises(StoreError, match="is a folder"):
            attempt()


def test_a_place_that_cannot_be_reached_is_told(open_folder: Path) -> None:
    """A folder without permission, and a name that is too long, are errors that name the store."""
    open_folder.chmod(0o700)
    with without_rights():
        for attempt in (partial(lines, SqliteStore(open_folder / "graph.db")), SqliteStore(open_folder / "x.db").info):
            with pytest.raises(StoreError, match=r"cannot be (reached|opened)"):
                attempt()
    with pytest.raises(StoreError, match="cannot be reached"):
        SqliteStore(open_folder / ("x" * 300)).write(FAMILY)


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    """A store of a later version is neither read nor changed, and the error says what to do."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for attempt in (lambda: lines(SqliteStore(path)), lambda: SqliteStore(path).write(FAMILY)):
        with pytest.raises(StoreError, match="newer version") as caught:
            attempt()
        assert "upgrade" in (caught.value.hint or "")


def test_a_damaged_store_is_said_to_be_damaged(path: Path) -> None:
    """Damaged pages are an error that names the store, not a traceback."""
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 8192):
            file.seek(page * 8192)
            file.write(b"\x7f" * 4000)
    with pytest.raises(StoreError, match=r"graph\.db is damaged"):
        lines(SqliteStore(path))


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """An empty file, as mktemp makes it, is an empty store and can be written."""
    (tmp_path / "new.db").touch()
    with SqliteStore(tmp_path / "new.db") as store:
        assert lines(store) == []
        store.write(FAMILY)
        assert len(lines(store)) > 10


def test_a_store_opened_for_reading_is_not_written(path: Path) -> None:
    """`read_only` refuses writes, loads and erasures, and makes no file."""
    store = SqliteStore(path, read_only=True)
    before = lines(store)
    for attempt in (partial(store.write, FAMILY), partial(store.erase, ["org/base"]), partial(load, store)):
        with pytest.raises(StoreError, match="for reading only"):
            attempt()
    assert lines(store) == before
    store.close()


def test_a_walk_that_was_left_ends_in_silence(path: Path) -> None:
    """An interrupted reader closes the store before its rows, and no error is printed."""
    store = SqliteStore(path)
    with store.reading() as view:
        rows = view.all_nodes("Model")
        next(iter(rows))
    store.close()
    rows.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("what", ["file", "folder", "both"])
def test_a_store_that_may_not_be_written_can_be_read(open_folder: Path, what: str) -> None:
    """Without write permission for file, folder or both, the graph is readable; a write says why it failed."""
    path = open_folder / "graph.db"
    locked = {"file": [path], "folder": [open_folder], "both": [path, open_folder]}[what]
    store = SqliteStore(path)
    expected = lines(store)
    store.close()
    with without_rights(*locked), SqliteStore(path) as store:
        assert lines(store) == expected
        assert store.info().nodes["Model"] == 3
        with pytest.raises(StoreError, match=r"graph\.db") as caught:
            store.write(GraphBatch(models=(model("new/one"),)))
        assert caught.value.hint
    with SqliteStore(path) as store:
        assert lines(store) == expected


def test_a_log_that_cannot_be_read_is_not_passed_over(open_folder: Path) -> None:
    """A log with changes that cannot be used is an error: an older state is never shown instead."""
    path, copy = open_folder / "graph.db", open_folder / "copy"
    writer = SqliteStore(path)
    writer.write(GraphBatch(models=(model("new/one"),)))
    copy.mkdir(mode=0o755)
    for name in ("graph.db", "graph.db-wal"):
        shutil.copy(open_folder / name, copy / name)
    writer.close()
    with without_rights(copy / "graph.db", copy / "graph.db-wal", copy):
        with pytest.raises(StoreError, match=r"graph\.db-wal") as caught:
            lines(SqliteStore(copy / "graph.db"))
        assert "write permission" in (caught.value.hint or "")
    with SqliteStore(copy / "graph.db") as store:
        assert any("new/one" in line for line in lines(store))


def test_a_full_disk_is_told_and_leaves_nothing_half_written(path: Path) -> None:
    """A write on a full disk is rolled back, and succeeds when there is space again."""
    store = SqliteStore(path)
    before = lines(store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 200_000, limits[1]))
    try:
        with pytest.raises(StoreError, match="disk is full") as caught:
            store.write(LARGE)
        with pytest.raises(StoreError, match="disk is full"):
            load(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "free disk space" in (caught.value.hint or "")
    assert lines(store) == before
    store.write(LARGE)
    assert len(lines(store)) == len(before) + 501
    store.close()


def load(store: SqliteStore) -> None:
    """Write more in bulk than there is space for."""
    with store.bulk():
        store.write(LARGE)


def test_a_store_that_reached_its_largest_size_is_told(path: Path) -> None:
    """SQLite's own limit of pages is reported like a full disk."""
    store = SqliteStore(path)
    store.write(GraphBatch())
    before = lines(store)
    assert store._writer is not None
    store._writer.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="disk is full"):
        store.write(LARGE)
    assert lines(store) == before
    store.close()


def test_numbers_beyond_64_bits_are_refused(path: Path) -> None:
    """A row with a size beyond 64 bits is an error of the store, and nothing of its batch is written."""
    files = [("File", NodeRow(f"sha256:{number:064x}", {"size": 2**number, "alias": None})) for number in (1, 63)]
    with SqliteStore(path) as store:
        before = lines(store)
        with pytest.raises(StoreError):
            store.write_rows(Rows.of(nodes=files))  # type: ignore[arg-type]
        assert lines(store) == before


def test_records_that_are_no_json_are_a_damaged_store(tmp_path: Path) -> None:
    """Invalid JSON in a record is reported as a damaged store."""
    path = tmp_path / "lineage.db"
    with open_store(str(path)) as store:
        store.write(GraphBatch(models=(Model(key="a/b", hub="huggingface.co", id="a/b", head="1" * 40),)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE model SET body = 'junk{'")
    connection.close()
    with open_store(str(path)) as store, pytest.raises(StoreError, match="damaged"), store.reading() as view:
        view.nodes("Model", ["a/b"])


def test_path_of_nobody_is_refused() -> None:
    """The home folder of an unknown user is an error of input."""
    with pytest.raises(InputError):
        open_store("~nobody-at-all/x.db")
