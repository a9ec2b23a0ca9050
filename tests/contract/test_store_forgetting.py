"""The contract of every graph store: deleting models."""

from __future__ import annotations

from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.match_key import WeightsKeys
from lineage_schemas.next_version import NextVersion
from lineage_schemas.product import Product
from lineage_schemas.relatedness import Relatedness
from lineage_schemas.weights import Weights
from tests.support.graphs import FAMILY, NOON, Stores, band, derivation, model, use


def test_forgotten_models_leave_nothing(stores: Stores) -> None:
    """Deleting every model leaves an empty store."""
    stores.write(FAMILY)
    stores.store.erase(["org/base", "you/tuned", "you/merged"])
    stores.write()
    assert stores.dump() == []


def test_forgotten_models_take_only_their_own(stores: Stores) -> None:
    """Shared files, their texts, and the names of models that others derive from are kept."""
    stores.write(FAMILY)
    stores.store.erase(["org/base", "nobody/x"])
    stores.write()
    with stores.view() as view:
        stub = view.nodes("Model", ["org/base"])["org/base"]
        assert (stub["state"], stub["head"], stub["licence"], stub["publisher"]) == ("unknown", None, None, None)
        assert view.neighbours("DERIVED_FROM", ["org/base"], "in") == [
            ("you/merged", "org/base"), ("you/tuned", "org/base"),
        ]  # fmt: skip
        assert [row.key for row in view.all_nodes("File")] == [f"gitblob:{'a' * 40}"]
        assert view.attachment("text", f"gitblob:{'a' * 40}") == b"# Hi"
        assert view.attachment("tensors", "files.v1:1") is None
        assert [row.key for row in view.all_nodes("Publisher")] == ["you"]
        assert [row.key for row in view.all_nodes("Revision")] == ["you/tuned@d1"]
        assert view.count("Weights") == view.count("Ref") == view.count("Change") == 0
        assert view.count("Evidence") == 2


def test_forgetting_a_child_forgets_its_edges(stores: Stores) -> None:
    """A child's evidence and edges go with it, and parents that only it had named."""
    named = GraphBatch(derivations=(derivation("you/tuned", "only/named"), derivation("you/merged", "also/named")))
    stores.write(FAMILY, named)
    stores.store.erase(["you/tuned"])
    stores.write()
    with stores.view() as view:
        assert sorted(view.nodes("Model", ["only/named", "also/named", "you/tuned", "org/base"])) == [
            "also/named", "org/base", "you/tuned",
        ]  # fmt: skip
        assert view.neighbours("DERIVED_FROM", ["you/tuned"], "out") == []
        assert [row.key for row in view.find("Evidence", {})] == ["e2"]


def test_forgetting_takes_other_names_along(stores: Stores) -> None:
    """The aliases of a model are deleted with it."""
    foreign = Attachment(kind="alias", key="c", data=b"x/c")
    stores.write(GraphBatch(models=(model("a/b", aliases=("b", "c")),), attachments=(foreign,)))
    stores.store.erase(["a/b"])
    stores.write()
    with stores.view() as view:
        assert list(view.all_attachments()) == [("alias", "c", b"x/c")]


def test_forgetting_a_model_takes_its_relatives_and_keys(stores: Stores) -> None:
    """Relations go with either model, match keys and sketches with the last weights that have them."""
    keys = (band(1), band(2))
    stores.write(
        FAMILY,
        GraphBatch(
            match_keys=(WeightsKeys(weights="files.v1:1", keys=keys), WeightsKeys(weights="files.v1:2", keys=keys[:1])),
            weights=(Weights(key="files.v1:2"),),
            related=(Relatedness.of_pair({"org/base": None, "a/other": None}, kind="sibling"),),
            attachments=(Attachment(kind="sketch", key="files.v1:1", data=b"\xff"),),
        ),
    )
    stores.store.erase(["org/base"])
    stores.write()
    with stores.view() as view:
        assert view.nodes("Model", ["org/base"])["org/base"]["state"] == "unknown", "others derive from it"
        assert view.count("RELATED_TO") == 0
        assert view.attachment("sketch", "files.v1:1") is None
        assert [row.key for row in view.all_nodes("MatchKey")] == ["band:1"]
        assert view.neighbours("HAS_KEY", ["files.v1:2"], "out") == [("files.v1:2", "band:1")]


def test_a_model_that_another_version_or_a_product_names_stays_by_name(stores: Stores) -> None:
    """A later version stays named by the earlier one, and a used model by its product, until these go too."""
    stores.write(
        GraphBatch(
            models=(model("a/v1", head="1"), model("a/v2", head="2"), model("a/used", head="3")),
            next_versions=(NextVersion(model="a/v1", next="a/v2", basis="name"),),
            products=(Product(key="shop", name="shop", recorded_at=NOON),),
            uses=(use("shop", "a/used", "app.py:1"), use("shop", "only/named", "app.py:2")),
        )
    )
    stores.store.erase(["a/v2", "a/used"])
    stores.write()
    with stores.view() as view:
        found = view.nodes("Model", ["a/v1", "a/v2", "a/used"])
        assert {key: node["head"] for key, node in found.items()} == {"a/used": None, "a/v1": "1", "a/v2": None}
        assert view.neighbours("NEXT_VERSION", ["a/v1"], "out") == [("a/v1", "a/v2")]
    stores.store.erase(["a/v1"], ["shop", "no/product"])
    stores.write()
    assert stores.dump() == []
