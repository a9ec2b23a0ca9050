"""Stores of released versions stay readable."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lineage.errors import StoreError
from lineage.store import migrations
from lineage.store.migrations import Migration
from lineage.store.sqlite.store import SqliteStore
from tests.support.dump import dump
from tests.support.graphs import FAMILY
from tests.support.shared import ROOT

STORES = ROOT / "tests/data/stores"

VERSIONS = sorted(int(path.name.removeprefix("v").removesuffix(".db.gz")) for path in STORES.glob("v*.db.gz"))


def unpacked(version: int, folder: Path) -> Path:
    """Unpack the store of a version."""
    path = folder / f"v{version}.db"
    path.write_bytes(gzip.decompress((STORES / f"v{version}.db.gz").read_bytes()))
    return path


def schema(path: Path) -> set[tuple[str, str]]:
    """Return the tables and indexes of a store's file."""
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"))


def two_more() -> tuple[Migration, ...]:
    """Make two migrations, as later versions may have."""
    return (
        Migration(2, "a note", ("ALTER TABLE model ADD COLUMN note TEXT", "UPDATE model SET note = key")),
        Migration(3, "an index", ("CREATE INDEX model_note ON model (note)",)),
    )


def test_there_is_a_store_of_each_version() -> None:
    """A new version of the schema needs a stored example."""
    assert list(range(1, migrations.SCHEMA_VERSION + 1)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_old_stores_are_read_and_written(version: int, tmp_path: Path) -> None:
    """A store of each version has the graph that was written to it, and can be written."""
    with SqliteStore(unpacked(version, tmp_path)) as store:
        with store.reading() as view:
            assert list(dump(view, clocks=True)) == (STORES / f"v{version}.jsonl").read_text("utf-8").splitlines()
        store.write(FAMILY)
        assert store.info().schema_version == migrations.SCHEMA_VERSION


@pytest.mark.parametrize("version", VERSIONS)
def test_old_stores_end_with_the_schema_of_new_ones(version: int, tmp_path: Path) -> None:
    """Migrations end with the schema of a new store: a changed schema without a migration fails here."""
    for path in (old := unpacked(version, tmp_path), new := tmp_path / "new.db"):
        with SqliteStore(path) as store:
            store.write(FAMILY)
    assert schema(old) == schema(new)


def test_migrations_run_in_order_once_and_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening an older store, also for reading, migrates it once and records that."""
    path = unpacked(1, tmp_path)
    monkeypatch.setattr(migrations, "MIGRATIONS", two_more())
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 3)
    for _ in range(2):
        with SqliteStore(path) as store, store.reading() as view:
            assert view.count("Model") == 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        recorded = connection.execute("SELECT version, name FROM migration ORDER BY version").fetchall()
        assert recorded == [(1, "made"), (2, "a note"), (3, "an index")]
        assert connection.execute("SELECT count(*) FROM model WHERE note = key").fetchone() == (3,)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All migrations run or none: after an error the old version can still read the store."""
    path = unpacked(1, tmp_path)
    before = schema(path)
    failing = (*two_more(), Migration(4, "a fault", ("CREATE TABLE model (id)",)))
    with monkeypatch.context() as later:
        later.setattr(migrations, "MIGRATIONS", failing)
        later.setattr(migrations, "SCHEMA_VERSION", 4)
        with pytest.raises(StoreError, match="older version"), SqliteStore(path).reading():
            pass
    assert schema(path) == before
    with SqliteStore(path) as store:
        assert store.info().nodes["Model"] == 3


def test_an_old_store_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store that may not be written is refused, and the error says what to do."""
    path = unpacked(1, tmp_path)
    monkeypatch.setattr(migrations, "MIGRATIONS", two_more())
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 3)
    before = schema(path)
    with pytest.raises(StoreError, match="older version") as caught, SqliteStore(path, read_only=True).reading():
        pass
    assert "copy the store" in (caught.value.hint or "")
    assert schema(path) == before
