"""Dumps with right digests and wrong content: refused whole, with the line, before anything is written."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.moving import store_import
from lineage.answers.session import Session
from lineage.errors import InputError, StoreError
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage.store.moving.jsonl import read_jsonl, write_jsonl
from lineage.store.moving.sections import SECTIONS
from lineage.store.open import open_store
from lineage.store.promoted import canonical
from lineage.store.rows import Rows
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import ModelObservations, Observation
from tests.support.dump import dump
from tests.support.graphs import AWAITING, FAMILY, NOON, change, model
from tests.support.shared import ROOT

Lines = list[dict[str, Any]]

SEEN = ModelObservations(likes=Observation(value=3, observed_at=NOON))


@pytest.fixture
def sound() -> Lines:
    """Write a small family as the lines of a dump, without the first and the last one."""
    store = MemoryStore()
    store.write(FAMILY)
    store.write(AWAITING)
    store.write(GraphBatch(models=(model("org/seen", observations=SEEN, collected_at=NOON),)))
    file = io.BytesIO()
    with store.reading() as view:
        write_jsonl(view, file)
    return [json.loads(line) for line in file.getvalue().splitlines()[1:-1]]


def section_of(row: dict[str, Any]) -> str:
    """Return the section that a line belongs to."""
    if "attachment" in row:
        return "attachments"
    return "awaited" if "awaited" in row else str(row.get("node") or row.get("edge"))


def as_dump(rows: Lines) -> bytes:
    """Write rows as a dump whose counts and digests are right."""
    from hashlib import sha256

    counts = {section: sum(section_of(row) == section for row in rows) for section in SECTIONS}
    hashes = {section: sha256() for section in SECTIONS}
    for row in rows:
        hashes[section_of(row)].update(canonical(row).encode("utf-8", "surrogatepass") + b"\n")
    nodes = {row["node"]: counts[row["node"]] for row in rows if "node" in row}
    edges = {row["edge"]: counts[row["edge"]] for row in rows if "edge" in row}
    first = {"format": "lineage-graph", "version": 2, "schema_version": 1, "nodes": nodes, "edges": edges}
    last = {"end": {section: f"sha256:{found.hexdigest()}" for section, found in hashes.items()}}
    return b"".join(json.dumps(row).encode() + b"\n" for row in (first, *rows, last))


def row_of(rows: Lines, **fields: str) -> dict[str, Any]:
    """Return the first row with these fields."""
    return next(row for row in rows if all(row.get(name) == value for name, value in fields.items()))


Change = Callable[[Lines], object]


def set_in(value: object, *path: str, **which: str) -> Change:
    """Return a change of one value in one row."""

    def change(rows: Lines) -> None:
        inside = row_of(rows, **which)
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = value

    return change


def of_model(value: object, *path: str) -> Change:
    """Return a change of one value of the model `org/seen`."""
    return set_in(value, "properties", *path, node="Model", key="org/seen")


def renamed(rows: Lines, kind: str, old: str, new: str) -> None:
    """Change a node's key, and every edge's end and every sorting with it: a dump that is sound but for the name."""
    for row in rows:
        if row.get("node") == kind and row["key"] == old:
            row["key"] = new
        for end in ("source", "target"):
            if row.get(end) == old:
                row[end] = new
    rows.sort(key=lambda row: (SECTIONS.index(section_of(row)), sort_key(row)))


def sort_key(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the key by which a section is sorted."""
    if "node" in row:
        return (row["key"],)
    if "attachment" in row:
        return (row["attachment"], row["key"])
    return (str(row.get("edge") or row.get("awaited")), row["source"], row["target"], row["name"])


HOSTILE: dict[str, tuple[Change, str]] = {
    "an unknown state": (of_model("weird", "state"), "Model org/seen: its field state is wrong"),
    "an impossible month": (of_model("2024-13-01T00:00:00Z", "collected_at"), "its field collected_at is wrong"),
    "a day only": (of_model("2024-12-01", "collected_at"), "its field collected_at is wrong"),
    "no time zone": (of_model("2024-12-01T00:00:00", "collected_at"), "its field collected_at is wrong"),
    "seconds as a date": (of_model("1700000000", "collected_at"), "its field collected_at is wrong: 1700000000"),
    "a number as a date": (of_model(1_700_000_000, "collected_at"), "its field collected_at is wrong"),
    "an observation of seconds": (
        of_model("1700000000", "observations", "likes", "observed_at"), "its field observed_at is wrong: 1700000000",
    ),
    "a number as a list": (of_model(7, "aliases"), "its field aliases is wrong"),
    "a text as a list": (of_model("a/b", "aliases"), "its field aliases is wrong"),
    "a list of numbers": (of_model([7], "tags"), "its field tags.0 is wrong"),
    "a text as a number": (of_model("5", "budget"), "its field budget is wrong"),
    "a fraction as a number": (of_model(5.5, "budget"), "its field budget is wrong"),
    "a truth as a number": (of_model(True, "budget"), "its field budget is wrong"),
    "an object as a text": (of_model({"a": 1}, "licence"), "its field licence is wrong"),
    "a list as observations": (of_model([], "observations"), "its field observations is wrong"),
    "a huge observation": (of_model(2**63, "observations", "likes", "value"), "its field observations.likes.value"),
    "a number of thousands of digits": (of_model(int("9" * 4_000), "budget"), "its field budget is wrong"),
    "an unknown field": (of_model("red", "colour"), "its field colour is not known"),
    "half a surrogate pair": (of_model("\ud800", "licence"), "not valid Unicode"),
    "half a surrogate pair as a name": (of_model(1, "\ud800"), "not valid Unicode"),
    "a key of half a pair": (
        lambda rows: renamed(rows, "Publisher", "org", "org\udfff"), "not valid Unicode",
    ),
    "a size beyond 64 bits": (set_in(2**63, "properties", "size", node="File"), "its field size is wrong"),
    "a negative size": (set_in(-1, "properties", "size", node="File"), "its field size is wrong"),
    "a missing field": (lambda rows: row_of(rows, node="Ref")["properties"].pop("target"), "its field target is miss"),
    "not a number": (
        set_in(float("nan"), "properties", "confidence", edge="DERIVED_FROM"), "not valid JSON",
    ),
    "a confidence of text": (
        set_in("high", "properties", "confidence", edge="DERIVED_FROM"), "its field confidence is wrong",
    ),
    "a revision of another model": (
        set_in("you/tuned", "properties", "model", node="Revision", key="org/base@c1"),
        "Revision org/base@c1: its content gives the key you/tuned@c1",
    ),
    "a revision with another commit": (
        set_in("c9", "properties", "commit", node="Revision", key="org/base@c1"), "gives the key org/base@c9",
    ),
    "a model of another Hub": (of_model("elsewhere.org", "hub"), "gives the key elsewhere.org:org/seen"),
    "a ref of another branch": (
        set_in("refs/heads/dev", "properties", "name", node="Ref"), "gives the key org/base@refs/heads/dev",
    ),
    "a change of another push": (
        set_in(["c0", "c1"], "properties", "revisions", node="Change", key="org/base@refs/heads/main:c1"),
        "gives the key org/base@refs/heads/main:c0",
    ),
    "a publisher of another name": (set_in("me", "properties", "name", node="Publisher"), "gives the key me"),
    "a file that is not a hash": (
        lambda rows: renamed(rows, "File", f"gitblob:{'a' * 40}", "gitblob:README.md"), "not the hash of a file",
    ),
    "a file with an alias that is not a hash": (
        set_in("main", "properties", "alias", node="File"), "is not a git blob id",
    ),
    "weights that are not a digest": (
        lambda rows: renamed(rows, "Weights", "files.v1:1", "sha256:1"), "is not files.vN",
    ),
    "a digest of another format": (
        set_in("md5:12", "properties", "content", node="Weights"), "its content digest md5:12",
    ),
    "a group of another name": (
        set_in("other", "properties", "name", edge="HAS_WEIGHTS"), "its name is model.safetensors",
    ),
    "properties of a plain edge": (set_in({"a": 1}, "properties", edge="HAS_PARENT"), "its field a is not known"),
    "a number on a plain edge": (
        set_in({"xet_hash": 1}, "properties", edge="CONTAINS"), "its field xet_hash is wrong",
    ),
    "an edge to another model's commit": (
        set_in("you/tuned@d1", "target", edge="POINTS_TO"), "its ends are of different models",
    ),
    "an edge from an unknown model": (
        lambda rows: rows.remove(row_of(rows, node="Publisher", key="you")), "you of this edge is not among",
    ),
    "an edge that awaits nothing": (
        lambda rows: row_of(rows, awaited="HAS_PARENT").update(target="org/base@c1"), "both ends are in the file",
    ),
    "a row twice": (lambda rows: rows.insert(1, rows[0]), "the same row is there twice"),
    "an edge twice": (
        lambda rows: rows.insert(len(rows), rows[-1]), "the same row is there twice",
    ),
    "another order": (lambda rows: rows.insert(0, rows.pop(1)), "the rows are not in order"),
    "another order of kinds": (lambda rows: rows.insert(0, rows.pop()), "come before attachments"),
    "another order of edges": (
        lambda rows: rows.append(rows.pop(rows.index(row_of(rows, edge="CONTAINS")))), "come before attachments",
    ),
    "an alias that is not a text": (
        lambda rows: rows.insert(-2, {"attachment": "alias", "key": "old/a", "data": "//4="}), "not a text in UTF-8",
    ),
    "a tensor table of noise": (set_in("AAAA", "data", attachment="tensors"), "not a tensor table"),
    "a text of another hash": (
        lambda rows: rows.append({"attachment": "text", "key": f"sha256:{'0' * 64}", "data": "AAAA"}),
        "a different hash",
    ),
}  # fmt: skip


def lines(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


def test_the_rows_of_these_tests_are_a_sound_dump(sound: Lines, tmp_path: Path) -> None:
    """The dump that the other tests spoil is imported as it is."""
    (tmp_path / "dump.jsonl").write_bytes(as_dump(sound))
    with Session(store_url=str(tmp_path / "graph.db"), offline=True) as session:
        assert store_import(session, tmp_path / "dump.jsonl").equal is True


@pytest.mark.parametrize("case", HOSTILE)
def test_a_dump_with_a_wrong_row_is_refused(sound: Lines, tmp_path: Path, case: str) -> None:
    """A row that is not a record is an error that names it, and neither a store nor a row is written."""
    change, words = HOSTILE[case]
    change(sound)
    (tmp_path / "dump.jsonl").write_bytes(as_dump(sound))
    with Session(store_url=str(tmp_path / "graph.db"), offline=True) as session:
        with pytest.raises(InputError, match=r"dump\.jsonl") as caught:
            store_import(session, tmp_path / "dump.jsonl")
    assert words in caught.value.message
    assert len(caught.value.message) < 700
    assert caught.value.hint
    assert not (tmp_path / "graph.db").exists()


def test_a_sound_dump_that_has_fewer_fields_is_read(sound: Lines) -> None:
    """A field with a default may be missing: earlier versions wrote fewer fields."""
    del row_of(sound, node="Model", key="org/seen")["properties"]["level_asked"]
    store = MemoryStore()
    read_jsonl(store, io.BytesIO(as_dump(sound)), "dump.jsonl")
    with store.reading() as view:
        assert view.count("Model") == 4


def test_a_line_without_an_end_is_not_read_into_memory(sound: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is longer than any of a dump is refused when that length was read."""
    monkeypatch.setattr("lineage.store.moving.jsonl.MAX_LINE", 2_000)
    first = as_dump(sound).partition(b"\n")[0]

    class Endless(io.RawIOBase):
        read_bytes = 0

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, *_: int) -> int:
            self.read_bytes = 0
            return 0

        def readinto(self, buffer: Any) -> int:
            text = first + b"\n" if not self.read_bytes else b"x" * len(buffer)
            text = text[: len(buffer)]
            buffer[: len(text)] = text
            self.read_bytes += len(text)
            return len(text)

    with pytest.raises(InputError, match="line 2: longer than 2,000 bytes"):
        read_jsonl(MemoryStore(), io.BufferedReader(Endless()), "dump.jsonl")


@pytest.mark.parametrize("url", ["memory:", "graph.db"])
def test_an_import_that_fails_leaves_the_store_as_it_was(sound: Lines, tmp_path: Path, url: str) -> None:
    """An error in the middle of the writes takes back what was written before it."""
    store = open_store(url if ":" in url else str(tmp_path / url))
    store.write(GraphBatch(models=(model("some/other"),), changes=(change("some/other", "c0"),)))
    before = lines(store)
    write_rows, written = store.write_rows, []

    def fail_late(rows: Rows) -> None:
        if "HAS_REVISION" in rows.edges:
            raise StoreError("the disk is full")
        written.append(rows)
        write_rows(rows)

    store.write_rows = fail_late  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="the disk is full"):
        read_jsonl(store, io.BytesIO(as_dump(sound)), "dump.jsonl")
    assert len(written) > 5
    assert lines(store) == before
    store.write_rows = write_rows  # type: ignore[method-assign]
    read_jsonl(store, io.BytesIO(as_dump(sound)), "dump.jsonl")
    assert len(lines(store)) > len(before)
    store.close()


IMPORT = """
import sys
from lineage.store.open import open_store
from lineage.store.moving import sections
from lineage.store.moving.jsonl import read_jsonl
sections.BATCH_ROWS = 20
with open_store(sys.argv[1]) as store:
    write_rows = store.write_rows
    def told(rows):
        write_rows(rows)
        print(len(rows.nodes), flush=True)
    store.write_rows = told
    read_jsonl(store, open(sys.argv[2], "rb"), "dump.jsonl")
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("writes", [1, 3, 10, 25, 40])
def test_a_killed_import_leaves_the_store_as_it_was(tmp_path: Path, writes: int) -> None:
    """A kill in the middle of an import leaves nothing of it or all of it, and the next import is whole."""
    source, path, file = MemoryStore(), tmp_path / "graph.db", tmp_path / "dump.jsonl"
    source.write(GraphBatch(models=tuple(model(f"many/m{n}") for n in range(1_000))))
    with source.reading() as view, file.open("wb") as out:
        write_jsonl(view, out)
    with open_store(str(path)) as store:
        store.write(FAMILY)
        before = lines(store)
    command = [sys.executable, "-c", IMPORT, str(path), str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(writes):
            assert process.stdout.readline() != "done\n"
        time.sleep(0.001 * writes)
        os.kill(process.pid, signal.SIGKILL)
    with open_store(str(path)) as store, store.reading() as view:
        assert lines(store) == before or view.count("Model") == 1_003  # the kill may come after the commit
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with open_store(str(path)) as store, store.reading() as view:
        assert view.count("Model") == 1_003
