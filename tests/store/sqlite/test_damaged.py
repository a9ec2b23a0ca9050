"""A damaged store: `store check` finds it, and no export or copy of it looks sound."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.answers.moving import store_copy, store_export
from lineage.answers.session import Session
from lineage.answers.store import store_check, store_info
from lineage.errors import LineageError, StoreError
from lineage.fingerprint.tensor_table import check_tensors
from lineage.store.checking.rules import check_store
from lineage.store.open import open_store
from lineage.store.rows import Rows
from lineage_schemas.file import FileEntry
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.revision import Tree
from tests.support.graphs import AWAITING, FAMILY, model, revision
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

PAGE = 8_192

TEXT = b"# a card\n" + b"word " * 8_000
"""A text of several pages."""


def gitblob(data: bytes) -> str:
    """Make the key of a text."""
    from hashlib import sha1

    blob = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return f"gitblob:{blob.hexdigest()}"


def fill(path: Path) -> None:
    """Make a store whose tables have several pages each, and records that continue on other pages."""
    many = range(120)
    with open_store(str(path)) as store:
        store.write(FAMILY.model_copy(update={"attachments": ()}))
        store.write(AWAITING)
        store.write(
            GraphBatch(
                models=tuple(model(f"many/m{n}", state_note=f"{n} " * 60) for n in many),
                revisions=(
                    *(revision(f"many/m{n}", f"{n:040x}") for n in many),
                    revision("org/base", "c5").model_copy(update={"message": "a long message " * 2_000}),
                ),
                trees=tuple(
                    Tree(revision=f"many/m{n}@{n:040x}", entries=(FileEntry(path="a", blob_id=f"{n:040x}", size=n),))
                    for n in many
                ),
                attachments=(Attachment(kind="text", key=gitblob(TEXT), data=TEXT),),
            )
        )


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store without a fault but awaited edges."""
    path = tmp_path_factory.mktemp("sound") / "graph.db"
    fill(path)
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """Copy the store, to be damaged."""
    return Path(shutil.copy(sound, tmp_path / "graph.db"))


def exported(path: Path) -> bytes:
    """Write a store as a dump."""
    out = io.BytesIO()
    with Session(store_url=str(path), offline=True) as session:
        store_export(session, "jsonl", out)
    return out.getvalue()


def checked(path: Path) -> set[str]:
    """Check a store; return the rules that found something, or `refused`."""
    try:
        with Session(store_url=str(path), offline=True) as session:
            return {finding.id for finding in store_check(session).findings}
    except LineageError as error:
        return {"refused" if error.hint else "refused without a hint"}


def is_told_or_harmless(path: Path, before: set[str], dump: bytes) -> bool:
    """Return whether a damaged store is found by a check and refused by an export, or has the content of before."""
    found = checked(path)
    try:
        same = exported(path) == dump
    except LineageError:
        return found != before
    return same


def zeroed(pages: list[bytes], number: int, dice: random.Random) -> list[bytes]:
    """Fill a page with zeros."""
    return [*pages[:number], bytes(PAGE), *pages[number + 1 :]]


def swapped(pages: list[bytes], number: int, dice: random.Random) -> list[bytes]:
    """Exchange a page with another one."""
    other = dice.choice([n for n in range(1, len(pages)) if n != number])
    changed = list(pages)
    changed[number], changed[other] = pages[other], pages[number]
    return changed


def doubled(pages: list[bytes], number: int, dice: random.Random) -> list[bytes]:
    """Replace a page by a copy of another one."""
    return [*pages[:number], pages[dice.randrange(1, len(pages))], *pages[number + 1 :]]


def noise(pages: list[bytes], number: int, dice: random.Random) -> list[bytes]:
    """Replace the middle of a page by noise."""
    page = pages[number]
    return [*pages[:number], page[:1_000] + dice.randbytes(6_000) + page[7_000:], *pages[number + 1 :]]


def truncated(pages: list[bytes], number: int, dice: random.Random) -> list[bytes]:
    """Cut the file off."""
    return pages[:number]


@pytest.mark.parametrize("harm", [zeroed, swapped, doubled, noise, truncated])
def test_a_damaged_page_is_found(
    path: Path, harm: Callable[[list[bytes], int, random.Random], list[bytes]], sound: Path
) -> None:
    """Whatever page is damaged, a check finds it and an export refuses, or the export is what it was before."""
    content, dump, before, dice = sound.read_bytes(), exported(sound), checked(sound), random.Random(7)
    pages = [content[at : at + PAGE] for at in range(0, len(content), PAGE)]
    assert len(pages) > 40
    missed = []
    for number in range(1, len(pages)):
        for beside in path.parent.glob("graph.db-*"):
            beside.unlink()
        path.write_bytes(b"".join(harm(pages, number, dice)))
        if not is_told_or_harmless(path, before, dump):
            missed.append(number)
    assert missed == []


DAMAGE: dict[str, tuple[str, str]] = {
    "not JSON": ("UPDATE model SET body = 'junk{' WHERE key = 'org/base'", "unreadable-rows"),
    "a list": ("UPDATE revision SET body = '[1]' WHERE key = 'org/base@c1'", "unreadable-rows"),
    "no text": ("UPDATE model SET body = CAST(x'fffe' AS TEXT) WHERE key = 'org/base'", "unreadable-rows"),
    "an empty key": ("UPDATE file SET key = x'' WHERE id = (SELECT max(id) FROM file)", "unreadable-rows"),
    "an unknown state": ("UPDATE model SET state = 'weird' WHERE key = 'org/base'", "invalid-record"),
    "a missing field": ("UPDATE ref SET body = '{}' WHERE name = 'refs/heads/main'", "invalid-record"),
    "an unknown field": (
        "UPDATE revision SET body = json_set(body, '$.colour', 'red') WHERE key = 'org/base@c1'", "invalid-record",
    ),
    "a number as text": ("UPDATE file SET size = 'three' WHERE size = 3", "invalid-record"),
    "a huge number": (
        "UPDATE weights SET body = json_set(body, '$.byte_size', 99999999999999999999) WHERE true", "invalid-record",
    ),
    "an impossible date": (
        "UPDATE change SET body = json_set(body, '$.start', '2026-13-01T00:00:00Z') WHERE true", "invalid-record",
    ),
    "a date without a zone": (
        "UPDATE change SET body = json_set(body, '$.start', '2026-01-01T00:00:00') WHERE true", "invalid-record",
    ),
    "another commit": ("UPDATE revision SET \"commit\" = 'c9' WHERE key = 'org/base@c1'", "record-key"),
    "another hub": ("UPDATE model SET hub = 'other' WHERE key = 'org/base'", "model-key"),
    "an edge of another group": (
        "UPDATE has_weights SET body = json_set(body, '$.name', 'x') WHERE true", "invalid-record",
    ),
    "an edge that is not JSON": ("UPDATE derived_from SET body = '{' WHERE true", "unreadable-rows"),
    "a relation beside its record": ("UPDATE derived_from SET relation = 'adapter' WHERE true", "damaged-file"),
    "a family beside its record": ("UPDATE model SET family = 'llama' WHERE key = 'org/base'", "damaged-file"),
    "an edge to a missing row": ("UPDATE contains SET target = 99999 WHERE name = 'README.md'", "damaged-file"),
    "an edge from a missing row": ("DELETE FROM revision WHERE key = 'org/base@c1'", "damaged-file"),
    "a missing table": ("DROP TABLE change", "damaged-file"),
    "a text of another kind": ("UPDATE attachment SET kind = 'virus'", "attachment-content"),
    "a text without bytes": ("UPDATE attachment SET data = 'characters'", "attachment-content"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_row_is_found(path: Path, case: str) -> None:
    """A row that is not a record of its kind is found by a check, and exports and copies refuse and write nothing."""
    statement, rule = DAMAGE[case]
    before = checked(path)
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    assert rule in checked(path) - before
    backup, csv = path.with_name("backup.jsonl"), path.with_name("csv")
    backup.write_text("the earlier one", "utf-8")
    with Session(store_url=str(path), offline=True) as session:
        for file_format, out in (("jsonl", backup), ("neo4j-csv", csv)):
            with pytest.raises(StoreError, match="damaged"):
                store_export(session, file_format, out)  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="damaged"):
            store_copy(session, str(path), str(path.with_name("copy.db")))
    assert backup.read_text("utf-8") == "the earlier one"
    assert not path.with_name("copy.db").exists()
    assert not list(csv.glob("*"))


def test_faults_do_not_hide_one_another(path: Path) -> None:
    """A row that cannot be decoded is named, and the rows behind it are checked."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE model SET body = 'junk{' WHERE key = 'many/m1'")
        connection.execute("UPDATE model SET state = 'weird' WHERE key = 'you/tuned'")
        connection.execute("UPDATE revision SET body = 'junk{' WHERE key = 'you/tuned@d1'")
    connection.close()
    with open_store(str(path)) as store, store.reading() as view:
        found = list(check_store(view, check_table=check_tensors))
    assert ("unreadable-rows", "Model many/m1") in {(fault.rule, fault.about) for fault in found}
    assert {fault.about for fault in found} >= {"Model many/m1", "you/tuned", "Revision you/tuned@d1"}
    assert any(fault.rule == "invalid-record" and "it should be 'present'" in fault.message for fault in found)


def test_a_store_can_be_described_while_a_row_is_damaged(path: Path) -> None:
    """`store info` counts and does not read every row."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE model SET body = 'junk{' WHERE key = 'org/base'")
    connection.close()
    with Session(store_url=str(path), offline=True) as session:
        assert store_info(session).nodes["Model"] == 123


@pytest.mark.parametrize(
    "pragma", ["application_id = 7", "application_id = 0", "user_version = 0", "user_version = -1"]
)
def test_a_file_without_the_marks_of_a_store_is_refused(path: Path, pragma: str) -> None:
    """A store whose mark or version is gone is an error for readers and writers, and not an empty store."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA {pragma}")
    connection.close()
    before = path.read_bytes()
    assert checked(path) == {"refused"}
    with open_store(str(path)) as store, pytest.raises(StoreError):
        store.write_rows(Rows())
    assert path.read_bytes() == before


def test_a_damaged_index_is_found(path: Path) -> None:
    """An index that lacks a row of its table is found: queries by it would miss the row."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'model_publisher'").fetchone()
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'model_publisher'",
            (sql.replace("IS NOT NULL", "IS NOT NULL AND publisher <> 'org'"),),
        )
    connection.close()
    with sqlite3.connect(path) as connection:
        connection.execute("REINDEX model_publisher")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'model_publisher'", (sql,))
    connection.close()
    assert "damaged-file" in checked(path)
    with pytest.raises(StoreError, match="model_publisher"):
        exported(path)


KILLED = """
import os, signal, sys
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import model
store = open_store(sys.argv[1])
for number in range(20):
    store.write(GraphBatch(models=tuple(model(f"late/{number}-{n}", state_note="x" * 500) for n in range(40))))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(path: Path) -> Path:
    """Kill a writer, so that its last writes are in the log only."""
    process = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False)
    assert process.returncode == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size > 100_000
    return path


def test_the_log_of_a_killed_writer_is_read(killed: Path) -> None:
    """Writes of a killed process are there, and nothing is said to be damaged."""
    before = checked(killed)
    with open_store(str(killed)) as store, store.reading() as view:
        assert view.count("Model") == 923
    assert "refused" not in before


@pytest.mark.parametrize("at", [8, 20, 32 + 24 + 4_000, -5_000])
@pytest.mark.parametrize("copied", [False, True])
def test_a_damaged_log_is_refused(killed: Path, at: int, copied: bool) -> None:
    """A log with writes that cannot be read is an error, before SQLite drops them; nothing is deleted."""
    log = Path(f"{killed}-wal")
    content = bytearray(log.read_bytes())
    content[at] ^= 0x55
    log.write_bytes(content)
    if copied:
        Path(f"{killed}-shm").unlink()
    for _ in range(2):
        with open_store(str(killed)) as store, pytest.raises(StoreError, match=r"graph\.db-wal is damaged") as caught:
            store.info()
        assert "backup" in (caught.value.hint or "")
    with open_store(str(killed)) as store, pytest.raises(StoreError, match=r"graph\.db-wal is damaged"):
        store.write_rows(Rows())
    assert log.read_bytes() == content


def test_a_log_that_was_cut_off_is_refused(killed: Path) -> None:
    """A log that ends inside a page was cut off."""
    log = Path(f"{killed}-wal")
    os.truncate(log, 32 + 5 * (24 + PAGE) + 777)
    with open_store(str(killed)) as store, pytest.raises(StoreError, match="cut off"):
        store.info()


def test_a_log_in_use_is_not_damaged(path: Path) -> None:
    """A store is read while another process writes to it, at any moment of its writes."""
    writer = KILLED.replace("range(20)", "range(400)").replace("range(40)", "range(3)")
    with subprocess.Popen([sys.executable, "-c", writer, str(path)], cwd=ROOT) as process:
        looks = 0
        while process.poll() is None:
            with open_store(str(path)) as store, store.reading() as view:
                assert list(view.damage()) == []
            looks += 1
    assert looks > 3
