"""The contract of every graph store: deleting models."""

from __future__ import annotations

from lineage_schemas.graph_batch import Attachment, GraphBatch
from tests.support.graphs import FAMILY, Stores, derivation, model


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
