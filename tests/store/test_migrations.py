"""Stores of released versions stay readable: they are brought up to date whole, or not at all."""

from __future__ import annotations

import gzip
import io
import lzma
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import StoreError
from lineage.store import migrations
from lineage.store.graph import ENDS
from lineage.store.memory import MemoryStore
from lineage.store.migrations import MIGRATIONS, Migration
from lineage.store.moving.copying import copy_store
from lineage.store.moving.jsonl import read_jsonl
from lineage.store.promoted import PROMOTED, canonical
from lineage.store.records import records
from lineage.store.sqlite.store import SqliteStore
from tests.support.dump import brought_up, dump
from tests.support.graphs import FULL_FAMILY
from tests.support.shared import ROOT

STORES = ROOT / "tests/data/stores"

VERSIONS = sorted(int(path.name.removeprefix("v").removesuffix(".db.gz")) for path in STORES.glob("v*.db.gz"))

FROZEN = {2: "48bb7e1b7e4e78ccd677bc007d73e8c62155e745d0fbbe8f5cec2ba1ef73a4b3"}
"""The digest of each migration. A released one never changes: add another migration instead."""

KILLED = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from lineage.store.sqlite import connection, store
opened = connection.connect
def connect(*arguments, **options):
    found = opened(*arguments, **options)
    found.set_trace_callback(lambda text: os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] in text else None)
    return found
connection.connect = store.connect = connect
with store.SqliteStore(Path(sys.argv[1])) as old, old.reading() as view:
    print(view.count("Model"))
"""
"""Opens a store, and kills itself before the statement that contains a text."""


def unpacked(version: int, folder: Path) -> Path:
    """Unpack the store of a version."""
    path = folder / f"v{version}.db"
    path.write_bytes(gzip.decompress((STORES / f"v{version}.db.gz").read_bytes()))
    return path


def many(folder: Path, name: str = "many.db") -> Path:
    """Make a store of schema 1 with 200 models, by the statements of that schema."""
    path = folder / name
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(lzma.decompress((STORES / "v1-200-models.sql.xz").read_bytes()).decode("utf-8"))
    return path


def dumped(path: Path) -> list[str]:
    """Open a store, which brings it up to date, and dump it with times of reading."""
    with SqliteStore(path) as store, store.reading() as view:
        return list(dump(view, clocks=True))


def shape(path: Path) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """Return the columns of a store's tables, whatever their order is, and its indexes."""
    with closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'")
        tables, indexes = {}, set()
        for kind, name, sql in named.fetchall():
            if kind == "table":
                columns = connection.execute(f"SELECT name, type, [notnull], pk FROM pragma_table_info('{name}')")
                tables[name] = sorted(columns.fetchall()), sql.endswith("WITHOUT ROWID")
            elif sql is not None:
                indexes.add((name, sql.replace("IF NOT EXISTS ", "")))
    return tables, indexes


def state(path: Path) -> tuple[int, Any]:
    """Return the schema version in a file, and its shape."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0], shape(path)


def two_more() -> tuple[Migration, ...]:
    """Make two migrations, as later versions may have."""
    newest = migrations.SCHEMA_VERSION
    return (
        *MIGRATIONS,
        Migration(newest + 1, "a note", ("ALTER TABLE model ADD COLUMN note TEXT", "UPDATE model SET note = key"), ()),
        Migration(newest + 2, "an index", ("CREATE INDEX model_note ON model (note)",), ()),
    )


def test_migrations_are_numbered_without_a_gap() -> None:
    """Each version from the second on has its migration, in order."""
    assert [each.version for each in MIGRATIONS] == list(range(2, migrations.SCHEMA_VERSION + 1))


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda each: str(each.version))
def test_a_released_migration_never_changes(migration: Migration) -> None:
    """Statements made from today's tables would change with them: their digest is fixed."""
    text = canonical([migration.name, migration.sqlite, migration.neo4j, migration.added])
    assert sha256(text.encode("utf-8")).hexdigest() == FROZEN[migration.version]


def test_there_is_a_store_of_each_version() -> None:
    """A new version of the schema needs a stored example."""
    assert list(range(1, migrations.SCHEMA_VERSION + 1)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_old_stores_are_read_and_written(version: int, tmp_path: Path) -> None:
    """A store of each version has the graph that was written to it, with what was added since, and can be written."""
    then = (STORES / f"v{version}.jsonl").read_text("utf-8").splitlines()
    with SqliteStore(unpacked(version, tmp_path)) as store:
        with store.reading() as view:
            assert list(dump(view, clocks=True)) == [brought_up(text, version) for text in then]
        store.write(FULL_FAMILY)
        assert store.info().schema_version == migrations.SCHEMA_VERSION


@pytest.mark.parametrize("version", VERSIONS)
def test_old_stores_end_with_the_schema_of_new_ones(version: int, tmp_path: Path) -> None:
    """Migrations end with the schema of a new store: a changed schema without a migration fails here."""
    for path in (old := unpacked(version, tmp_path), new := tmp_path / "new.db"):
        with SqliteStore(path) as store:
            store.write(FULL_FAMILY)
    assert shape(old) == shape(new)


@pytest.mark.slow
def test_old_rows_have_every_field_of_their_record_after_a_migration() -> None:
    """A field that a record gained is added by a migration: else a migrated Neo4j store, where what is not there is
    null, would differ from its backup."""
    lacking: dict[str, set[str]] = {}
    backup = MemoryStore()
    read_jsonl(backup, io.BytesIO(lzma.decompress((STORES / "v1-200-models.jsonl.xz").read_bytes())), "v1.jsonl")
    with backup.reading() as view:
        for kind in PROMOTED:
            for node in view.all_nodes(kind) if kind in records() else ():
                lacking.setdefault(kind, set()).update(set(records()[kind].fields) - set(node.properties))
        for edge_kind in ENDS:
            for edge in view.all_edges(edge_kind) if edge_kind in records() else ():
                lacking.setdefault(edge_kind, set()).update(set(records()[edge_kind].fields) - set(edge.properties))
    assert {"Model", "Ref", "Revision", "Weights", "Evidence", "DERIVED_FROM"} <= lacking.keys()
    assert {kind: names for kind, names in lacking.items() if names} == {}


@pytest.mark.slow
def test_a_store_of_200_models_is_migrated(tmp_path: Path) -> None:
    """A migrated store holds what its backup holds after an import, and what a copy of it holds."""
    path, backup, copy = many(tmp_path), MemoryStore(), MemoryStore()
    read_jsonl(backup, io.BytesIO(lzma.decompress((STORES / "v1-200-models.jsonl.xz").read_bytes())), "v1.jsonl")
    found = dumped(path)
    with SqliteStore(path) as store, backup.reading() as imported:
        assert found == list(dump(imported, clocks=True))
        copy_store(store, copy)
        with store.reading() as view, copy.reading() as copied:
            assert list(dump(copied, clocks=True)) == found
            for status in ("confirmed", "inferred", "declared", "indirect", "contradicted"):
                number = view.count("DERIVED_FROM", {"status": status})
                assert number == imported.count("DERIVED_FROM", {"status": status}) > 0


@pytest.mark.slow
def test_a_migrated_store_of_200_models_grows_like_a_new_one(tmp_path: Path) -> None:
    """What is written after the migration is found, changed and deleted as in a store that never was older."""
    new = SqliteStore(tmp_path / "new.db")
    with SqliteStore(many(tmp_path)) as store, new:
        copy_store(store, new)
        for each in (store, new):
            each.write(FULL_FAMILY)
            each.erase(["harbour/model-010", "you/tuned"])
    assert dumped(tmp_path / "many.db") == dumped(tmp_path / "new.db")


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    ["CREATE TABLE matchkey", "ALTER TABLE weights", "UPDATE derived_from", "UPDATE evidence", "COMMIT"],
)
def test_a_killed_migration_changes_nothing_and_is_run_again(before: str, tmp_path: Path) -> None:
    """Killed before any statement, up to the commit, the store is of the old version; the next opening migrates it."""
    path, unkilled = many(tmp_path), dumped(many(tmp_path, "unkilled.db"))
    as_it_was = state(path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), before], capture_output=True, text=True)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, ""), killed.stderr
    assert state(path) == as_it_was
    assert as_it_was[0] == 1
    assert dumped(path) == unkilled
    assert state(path)[0] == migrations.SCHEMA_VERSION


def test_rows_that_are_not_json_are_left_as_they_are(tmp_path: Path) -> None:
    """A number that JSON does not know, such as NaN, does not stop the migration of all other rows."""
    path = many(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE derived_from SET body = '{\"confidence\":NaN}' WHERE source > 100")
        connection.commit()
    with SqliteStore(path) as store, store.reading() as view:
        assert view.count("DERIVED_FROM", {"status": None}) > 0


def test_migrations_run_in_order_once_and_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening an older store, also for reading, migrates it once and records that."""
    path, newest, later = unpacked(1, tmp_path), migrations.SCHEMA_VERSION, two_more()
    monkeypatch.setattr(migrations, "MIGRATIONS", later)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", newest + 2)
    for _ in range(2):
        with SqliteStore(path) as store, store.reading() as view:
            assert view.count("Model") == 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (newest + 2,)
        recorded = connection.execute("SELECT version, name FROM migration ORDER BY version").fetchall()
        assert recorded == [(1, "made"), *((each.version, each.name) for each in later)]
        assert connection.execute("SELECT count(*) FROM model WHERE note = key").fetchone() == (3,)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All migrations run or none: after an error the old version can still read the store."""
    path, newest = unpacked(1, tmp_path), migrations.SCHEMA_VERSION
    before = state(path)
    failing = (*two_more(), Migration(newest + 3, "a fault", ("CREATE TABLE model (id)",), ()))
    with monkeypatch.context() as later:
        later.setattr(migrations, "MIGRATIONS", failing)
        later.setattr(migrations, "SCHEMA_VERSION", newest + 3)
        with pytest.raises(StoreError, match="older version"), SqliteStore(path).reading():
            pass
    assert state(path) == before
    with SqliteStore(path) as store:
        assert store.info().nodes["Model"] == 3


def test_an_old_store_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """An older store that may not be written is refused, and the error says what to do."""
    path = unpacked(1, tmp_path)
    before = state(path)
    with pytest.raises(StoreError, match="older version") as caught, SqliteStore(path, read_only=True).reading():
        pass
    assert "copy the store" in (caught.value.hint or "")
    assert state(path) == before
