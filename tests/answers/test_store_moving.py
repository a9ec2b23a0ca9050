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
<<<<<<< HEAD
=======


def test_a_collected_store_is_clean(tmp_path: Path) -> None:
    """A collection leaves no problems."""
    from lineage.answers.collect import collect

    folder = tmp_path / "hub/a/base"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\nbase_model: b/gone\n---\n", "utf-8")
    with Session(hub_selector=str(tmp_path / "hub"), store_url=str(tmp_path / "graph.db")) as session:
        collect(session, ["a/base"])
        answer = store_check(session)
        check_schema(answer)
    assert (answer.verdict, answer.counts, answer.findings) == ("clean", {}, ())


ZEROS = "files.v1:" + "0" * 64

OUT_OF_ORDER = Relatedness.of_pair({"a/b": None, "c/d": None}, kind="sibling").model_copy(
    update={"model": "c/d", "other": "a/b"}
)
"""A relation as another program may have written it."""

TUNED = (GroupWeights(revision="you/tuned@d1", group=group(), weights=ZEROS),)

FAULTS: dict[str, tuple[GraphBatch, str]] = {
    "model-key": (GraphBatch(models=(model("a/b").model_copy(update={"id": "x/y"}),)), "a/b"),
    "record-key": (
        GraphBatch(models=(model("a/b"),), revisions=(revision("a/b", "c1").model_copy(update={"commit": "c2"}),)),
        "a/b@c1",
    ),
    "invalid-record": (GraphBatch(models=(model("a/b").model_copy(update={"state": "weird"}),)), "a/b"),
    "head-without-revision": (GraphBatch(models=(model("a/b", head="c9"),)), "a/b"),
    "revision-without-model": (GraphBatch(revisions=(revision("no/body", "c0"),)), "no/body@c0"),
    "dangling-edge": (GraphBatch(models=(model("a/b"),), revisions=(revision("a/b", "c1", "c0"),)), "a/b@c1"),
    "ref-without-model": (GraphBatch(refs=FAMILY.refs), "org/base@refs/heads/main"),
    "change-without-model": (GraphBatch(changes=FAMILY.changes[:1]), "org/base@refs/heads/main:c0"),
    "change-of-unknown-revision": (
        GraphBatch(models=(model("org/base"),), changes=FAMILY.changes[:1]), "org/base@refs/heads/main:c0",
    ),
    "derivation-of-unknown-evidence": (
        GraphBatch(derivations=(derivation("a/b", "c/d", evidence=("e1",)),)), "a/b → c/d",
    ),
    "derivation-of-foreign-evidence": (
        GraphBatch(derivations=(derivation("a/b", "c/d", evidence=("e1",)),), evidence=(evidence(1, "c/d", "a/b"),)),
        "a/b → c/d",
    ),
    "relation-of-unknown-evidence": (
        GraphBatch(next_versions=(NextVersion(model="a/b", next="c/d", basis="name", evidence=("e1",)),)),
        "a/b NEXT_VERSION c/d",
    ),
    "relation-out-of-order": (GraphBatch().model_copy(update={"related": (OUT_OF_ORDER,)}), "c/d RELATED_TO a/b"),
    "match-key": (
        GraphBatch(match_keys=(WeightsKeys(weights=ZEROS, keys=(MatchKey(key="norm:1", family="band"),)),)), "norm:1",
    ),
    "weights-without-file": (
        FAMILY.model_copy(update={"trees": FAMILY.trees[1:], "group_weights": TUNED}), "you/tuned@d1",
    ),
    "evidence-without-model": (GraphBatch(evidence=(evidence(1, "a/b", "c/d"),)), "e1"),
    "digest-format": (GraphBatch(weights=(Weights(key=ZEROS, layout="md5:1"),)), ZEROS),
    "attachment-content": (
        GraphBatch(attachments=(Attachment(kind="text", key="sha256:" + "0" * 64, data=b"x"),)), "sha256:" + "0" * 64,
    ),
    "attachment-of-nothing": (GraphBatch(attachments=(Attachment(kind="tensors", key=ZEROS, data=TABLE),)), ZEROS),
    "alias-to-nothing": (GraphBatch(attachments=(Attachment(kind="alias", key="old/b", data=b"a/b"),)), "old/b"),
}  # fmt: skip


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found(rule: str, tmp_path: Path) -> None:
    """Each rule finds its problem and names the row."""
    batch, about = FAULTS[rule]
    with Session(store_url=str(tmp_path / "graph.db")) as session:
        session.store.write(batch)
        answer = store_check(session)
        check_schema(answer)
    assert answer.verdict == "findings"
    assert about in [finding.about for finding in answer.findings if finding.id == rule]


def test_an_edge_that_is_missing_is_found(tmp_path: Path) -> None:
    """A row whose edge to the row that it names is missing is a finding."""
    from lineage.store.sqlite.store import SqliteStore

    with SqliteStore(tmp_path / "graph.db") as store:
        store.write(FAMILY)
    import sqlite3

    with sqlite3.connect(tmp_path / "graph.db") as connection:
        for table in ("has_revision", "has_parent", "points_to", "has_change", "published_by"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    with Session(store_url=str(tmp_path / "graph.db")) as session:
        answer = store_check(session)
    missing = {finding.message.split()[3] for finding in answer.findings if finding.id == "missing-edge"}
    assert missing == {"HAS_REVISION", "HAS_PARENT", "POINTS_TO", "HAS_CHANGE", "PUBLISHED_BY"}


GONE = "org/base@" + "f" * 40


@pytest.mark.parametrize("incomplete", [None, "a shallow clone"])
@pytest.mark.parametrize("kind", ["CONTAINS", "HAS_WEIGHTS"])
def test_edges_of_an_unknown_commit_are_found(path: str, kind: str, incomplete: str | None) -> None:
    """Files and weights of a missing commit are reported once, unless the history was not read in full."""
    entries = tuple(FileEntry(path=f"{n}.bin", blob_id=f"{n:040x}", size=3) for n in range(1_200))
    hanging = {
        "CONTAINS": GraphBatch(trees=(Tree(revision=GONE, entries=entries),)),
        "HAS_WEIGHTS": GraphBatch(group_weights=(GroupWeights(revision=GONE, group=group(), weights=ZEROS),)),
    }
    with Session(store_url=path) as session:
        session.store.write(GraphBatch(models=(model("org/base", head="c1", history_incomplete=incomplete),)))
        before = store_check(session).findings
        session.store.write(hanging[kind])
        found = [finding for finding in store_check(session).findings if finding not in before]
    assert [(finding.id, finding.about) for finding in found] == ([] if incomplete else [("dangling-edge", GONE)])
    assert all(f"it has a {kind} edge to " in finding.message for finding in found)


@pytest.mark.parametrize(
    ("kind", "key", "edges"),
    [
        ("Revision", "org/base@c1", {"HAS_REVISION", "HAS_PARENT", "CONTAINS", "HAS_WEIGHTS"}),
        ("Change", "org/base@refs/heads/main:c0", {"HAS_CHANGE"}),
        ("File", f"gitblob:{'a' * 40}", {"CONTAINS"}),
        ("Model", "you/merged", {"DERIVED_FROM"}),
    ],
)
def test_edges_of_a_deleted_node_are_found(path: str, kind: NodeKind, key: str, edges: set[str]) -> None:
    """Every edge to or from a node that no longer exists is reported."""
    import sqlite3

    with sqlite3.connect(path) as connection:
        stored = pack_key(kind, key)
        assert connection.execute(f"UPDATE {kind.lower()} SET body = NULL WHERE key = ?", (stored,)).rowcount == 1
    connection.close()
    with Session(store_url=path) as session:
        found = [each for each in store_check(session).findings if (each.id, each.about) == ("dangling-edge", key)]
    assert {finding.message.split()[3] for finding in found} == edges


def test_many_faults_are_counted_and_a_few_are_listed(tmp_path: Path) -> None:
    """A store with very many problems gives a short answer with the full counts."""
    with Session(store_url=str(tmp_path / "graph.db")) as session:
        number = LISTED + 50
        session.store.write(GraphBatch(models=tuple(model(f"a/m{n}", head="gone") for n in range(number))))
        answer = store_check(session)
    assert answer.counts == {"head-without-revision": number}
    assert len(answer.findings) == LISTED


def test_every_rule_is_documented() -> None:
    """The reference page lists exactly the ids that findings can have."""
    import re

    from tests.support.shared import ROOT

    files = ("checking.py", "checking_attachments.py", "faults.py")
    code = "".join((ROOT / "lineage/store" / file).read_text("utf-8") for file in files)
    ids = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', code))
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    section = page.partition("### `lineage store check`")[2].partition("\n### ")[0]
    assert (
        set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))
        == ids
        == {*FAULTS, "missing-edge", "duplicate-key", "damaged-file", "unreadable-rows"}
    )
>>>>>>> stores
