"""The answers about copying, exporting and importing a store."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.moving import store_copy, store_export, store_import
from lineage.answers.session import Session
from lineage.errors import InputError, LineageError
from lineage.store.open import open_store
from lineage_schemas.export import json_schema
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.record import Record
from tests.support.dump import dump
from tests.support.graphs import FAMILY, model, revision
from tests.support.nobody import without_rights

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Fill a store in a file with a small family."""
    with open_store(str(tmp_path / "graph.db")) as store:
        store.write(FAMILY)
    return str(tmp_path / "graph.db")


def check_schema(answer: Record) -> None:
    """Validate an answer against its schema, as JSON."""
    shown = answer.model_dump(mode="json", by_alias=True)
    jsonschema.validate(shown, json_schema(shown["schema"]))


def lines(path: str) -> list[str]:
    """Dump a store with its timestamps."""
    with open_store(path) as store, store.reading() as view:
        return list(dump(view, clocks=True))


def test_a_copy_reports_what_both_stores_hold(path: str, tmp_path: Path) -> None:
    """The answer counts rows and kinds, and its digest is that of the graph, whichever store holds it."""
    with Session(store_url="memory:") as session:
        answer = store_copy(session, path, str(tmp_path / "copy.db"))
        check_schema(answer)
        again = store_copy(session, path, str(tmp_path / "copy.db"))
    assert (answer.written, answer.already_there) == (len(lines(path)), 0)
    assert (again.written, again.already_there) == (0, len(lines(path)))
    assert (answer.contents.nodes["Model"], answer.contents.attachments) == (3, 2)
    assert again.contents == answer.contents
    assert lines(str(tmp_path / "copy.db")) == lines(path)


@pytest.mark.parametrize("other", ["{}", "sqlite:///{}"])
def test_a_store_is_not_copied_onto_itself(path: str, other: str) -> None:
    """Two spellings of one file are one store."""
    with Session(store_url="memory:") as session, pytest.raises(InputError, match="the same store"):
        store_copy(session, path, other.format(path))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("neo4j://somewhere", "bolt://somewhere:7687"),
        ("neo4j://me@somewhere:7687/neo4j", "neo4j+s://SOMEWHERE/neo4j"),
        ("bolt://localhost", "bolt://127.0.0.1"),
        ("neo4j://localhost", "neo4j://neo4j@localhost/neo4j"),
    ],
)
def test_a_server_is_not_copied_onto_itself(one: str, other: str) -> None:
    """Two spellings of one database are one store, and no server is contacted."""
    with Session(store_url="memory:") as session, pytest.raises(InputError, match="the same store"):
        store_copy(session, one, other)


def test_a_hard_link_is_the_same_store(path: str, tmp_path: Path) -> None:
    """Two names of one file are one store."""
    (tmp_path / "other.db").hardlink_to(path)
    with Session(store_url="memory:") as session, pytest.raises(InputError, match="the same store"):
        store_copy(session, path, str(tmp_path / "other.db"))


def test_a_copy_without_write_permission_is_an_error() -> None:
    """The error names a target that may not be written, and the target stays unchanged."""
    with tempfile.TemporaryDirectory(prefix="lineage-test-") as name:
        Path(name).chmod(0o755)  # every user of this machine can reach it
        source, folder = Path(name) / "graph.db", Path(name) / "shut"
        folder.mkdir()
        for path in (source, folder / "old.db"):
            with open_store(str(path)) as store:
                store.write(FAMILY if path == source else GraphBatch(models=(model("org/base"),)))
        before = lines(str(folder / "old.db"))
        for target in ("new.db", "old.db"):
            with Session(store_url="memory:") as session, without_rights(folder, folder / "old.db", source):
                with pytest.raises(LineageError) as caught:
                    store_copy(session, str(source), str(folder / target))
                assert target in caught.value.message
        assert [file.name for file in folder.iterdir()] == ["old.db"]
        assert lines(str(folder / "old.db")) == before


def test_a_file_that_is_not_a_dump_creates_no_store(path: str, tmp_path: Path) -> None:
    """For a compressed dump or a store the hint says what to do, and no store is created."""
    import gzip

    with Session(store_url=path) as session:
        store_export(session, "jsonl", tmp_path / "backup.jsonl")
    (tmp_path / "backup.jsonl.gz").write_bytes(gzip.compress((tmp_path / "backup.jsonl").read_bytes()))
    for name, hint in (("backup.jsonl.gz", "gunzip"), (path, "lineage store copy")):
        with Session(store_url=str(tmp_path / "new.db")) as session:
            with pytest.raises(InputError, match="not a dump of lineage") as caught:
                store_import(session, tmp_path / name)
            assert hint in str(caught.value.hint)
    assert not (tmp_path / "new.db").exists()


def test_edges_with_a_missing_end_are_counted(path: str, tmp_path: Path) -> None:
    """The answer counts edges with a missing end separately, and the digest covers them."""
    with Session(store_url="memory:") as session:
        before = store_copy(session, path, str(tmp_path / "one.db")).contents
        with open_store(path) as store:
            store.write(GraphBatch(revisions=(revision("org/base", "c0", "b0"),)))
        after = store_copy(session, path, str(tmp_path / "two.db")).contents
    assert (before.awaited, after.awaited) == (0, 1)
    assert before.edges == after.edges
    assert before.digest != after.digest


def test_a_backup_is_restored(path: str, tmp_path: Path) -> None:
    """An export fills an empty store, and the answer reports that both are equal."""
    with Session(store_url=path) as session:
        exported = store_export(session, "jsonl", tmp_path / "backup.jsonl")
        check_schema(exported)
    assert exported.command == f"lineage store import {tmp_path / 'backup.jsonl'} --store NEW"
    with Session(store_url=str(tmp_path / "new.db")) as session:
        imported = store_import(session, tmp_path / "backup.jsonl")
        check_schema(imported)
        assert imported.equal is True
        assert imported.contents == exported.contents
        assert store_import(session, tmp_path / "backup.jsonl").equal is None
    assert lines(str(tmp_path / "new.db")) == lines(path)


def test_a_backup_goes_through_a_pipe(path: str, tmp_path: Path) -> None:
    """A stream that cannot be read twice is buffered while it is checked."""
    out = io.BytesIO()
    with Session(store_url=path) as session:
        assert store_export(session, "jsonl", out).path == "-"

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("this is a pipe")

    with Session(store_url=str(tmp_path / "new.db")) as session:
        assert store_import(session, Pipe(out.getvalue())).equal is True


def test_an_export_replaces_a_file_atomically(path: str, tmp_path: Path) -> None:
    """A backup that fails leaves the earlier one unchanged, and no other file."""
    backup = tmp_path / "out" / "backup.jsonl"
    backup.parent.mkdir()
    backup.write_text("the earlier one", "utf-8")
    with Session(store_url=str(tmp_path / "none.db")) as session, pytest.raises(InputError, match="does not exist"):
        store_export(session, "jsonl", backup)
    assert backup.read_text("utf-8") == "the earlier one"
    with Session(store_url=path) as session:
        store_export(session, "jsonl", backup)
        with pytest.raises(InputError, match="could not be written"):
            store_export(session, "jsonl", tmp_path / "no/folder")
    assert [file.name for file in backup.parent.iterdir()] == ["backup.jsonl"]


def test_graphml_opens_in_networkx(path: str, tmp_path: Path) -> None:
    """The file has models, facts and the direction of descent; characters that XML cannot hold are replaced."""
    import networkx as nx

    with open_store(path) as store:
        store.write(GraphBatch(models=(model("org/odd", licence_name="a\x00b\x1b<&>"),)))
    with Session(store_url=path) as session:
        answer = store_export(session, "graphml", tmp_path / "graph.graphml")
        check_schema(answer)
    graph = nx.read_graphml(tmp_path / "graph.graphml")
    assert set(graph.edges) == {("you/tuned", "org/base"), ("you/merged", "you/tuned"), ("you/merged", "org/base")}
    assert graph.nodes["org/base"]["licence"] == "mit"
    assert graph.nodes["org/odd"]["licence_name"] == "a\ufffdb\ufffd<&>"
    assert graph.edges["you/tuned", "org/base"]["relation"] == "finetune"
    assert graph.edges["you/tuned", "org/base"]["evidence"] == 1
    assert (answer.contents.nodes, answer.contents.digest) == ({"Model": 4}, None)


def test_a_huge_graph_gets_a_note_about_memory(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a number of models a note names the memory that networkx will need."""
    from lineage.progress import Progress
    from lineage.store.moving import graphml

    class Listener(Progress):
        notes: tuple[str, ...] = ()

        def note(self, message: str) -> None:
            self.notes += (message,)

    monkeypatch.setattr(graphml, "MUCH", 6)
    listener = Listener()
    with Session(store_url=path, progress=listener) as session:
        store_export(session, "graphml", tmp_path / "graph.graphml")
    assert "6 models and edges is built in memory" in listener.notes[0]


def test_csv_files_come_with_their_command(path: str, tmp_path: Path) -> None:
    """The answer to an export for Neo4j lists every file, and the command names each of them."""
    with Session(store_url=path) as session:
        answer = store_export(session, "neo4j-csv", tmp_path / "csv")
        check_schema(answer)
        with pytest.raises(InputError, match="standard output"):
            store_export(session, "neo4j-csv", io.BytesIO())
    assert answer.command is not None
    assert all(Path(file).is_file() and file in answer.command for file in answer.files)
