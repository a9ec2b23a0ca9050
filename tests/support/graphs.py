"""Stores under test, and a small family of records to put into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lineage.fingerprint.tensor_table import TensorRow, pack_tensors
from lineage.store.interface import GraphStore, StoreView
from lineage.store.open import open_store
from lineage_schemas.change import Change
from lineage_schemas.derivation import Derivation
from lineage_schemas.evidence import Evidence
from lineage_schemas.file import FileEntry
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.ids import change_key, match_key
from lineage_schemas.match_key import MatchKey, WeightsKeys
from lineage_schemas.model import FirstFacts, Model
from lineage_schemas.next_version import NextVersion
from lineage_schemas.pointer import Pointer
from lineage_schemas.product import Product, Use
from lineage_schemas.ref import FormerTarget, Ref
from lineage_schemas.relatedness import Relatedness
from lineage_schemas.revision import Revision, Tree
from lineage_schemas.weight_group import WeightGroup
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.dump import dump

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

Reopen = Callable[[GraphStore], GraphStore]


def stay(store: GraphStore) -> GraphStore:
    """Go on with the store as it is."""
    return store


def close_and_open(store: GraphStore) -> GraphStore:
    """Go on with a store that was closed and opened anew."""
    store.close()
    return open_store(store.url)


BACKENDS: dict[str, tuple[Callable[[Path], str], Reopen]] = {
    "memory": (lambda folder: "memory:", stay),
    "sqlite": (lambda folder: str(folder / "graph.db"), stay),
    "sqlite-reopened": (lambda folder: f"sqlite:///{folder / 'graph.db'}", close_and_open),
}
"""How each backend makes the URL of an empty store, and what happens between a write and the next look."""


class Stores:
    """Hold the store under test; `write` and `look` go on with what `reopen` gives."""

    def __init__(self, url: str, reopen: Reopen) -> None:
        self.store, self._reopen = open_store(url), reopen

    @property
    def keeps_views(self) -> bool:
        """Say whether a view stays as it was opened: Neo4j has no snapshots."""
        return self.store.info().backend != "neo4j"

    def write(self, *batches: GraphBatch) -> None:
        """Write batches, one transaction each."""
        for batch in batches:
            self.store.write(batch)
        self.store = self._reopen(self.store)

    @contextmanager
    def view(self) -> Iterator[StoreView]:
        """Look at the graph."""
        with self.store.reading() as view:
            yield view

    def dump(self) -> list[str]:
        """Write the graph as lines."""
        with self.view() as view:
            return list(dump(view))


def model(key: str, **fields: object) -> Model:
    """Make a model on huggingface.co."""
    return Model.model_validate({"key": key, "hub": "huggingface.co", "id": key, **fields})


def revision(model_key: str, commit: str, *parents: str) -> Revision:
    """Make a commit."""
    return Revision(key=f"{model_key}@{commit}", model=model_key, commit=commit, parents=parents)


def change(model_key: str, start: str, verdict: str = "silent") -> Change:
    """Make a change that begins at a commit."""
    fields = {"revisions": (start,), "base": None, "start": NOON, "end": NOON, "kind": "retrained", "groups": ()}
    key = change_key(model_key, "refs/heads/main", start)
    known = {"key": key, "model": model_key, "branch": "refs/heads/main", "verdict": verdict, "counts": True}
    return Change.model_validate({**known, **fields})


def derivation(child: str, parent: str, **fields: object) -> Derivation:
    """Make an edge of descent."""
    return Derivation.model_validate({"child": child, "parent": parent, **fields})


def evidence(number: int, child: str, parent: str) -> Evidence:
    """Make a finding about a child."""
    return Evidence(
        id=f"e{number}", rule="card.base_model", child=child, parent=parent, supports=True, value=parent,
        pointer=Pointer(model=child, file="README.md"),
    )  # fmt: skip


def sha(number: int) -> str:
    """Make the hex digits of a SHA-256."""
    return f"{number:064x}"


def group(name: str = "model.safetensors") -> WeightGroup:
    """Make a weight group of one file."""
    return WeightGroup(name=name, format="safetensors", files=(name,), main=True)


def band(number: int) -> MatchKey:
    """Make a match key."""
    return MatchKey(key=match_key("band", f"{number}"), family="band")


def use(product: str, model_key: str, place: str, **fields: object) -> Use:
    """Make a place of a product that names a model."""
    return Use.model_validate({"product": product, "model": model_key, "place": place, "grade": "certain", **fields})


TABLE = pack_tensors([TensorRow("w", "F32", (2, 2), None, "model.safetensors")])

FAMILY = GraphBatch(
    models=(
        model("org/base", publisher="org", licence="mit", state="present", head="c1"),
        model("you/tuned", publisher="you", licence="apache-2.0", state="present", head="d1"),
    ),
    stubs=(model("you/merged"),),
    refs=(Ref(key="org/base@refs/heads/main", model="org/base", name="refs/heads/main", kind="branch", target="c1"),),
    revisions=(revision("org/base", "c0"), revision("org/base", "c1", "c0"), revision("you/tuned", "d1")),
    trees=(
        Tree(
            revision="org/base@c1",
            entries=(
                FileEntry(path="README.md", blob_id="a" * 40, size=5),
                FileEntry(path="model.safetensors", blob_id="b" * 40, sha256=sha(1), size=10, xet_hash="x"),
            ),
        ),
        Tree(revision="you/tuned@d1", entries=(FileEntry(path="README.md", blob_id="a" * 40, size=5),)),
    ),
    weights=(Weights(key="files.v1:1", level="header", layout="layout.v1:9"),),
    group_weights=(GroupWeights(revision="org/base@c1", group=group(), weights="files.v1:1"),),
    changes=(change("org/base", "c0"), change("org/base", "c1", "versioned")),
    evidence=(evidence(1, "you/tuned", "org/base"), evidence(2, "you/merged", "you/tuned")),
    derivations=(
        derivation("you/tuned", "org/base", relation="finetune", evidence=("e1",)),
        derivation("you/merged", "you/tuned", relation="merge"),
        derivation("you/merged", "org/base"),
    ),
    attachments=(
        Attachment(kind="text", key=f"gitblob:{'a' * 40}", data=b"# Hi"),
        Attachment(kind="tensors", key="files.v1:1", data=TABLE),
    ),
)
"""A base with a history, a model made from it, and a third one of which only the name is known."""

BEFORE = NOON - timedelta(days=9)

FULL_FAMILY = FAMILY.model_copy(
    update={
        "models": (
            *FAMILY.models,
            model(
                "org/moved",
                publisher="org",
                first=FirstFacts(created=BEFORE, owner="org", observed_at=BEFORE),
                former_identities=(FirstFacts(owner="else", root_commit="r0", observed_at=BEFORE),),
                single_folder=False,
            ),
        ),
        "refs": (
            Ref(
                key="org/base@refs/heads/main",
                model="org/base",
                name="refs/heads/main",
                kind="branch",
                target="c1",
                since=NOON,
                former=(FormerTarget(target="c0", first_read=BEFORE, last_read=BEFORE),),
            ),
        ),
        "revisions": (*FAMILY.revisions, revision("org/base", "c2", "c1").model_copy(update={"category": "Training"})),
        "weights": (*FAMILY.weights, Weights(key="files.v1:2", arch="arch.v1:1", sketch="sketch.v1")),
        "evidence": (
            *FAMILY.evidence,
            evidence(3, "you/tuned", "org/base").model_copy(
                update={"score": 0.5, "weights_child": "files.v1:2", "weights_parent": "files.v1:1"}
            ),
        ),
        "match_keys": (WeightsKeys(weights="files.v1:1", keys=(band(1), band(2))),),
        "related": (Relatedness.of_pair({"you/tuned": "d1", "you/merged": None}, kind="sibling", evidence=("e1",)),),
        "next_versions": (NextVersion(model="org/base", next="you/tuned", basis="declared", evidence=("e1",)),),
        "products": (Product(key="shop", name="shop", path="/src/shop", recorded_at=NOON),),
        "uses": (
            use("shop", "org/base", "app.py:3:9", revision="c1", pinned=True),
            use("shop", "you/tuned", "app.py:7:9"),
        ),
        "attachments": (*FAMILY.attachments, Attachment(kind="sketch", key="files.v1:1", data=b"\xff\x00")),
    }
)
"""The family with every kind of node, edge and attachment, and with former values of refs and models."""

AWAITING = GraphBatch(
    refs=(Ref(key="org/base@refs/tags/v1", model="org/base", name="refs/tags/v1", kind="tag", target="b0"),),
    revisions=(revision("org/base", "c0", "b0", "a0"), revision("some/other", "o1")),
    trees=(Tree(revision="org/base@b0", entries=(FileEntry(path="README.md", blob_id="a" * 40, size=5),)),),
    group_weights=(GroupWeights(revision="org/base@b0", group=group(), weights="files.v1:1"),),
)
"""Edges that wait for an end, beside `FAMILY`: sources, targets and models that are not there, with properties too."""
