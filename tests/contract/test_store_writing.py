"""The contract of every graph store: writing, and merging with what is stored."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lineage.store.aliases import key_of_alias
from lineage.store.records import record_of
from lineage_schemas.file import FileEntry
from lineage_schemas.file_node import FileNode
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.match_key import WeightsKeys
from lineage_schemas.model import ModelObservations, Observation
from lineage_schemas.next_version import NextVersion
from lineage_schemas.relatedness import Relatedness
from lineage_schemas.revision import Tree
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.graphs import (
    FAMILY,
    FULL_FAMILY,
    NOON,
    Stores,
    band,
    change,
    derivation,
    evidence,
    group,
    model,
    revision,
    sha,
    use,
)


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


def test_derivations_of_other_children_are_replaced_in_the_same_write(stores: Stores) -> None:
    """A base that arrives late may replace the edges of children that the batch does not write, in one transaction."""
    stores.write(FAMILY)
    stores.write(
        GraphBatch(
            models=(model("late/base", state="present"),),
            derivations=(
                derivation("you/tuned", "late/base", status="inferred"),
                derivation("you/merged", "you/tuned", relation="merge", status="confirmed"),
            ),
            replace_derivations_of=("you/tuned", "you/merged"),
        )
    )
    with stores.view() as view:
        found = [(edge.source, edge.target, edge.properties["status"]) for edge in view.all_edges("DERIVED_FROM")]
        assert found == [("you/merged", "you/tuned", "confirmed"), ("you/tuned", "late/base", "inferred")]
        assert [view.count("DERIVED_FROM", {"status": status}) for status in ("inferred", "declared")] == [1, 0]
        assert view.nodes("Model", ["you/tuned"])["you/tuned"]["licence"] == "apache-2.0"


def test_keys_of_weights_are_replaced_whole(stores: Stores) -> None:
    """Weights are found by the keys that were last written for them; another holder keeps its own."""
    stores.write(FULL_FAMILY, GraphBatch(match_keys=(WeightsKeys(weights="files.v1:2", keys=(band(1),)),)))
    again = WeightsKeys(weights="files.v1:1", keys=(band(2), band(3)))
    stores.write(GraphBatch(match_keys=(again,), replace_keys_of=("files.v1:1", "files.v1:none")))
    with stores.view() as view:
        pairs = view.neighbours("HAS_KEY", ["files.v1:1", "files.v1:2"], "out")
        assert pairs == [("files.v1:1", "band:2"), ("files.v1:1", "band:3"), ("files.v1:2", "band:1")]
        assert [row.key for row in view.find("MatchKey", {"family": "band"})] == ["band:1", "band:2", "band:3"]


@pytest.mark.parametrize("replaced", ["a/a", "b/b"])
def test_relations_are_replaced_at_either_end(stores: Stores, replaced: str) -> None:
    """Edges without an owner are deleted with either of their models, and those of other pairs stay."""
    pairs = (("a/a", "b/b"), ("a/a", "c/c"), ("b/b", "c/c"))
    stores.write(
        GraphBatch(
            related=tuple(Relatedness.of_pair(dict.fromkeys(pair), kind="sibling") for pair in pairs),
            next_versions=tuple(NextVersion(model=one, next=other, basis="name") for one, other in pairs),
        )
    )
    again = Relatedness.of_pair({"b/b": "1", "a/a": "2"}, kind="near_twin")
    stores.write(
        GraphBatch(related=(again,), replace_related_of=(replaced,), replace_next_versions_of=(replaced, "no/body"))
    )
    other = ("b/b", "c/c") if replaced == "a/a" else ("a/a", "c/c")
    with stores.view() as view:
        found = list(view.all_edges("RELATED_TO"))
        assert [(edge.source, edge.target) for edge in found] == [("a/a", "b/b"), other]
        assert record_of("RELATED_TO", found[0]) == again
        assert view.neighbours("NEXT_VERSION", ["a/a", "b/b", "c/c"], "out") == [other]
        assert (view.count("RELATED_TO", {"kind": "near_twin"}), view.count("RELATED_TO", {"kind": "sibling"})) == (
            1,
            1,
        )


def test_uses_of_a_product_are_replaced_whole(stores: Stores) -> None:
    """A product has the places that were last recorded; a model that only it names is known by name."""
    stores.write(FULL_FAMILY)
    places = (use("shop", "new/one", "a.py:1", selector="Q4_K_M", line=1), use("shop", "new/one", "b.py:2"))
    stores.write(GraphBatch(uses=(*places, use("bot", "new/one", "c.py:3")), replace_uses_of=("shop",)))
    with stores.view() as view:
        assert [record_of("USES", edge) for edge in view.edges("USES", ["shop", "bot"], "out")] == list(places)
        assert view.nodes("Model", ["new/one"])["new/one"]["state"] == "unknown"
        assert view.neighbours("USES", ["new/one"], "in") == [("shop", "new/one")] * 2, "bot is not stored yet"


def test_a_ref_that_was_read_before_does_not_move_back(stores: Stores) -> None:
    """Of two readings with dates the later one counts in any order, and the edge follows the target that stays."""
    earlier, later = (
        FAMILY.refs[0].model_copy(update={"target": target, "since": NOON + timedelta(days=day)})
        for target, day in (("c0", 0), ("c1", 1))
    )
    stores.write(FAMILY, GraphBatch(refs=(later,)), GraphBatch(refs=(earlier,)))
    with stores.view() as view:
        ref = "org/base@refs/heads/main"
        assert view.neighbours("POINTS_TO", [ref], "out") == [(ref, "org/base@c1")]
        found = view.nodes("Ref", [ref])[ref]
    assert (found["target"], [each["target"] for each in found["former"]]) == ("c1", ["c0"])


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


def test_evidence_is_dropped_unless_it_is_written_again(stores: Stores) -> None:
    """Dropped evidence is deleted; what the same batch writes, and the evidence that is not named, stay."""
    stores.write(FAMILY, GraphBatch(evidence=(evidence(3, "you/tuned", "org/base"),)))
    again = GraphBatch(evidence=(evidence(2, "you/merged", "you/tuned"),), drop_evidence=("e1", "e2", "none"))
    stores.write(again, again)
    with stores.view() as view:
        assert [row.key for row in view.all_nodes("Evidence")] == ["e2", "e3"]
        assert view.count("Evidence") == 2
    stores.write(FAMILY)
    with stores.view() as view:
        assert [row.key for row in view.find("Evidence", {"child": "you/tuned"})] == ["e1", "e3"]


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
        assert view.attachment_counts() == {"alias": 1, "text": 1}
    assert stores.store.info().attachments == {"alias": 1, "text": 1}
