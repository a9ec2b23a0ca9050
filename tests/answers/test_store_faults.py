"""What `store check` finds: every kind of fault, each in a store that has it."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from lineage.answers.session import Session
from lineage.answers.store import LISTED, store_check
from lineage.store.graph import NodeKind
from lineage.store.open import open_store
from lineage.store.sqlite.keys import pack_key
from lineage_schemas.export import json_schema
from lineage_schemas.file import FileEntry
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.match_key import MatchKey, WeightsKeys
from lineage_schemas.next_version import NextVersion
from lineage_schemas.record import Record
from lineage_schemas.relatedness import Relatedness
from lineage_schemas.revision import Tree
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.graphs import FAMILY, TABLE, derivation, evidence, group, model, revision

pytestmark = pytest.mark.slow


def check_schema(answer: Record) -> None:
    """Validate an answer against its schema, as JSON."""
    shown = answer.model_dump(mode="json", by_alias=True)
    jsonschema.validate(shown, json_schema(shown["schema"]))


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Fill a store in a file with a small family."""
    with open_store(str(tmp_path / "graph.db")) as store:
        store.write(FAMILY)
    return str(tmp_path / "graph.db")


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
        GraphBatch(
            trees=FAMILY.trees[1:],
            group_weights=(GroupWeights(revision="you/tuned@d1", group=group(), weights=ZEROS),),
            revisions=FAMILY.revisions,
        ),
        "you/tuned@d1",
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

    files = ("rules.py", "attachments.py", "faults.py")
    code = "".join((ROOT / "lineage/store/checking" / file).read_text("utf-8") for file in files)
    ids = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', code))
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    section = page.partition("### `lineage store check`")[2].partition("\n### ")[0]
    assert (
        set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))
        == ids
        == {*FAULTS, "missing-edge", "duplicate-key", "damaged-file", "unreadable-rows"}
    )
