"""The contract of every graph store: writing, and merging with what is stored."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lineage.store.aliases import key_of_alias
from lineage_schemas.file import FileEntry, FileNode
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.model import ModelObservations, Observation
from lineage_schemas.revision import Tree
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.graphs import FAMILY, NOON, Stores, change, derivation, evidence, group, model, revision, sha


def test_the_same_batch_twice_changes_nothing(stores: Stores) -> None:
    """Writing a stored batch again leaves the graph as it was."""
    stores.write(FAMILY)
    before = stores.dump()
    stores.write(FAMILY, FAMILY)
    assert stores.dump() == before


def test_a_model_replaces_what_was_known(stores: Stores) -> None:
    """A model that is written again has its newest values and publisher, and keeps its aliases."""
    stores.write(GraphBatch(models=(model("a/b", licence="mit", aliases=("b",), publisher="a", head="1"),)))
    stores.write(GraphBatch(models=(model("a/b", aliases=("old",), publisher="c"),)))
    with stores.view() as view:
        node = view.nodes("Model", ["a/b"])["a/b"]
        assert (node["licence"], node["head"], node["aliases"]) == (None, None, ["b", "old"])
        assert view.neighbours("PUBLISHED_BY", ["a/b"], "out") == [("a/b", "c")]


def test_other_names_lead_to_the_model(stores: Stores) -> None:
    """Every alias of a model leads to its key, also where only its name is known."""
    stores.write(GraphBatch(models=(model("a/b", aliases=("b",)),), stubs=(model("c/d", aliases=("d",)),)))
    with stores.view() as view:
        found = [key_of_alias(view, "huggingface.co", name) for name in ("b", "d", "a/b")]
        assert found == ["a/b", "c/d", None]
        assert key_of_alias(view, "dir-x-1", "b") is None


def test_observations_stay_until_newer_ones_come(stores: Stores) -> None:
    """Each observation is the newest one, in whatever order they are written."""

    def seen(hours: int, **values: int) -> GraphBatch:
        at = NOON + timedelta(hours=hours)
        observed = {name: Observation(value=value, observed_at=at) for name, value in values.items()}
        return GraphBatch(models=(model("a/b", observations=ModelObservations.model_validate(observed)),))

    stores.write(seen(2, downloads=20), seen(1, downloads=10, likes=1), seen(3))
    with stores.view() as view:
        kept = view.nodes("Model", ["a/b"])["a/b"]["observations"]
    assert (kept["downloads"]["value"], kept["likes"]["value"], kept["gated"]) == (20, 1, None)


def test_stubs_give_way(stores: Stores) -> None:
    """A stub never overwrites a record or another stub's aliases; a record replaces a stub."""
    stores.write(GraphBatch(stubs=(model("a/b", state="missing"),)), GraphBatch(stubs=(model("a/b"),)))
    with stores.view() as view:
        assert view.nodes("Model", ["a/b"])["a/b"]["state"] == "missing"
    stores.write(GraphBatch(models=(model("a/b", state="present"),)), GraphBatch(stubs=(model("a/b"),)))
    with stores.view() as view:
        assert view.nodes("Model", ["a/b"])["a/b"]["state"] == "present"


def test_stubs_know_more_than_an_edge(stores: Stores) -> None:
    """A stub describes a model that an edge named first; aliases are always kept."""
    stores.write(GraphBatch(derivations=(derivation("a/b", "c/d"),)))
    stores.write(GraphBatch(stubs=(model("c/d", state="gated"), model("a/b", aliases=("b",)))))
    stores.write(GraphBatch(models=(model("a/b", state="present"),), stubs=(model("c/d", aliases=("d",)),)))
    with stores.view() as view:
        found = view.nodes("Model", ["a/b", "c/d"])
        told = {key: (node["state"], node["aliases"]) for key, node in found.items()}
    assert told == {"a/b": ("present", ["b"]), "c/d": ("gated", ["d"])}


def test_weights_are_filled_as_levels_rise(stores: Stores) -> None:
    """A shallower reading removes nothing that a deeper one found."""
    deep = Weights(key="files.v1:1", level="full", weights="weights.v1:1", layout="layout.v1:1", dtypes={"F32": 2})
    stores.write(GraphBatch(weights=(deep,)))
    stores.write(GraphBatch(weights=(Weights(key="files.v1:1", level="header", parameter_count=5),)))
    with stores.view() as view:
        node = view.nodes("Weights", ["files.v1:1"])["files.v1:1"]
    assert Weights(key="files.v1:1", **node) == deep.model_copy(update={"parameter_count": 5})


def test_files_learn_their_other_name(stores: Stores) -> None:
    """A file keeps its size and the smaller of its git ids, in whatever order they are written."""
    key = f"sha256:{sha(7)}"
    stores.write(*(GraphBatch(files=(FileNode(key=key, size=s, alias=a),)) for s, a in ((5, "b" * 40), (None, None))))
    stores.write(GraphBatch(files=(FileNode(key=key, alias="a" * 40),)))
    stores.write(GraphBatch(files=(FileNode(key=key, alias="c" * 40),)))
    with stores.view() as view:
        assert view.nodes("File", [key])[key] == {"size": 5, "alias": "a" * 40}


def test_a_file_is_named_by_its_content(stores: Stores) -> None:
    """A key that is not a hash is refused before anything is written."""
    with pytest.raises(ValueError, match="sha256:zz"):
        stores.store.write(GraphBatch(models=(model("a/b"),), files=(FileNode(key="sha256:zz"),)))
    assert stores.dump() == []


def test_evidence_is_written_once(stores: Stores) -> None:
    """Stored evidence is not changed by a later write."""
    first = evidence(1, "a/b", "c/d")
    stores.write(GraphBatch(evidence=(first,)), GraphBatch(evidence=(first.model_copy(update={"value": "other"}),)))
    with stores.view() as view:
        assert view.nodes("Evidence", ["e1"])["e1"]["value"] == "c/d"


def test_a_ref_moves(stores: Stores) -> None:
    """A ref points at one revision: the last one written."""
    for target in ("c0", "c1"):
        moved = FAMILY.refs[0].model_copy(update={"target": target})
        stores.write(FAMILY.model_copy(update={"refs": (moved,)}))
    with stores.view() as view:
        ref = "org/base@refs/heads/main"
        assert view.neighbours("POINTS_TO", [ref], "out") == [(ref, "org/base@c1")]
        assert view.neighbours("POINTS_TO", ["org/base@c0"], "in") == []


def test_trees_and_groups_replace_their_edges(stores: Stores) -> None:
    """A tree or group that is read again with better keys leaves no edge to the former ones."""
    stores.write(FAMILY)
    better = (FileEntry(path="README.md", sha256=sha(5)),)
    other = (GroupWeights(revision="org/base@c1", group=group("onnx/model.onnx"), weights="files.v1:3"),)
    stores.write(
        GraphBatch(
            trees=(Tree(revision="org/base@c1", entries=better),),
            group_weights=(GroupWeights(revision="org/base@c1", group=group(), weights="files.v1:2"), *other),
        )
    )
    with stores.view() as view:
        assert [e.target for e in view.edges("CONTAINS", ["org/base@c1"], "out")] == [f"sha256:{sha(5)}"]
        placed = [(e.name, e.target) for e in view.edges("HAS_WEIGHTS", ["org/base@c1"], "out")]
        assert placed == [("model.safetensors", "files.v1:2"), ("onnx/model.onnx", "files.v1:3")]
        assert view.nodes("Weights", ["files.v1:2"])["files.v1:2"]["level"] == "metadata"


def test_derivations_of_a_child_are_replaced_whole(stores: Stores) -> None:
    """A named child has the edges of the batch; other children's edges and all evidence stay."""
    stores.write(FAMILY)
    again = derivation("you/merged", "org/new", relation="merge")
    stores.write(GraphBatch(derivations=(again,), replace_derivations_of=("you/merged",)))
    with stores.view() as view:
        pairs = [(edge.source, edge.target) for edge in view.all_edges("DERIVED_FROM")]
        assert pairs == [("you/merged", "org/new"), ("you/tuned", "org/base")]
        assert view.count("Evidence") == 2
    stores.write(GraphBatch(replace_derivations_of=("you/merged", "you/tuned", "nobody/x")))
    with stores.view() as view:
        assert view.count("DERIVED_FROM") == 0


def test_both_ends_of_a_derivation_are_known_by_name(stores: Stores) -> None:
    """A DERIVED_FROM edge always has both ends: a model without a record gets a stub with its Hub."""
    stores.write(GraphBatch(derivations=(derivation("dir-x-1:a/b", "c/d"),)))
    with stores.view() as view:
        found = view.nodes("Model", ["dir-x-1:a/b", "c/d"])
        told = {key: (node["hub"], node["id"], node["state"]) for key, node in found.items()}
    assert told == {"c/d": ("huggingface.co", "c/d", "unknown"), "dir-x-1:a/b": ("dir-x-1", "a/b", "unknown")}


def test_changes_of_a_model_are_replaced_whole(stores: Stores) -> None:
    """Changes that are not written again are deleted; those of other models stay."""
    stores.write(FAMILY, GraphBatch(changes=(change("you/tuned", "d1"),)))
    stores.write(GraphBatch(changes=(change("org/base", "c1"),), replace_changes_of=("org/base", "nobody/x")))
    with stores.view() as view:
        assert [row.key for row in view.find("Change", {"model": "org/base"})] == ["org/base@refs/heads/main:c1"]
        assert view.count("HAS_CHANGE") == view.count("Change") == 2


def test_edges_wait_for_their_ends(stores: Stores) -> None:
    """An unknown parent commit adds no node; once it is written, the edge is there."""
    stores.write(GraphBatch(revisions=(revision("a/b", "c2", "c1"),)))
    with stores.view() as view:
        assert view.neighbours("HAS_PARENT", ["a/b@c2"], "out") == []
        assert view.neighbours("HAS_PARENT", ["a/b@c1"], "in") == []
        assert list(view.edges("HAS_REVISION", ["a/b"], "out")) == list(view.all_edges("HAS_PARENT")) == []
        assert view.nodes("Revision", ["a/b@c1"]) == view.nodes("Model", ["a/b"]) == {}
        assert [row.key for row in view.all_nodes("Revision")] == ["a/b@c2"]
        assert [row.key for row in view.find("Revision", {"model": None})] == []
        assert (view.count("Revision"), view.count("HAS_PARENT"), view.count("Model")) == (1, 0, 0)
    stores.write(GraphBatch(revisions=(revision("a/b", "c1"),)), GraphBatch(models=(model("a/b"),)))
    with stores.view() as view:
        assert view.neighbours("HAS_PARENT", ["a/b@c2"], "out") == [("a/b@c2", "a/b@c1")]
        assert (view.count("HAS_PARENT"), view.count("HAS_REVISION")) == (1, 2)


def test_attachments_keep_the_newest(stores: Stores) -> None:
    """Bytes come back as they were; the same key with another kind is another attachment."""
    stores.write(GraphBatch(attachments=(Attachment(kind="text", key="k", data=b"old"),)))
    stores.write(
        GraphBatch(
            attachments=(
                Attachment(kind="text", key="k", data=b"\x00\xff"),
                Attachment(kind="alias", key="k", data=b""),
            )
        )
    )
    with stores.view() as view:
        assert view.attachment("text", "k") == b"\x00\xff"
        assert view.attachment("tensors", "k") is None
        assert list(view.all_attachments()) == [("alias", "k", b""), ("text", "k", b"\x00\xff")]
