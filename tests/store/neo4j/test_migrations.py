"""Neo4j stores of older versions are brought up to date: once, also with several processes or a killed one."""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
import re
import signal
import subprocess
import sys
import tarfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import StoreError
from lineage.store import migrations
from lineage.store.graph import ENDS
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage.store.migrations import Migration
from lineage.store.moving.copying import copy_store
from lineage.store.moving.jsonl import read_jsonl
from lineage.store.neo4j.codec import ATTACHMENTS, AWAITED
from lineage.store.neo4j.schema import STORE
from lineage.store.open import open_store
from lineage.store.promoted import PROMOTED, canonical
from lineage_schemas.graph_batch import GraphBatch
from tests.support.dump import dump
from tests.support.graphs import FAMILY, FULL_FAMILY, model
from tests.support.neo4j_server import GIVEN_URI, PARAMS, Servers, empty, run
from tests.support.shared import ROOT

NEWEST = migrations.SCHEMA_VERSION

LATER = (
    *migrations.MIGRATIONS,
    Migration(NEWEST + 1, "a note", (), ("MATCH (n:Model) WHERE n.note IS NULL SET n.note = n.key",)),
    Migration(
        NEWEST + 2,
        "an index",
        (),
        (
            "CREATE INDEX lineage_test_note IF NOT EXISTS FOR (n:Model) ON (n.note)",
            "MATCH (n:Model) CALL (n) { SET n.marked = true } IN TRANSACTIONS OF 2 ROWS",
        ),
    ),
)
"""Migrations as later versions may bring them: each statement may be run twice."""

OPEN = """
import os, signal, sys
from lineage.store import migrations, open
from lineage.store.neo4j import schema
later = [migrations.Migration(*each) for each in eval(sys.argv[3])]
migrations.MIGRATIONS, migrations.SCHEMA_VERSION = later, later[-1].version
for name in ("_change", "_record"):
    def changed(session, policy, statement, inner=getattr(schema, name), **parameters):
        if sys.argv[2] and sys.argv[2] in statement:
            os.kill(os.getpid(), signal.SIGKILL)
        inner(session, policy, statement, **parameters)
    setattr(schema, name, changed)
with open.open_store(sys.argv[1]) as store, store.reading() as view:
    print(view.count("Model"))
"""
"""Opens a store with some migrations, and kills itself before the statement that contains a text."""

STORES = ROOT / "tests/data/stores"


@pytest.fixture
def old(neo4j_url: str) -> Iterator[str]:
    """Return a store of the newest version, and remove everything of later ones at the end."""
    with open_store(neo4j_url) as store:
        store.write(FAMILY)
    yield neo4j_url
    run(neo4j_url, "DROP INDEX lineage_test_note IF EXISTS")


def opened(url: str, before: str = "", later: tuple[Migration, ...] = LATER) -> subprocess.Popen[str]:
    """Open a store in a process of a later version, which is killed before a given statement."""
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, url, before, repr([tuple(each) for each in later])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def versions(monkeypatch: pytest.MonkeyPatch, later: tuple[Migration, ...] = LATER) -> None:
    """Make this process one of a later version."""
    monkeypatch.setattr(migrations, "MIGRATIONS", later)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", later[-1].version)


def state(url: str) -> list[object]:
    """Return the schema version and what the migrations made."""
    [found] = run(
        url,
        "MATCH (s:LineageStore) RETURN s.schema_version, s.migrations,"
        " COUNT { MATCH (n:Model) WHERE n.note = n.key }, COUNT { MATCH (n:Model {marked: true}) }",
    )
    return found


DONE = [NEWEST + 2, [f"{NEWEST + 1} a note", f"{NEWEST + 2} an index"], 3, 3]


def test_migrations_of_neo4j_run_in_order_and_once(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening an older store, also for reading, migrates it once."""
    versions(monkeypatch)
    for _ in range(2):
        with open_store(old) as store:
            assert store.info().schema_version == NEWEST + 2
        assert state(old) == DONE
    run(old, "MATCH (n:Model) REMOVE n.marked")
    with open_store(old) as store:
        store.write(GraphBatch())
    assert state(old) == [*DONE[:3], 0]


def test_a_migration_of_neo4j_that_is_killed_is_done_by_the_next(old: str) -> None:
    """A migration killed between two statements keeps the version, and the next process repeats it."""
    killed = opened(old, "n.marked")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert state(old) == [NEWEST + 1, [f"{NEWEST + 1} a note"], 3, 0]
    again = opened(old)
    assert again.communicate(timeout=60)[0] == "3\n"
    assert state(old) == DONE


def test_migrations_of_neo4j_by_two_at_once(old: str) -> None:
    """Two processes that open an older store at once both read it, and it is migrated once."""
    both = [opened(old), opened(old)]
    for process in both:
        out, errors = process.communicate(timeout=60)
        assert out == "3\n", errors
    assert state(old) == DONE


def test_a_writer_of_an_older_lineage_stops_at_a_migrated_store(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that opened the store before its migration, or has a newer schema, cannot write."""
    with open_store(old) as store:
        store.write(GraphBatch())
        with monkeypatch.context() as later:
            versions(later)
            with open_store(old) as upgraded:
                upgraded.write(GraphBatch())
                before = state(old)
        refusal = rf"\(its schema is version {NEWEST + 2}; this lineage supports up to {NEWEST}\)"
        with pytest.raises(StoreError, match=refusal):
            store.write(GraphBatch(models=(model("new/one"),)))
        assert state(old) == before == DONE
    run(old, "MATCH (s:LineageStore) SET s.schema_version = $version", version=NEWEST)
    versions(monkeypatch)
    with open_store(old) as store:
        store.write(GraphBatch())
        run(old, "MATCH (s:LineageStore) SET s.schema_version = $version", version=NEWEST + 1)
        with pytest.raises(StoreError, match="replaced by one of an older version"):
            store.write(GraphBatch(models=(model("new/one"),)))
        assert store.info().nodes["Model"] == 3


def test_an_old_store_in_neo4j_that_may_not_be_written(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store that may not be migrated is refused with the reason."""
    versions(monkeypatch)
    with open_store(old, read_only=True) as store, pytest.raises(StoreError, match="older version"), store.reading():
        pass
    versions(monkeypatch, (Migration(NEWEST + 1, "no right", (), ("SHOW NOTHING",)),))
    with open_store(old) as store, pytest.raises(StoreError, match=r"older version .* cannot be brought") as caught:
        store.info()
    assert "may change the schema" in (caught.value.hint or "")
    assert state(old)[0] == NEWEST


def load_schema_1(url: str) -> None:
    """Make a store of schema 1 with 200 models, by its statements and with the properties that it wrote."""
    empty(url)
    for name in re.findall(r"(?:CONSTRAINT|INDEX) (\w+)", "\n".join(migrations.MIGRATIONS[0].neo4j)):
        run(url, f"DROP CONSTRAINT {name} IF EXISTS")
        run(url, f"DROP INDEX {name} IF EXISTS")
    text = lzma.decompress((STORES / "v1-200-models.neo4j.xz").read_bytes()).decode("utf-8")
    rows: dict[str, list[Any]] = {}
    for line in map(json.loads, text.splitlines()):
        if "statement" in line:
            run(url, line["statement"])
            continue
        values = {name: _bytes(value) for name, value in line["properties"].items()}
        if "node" in line:
            rows.setdefault(f"CREATE (n:{line['node'][0]}) SET n = row.p", []).append({"p": values})
        else:
            ends = "".join(
                f" MATCH ({end}:{label} {{key: row.{end}}})"
                + (f" WHERE {end}.kind = '{kind}'" if label != kind else "")
                for end, (label, kind, _) in (("s", line["from"]), ("t", line["to"]))
            )
            row = {"s": line["from"][2], "t": line["to"][2], "p": values}
            rows.setdefault(f"{ends} CREATE (s)-[r:{line['edge']}]->(t) SET r = row.p", []).append(row)
    for statement, some in rows.items():
        run(url, f"UNWIND $rows AS row {statement}", rows=some)


def _bytes(value: Any) -> Any:
    return b64decode(value["base64"]) if isinstance(value, dict) else value


def dumped(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


@pytest.fixture
def migrated() -> list[str]:
    """Dump what a store of schema 1 with 200 models holds after its migration: what its backup holds."""
    backup = MemoryStore()
    read_jsonl(backup, io.BytesIO(lzma.decompress((STORES / "v1-200-models.jsonl.xz").read_bytes())), "v1.jsonl")
    return dumped(backup)


@pytest.mark.timeout(300)
def test_a_store_of_200_models_in_neo4j_is_migrated(neo4j_url: str, migrated: list[str], tmp_path: Path) -> None:
    """Opening migrates the store, copies of it to SQLite and back are equal, and Cypher finds it like a new one."""
    load_schema_1(neo4j_url)
    with open_store(neo4j_url) as store, open_store(str(tmp_path / "copy.db")) as copy:
        assert dumped(store) == migrated
        assert store.info().schema_version == NEWEST
        copy_store(store, copy)
        assert dumped(copy) == migrated
        with store.reading() as view, copy.reading() as copied:
            for status in ("confirmed", "inferred", "declared", "indirect", "contradicted"):
                where = {"status": status}
                assert view.count("DERIVED_FROM", where) == copied.count("DERIVED_FROM", where) > 0
    empty(neo4j_url)
    with open_store(neo4j_url) as store, open_store(str(tmp_path / "copy.db")) as copy:
        copy_store(copy, store)
        assert dumped(store) == migrated
        for each in (store, copy):
            each.write(FULL_FAMILY)
            each.erase(["harbour/model-010", "you/tuned"], ["shop"])
        assert dumped(store) == dumped(copy)


KILLED_BEFORE = (
    "lineage_matchkey_key",
    "lineage_revision_category",
    "n.former_identities",
    "n.former IS NULL",
    "SET s.schema_version",
)


@pytest.mark.timeout(600)
def test_a_killed_migration_of_200_models_is_run_again(neo4j_url: str, migrated: list[str]) -> None:
    """Killed before any of five statements, the store keeps its version, and the next opening gives the same graph."""
    for before in KILLED_BEFORE:
        load_schema_1(neo4j_url)
        killed = opened(neo4j_url, before, migrations.MIGRATIONS)
        assert killed.communicate(timeout=120)[0] == ""
        assert killed.returncode == -signal.SIGKILL, before
        assert run(neo4j_url, "MATCH (s:LineageStore) RETURN s.schema_version") == [[1]]
        with open_store(neo4j_url) as store:
            assert dumped(store) == migrated
        assert run(neo4j_url, "MATCH (s:LineageStore) RETURN s.schema_version, s.migrations") == [
            [NEWEST, [f"{each.version} {each.name}" for each in migrations.MIGRATIONS]]
        ]


@pytest.mark.skipif(bool(GIVEN_URI), reason="the files of a server that was given are not ours")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", PARAMS)
def test_csv_files_of_schema_1_are_imported_and_migrated(
    version: str, neo4j_servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that `neo4j-admin` imported from files of schema 1 is brought up to date by the first command."""
    with tarfile.open(ROOT / "tests/data/kept/neo4j-csv.tar.xz") as archive:
        archive.extractall(tmp_path / "csv", filter="data")
    backup = MemoryStore()
    kept = lzma.decompress((ROOT / "tests/data/kept/backup.jsonl.xz").read_bytes())
    read_jsonl(backup, io.BytesIO(kept), "backup.jsonl")
    server = neo4j_servers.unstarted(version)
    try:
        done = server.admin(*import_options(tmp_path / "csv"), f"--report-file={tmp_path / 'import.report'}")
        assert done.returncode == 0, done.stderr + done.stdout
        server.start()
        monkeypatch.setenv("NEO4J_PASSWORD", server.password)
        with open_store(server.uri) as store:
            assert [known(line) for line in dumped(store)] == [known(line) for line in dumped(backup)]
            assert store.info().schema_version == NEWEST
    finally:
        server.remove()


def known(line: str) -> str:
    """Leave nulls out of a line: the kept files lack a field of revisions that schema 1 got after they were written."""
    row: dict[str, Any] = json.loads(line)
    row["properties"] = {name: value for name, value in row.get("properties", {}).items() if value is not None}
    return canonical(row)


def import_options(folder: Path) -> list[str]:
    """Return the arguments of `neo4j-admin` for a folder of CSV files."""
    labels = {
        label.lower(): label for label in (*PROMOTED, *ENDS, STORE, AWAITED, *(a for a, _ in ATTACHMENTS.values()))
    }
    files = sorted(folder.glob("*.csv"))
    options = ["database", "import", "full", "neo4j", "--overwrite-destination", "--array-delimiter=U+001F"]
    several = [str(file) for file in files if has_lines(file)]
    options += ["--multiline-fields-format=v2", f"--multiline-fields={','.join(several)}"]
    for file in files:
        label = labels[file.stem.partition("-")[0]]
        options.append(f"--{'relationships' if label in ENDS else 'nodes'}={label}={file}")
    return options


def has_lines(path: Path) -> bool:
    """Return whether a field of a CSV file holds a line feed."""
    with path.open(encoding="utf-8", newline="") as file:
        return any("\n" in cell for row in csv.reader(file) for cell in row)
