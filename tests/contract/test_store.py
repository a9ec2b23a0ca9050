"""The contract of every graph store: reading."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lineage.query.paths import paths
from lineage.query.walk import Walk, ancestors, descendants
from lineage.store import merging
from lineage.store.graph import EdgeRow, NodeKind, NodeRow
from lineage.store.interface import StoreView
from lineage.store.open import open_store
from lineage.store.records import record_of
from lineage.store.rows import Rows
from lineage_schemas.file import FileEntry
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.match_key import WeightsKeys
from lineage_schemas.model import ModelObservations, Observation
from lineage_schemas.record import Record
from lineage_schemas.revision import Tree
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.dump import dump
from tests.support.edge_list import EdgeList
from tests.support.graphs import FAMILY, NOON, Stores, band, derivation, group, model, revision, sha


def test_an_empty_store_answers(stores: Stores) -> None:
    """Before anything is written, every query has an empty result."""
    with stores.view() as view:
        assert view.nodes("Model", ["a/b"]) == {}
        assert list(view.find("Model", {"licence": "mit"})) == []
        assert list(view.edges("DERIVED_FROM", ["a/b"], "out")) == []
        assert view.count("CONTAINS") == view.count("Model", {"state": "present"}) == 0
        assert view.attachment("text", "k") is None
    assert stores.dump() == []
    assert set(stores.store.info().nodes.values()) == {0}


def test_records_come_back_as_they_were(stores: Stores) -> None:
    """A stored node decodes to the record that was written."""
    stores.write(FAMILY)
    with stores.view() as view:
        for kind, records in (
            ("Model", (*FAMILY.models, *FAMILY.stubs)), ("Ref", FAMILY.refs), ("Revision", FAMILY.revisions),
            ("Weights", FAMILY.weights), ("Change", FAMILY.changes),
        ):  # fmt: skip
            for record in records:
                assert _record(view, kind, record.key) == record  # type: ignore[arg-type]
        assert _record(view, "Evidence", "e1") == FAMILY.evidence[0]


def _record(view: StoreView, kind: NodeKind, key: str) -> Record:
    return record_of(kind, NodeRow(key, view.nodes(kind, [key])[key]))


def test_nodes_leave_out_what_is_not_there(stores: Stores) -> None:
    """Unknown keys are left out; keys come back in order, each once."""
    stores.write(FAMILY)
    with stores.view() as view:
        found = view.nodes("Model", ["you/tuned", "nobody/x", "org/base", "you/tuned"])
        assert list(found) == ["org/base", "you/tuned"]
        assert view.nodes("Model", []) == {}


def test_edges_know_their_ends_names_and_properties(stores: Stores) -> None:
    """An edge of each kind is found from both of its ends."""
    stores.write(FAMILY)
    sha_key, blob_key = f"sha256:{sha(1)}", f"gitblob:{'a' * 40}"
    with stores.view() as view:
        tree = list(view.edges("CONTAINS", ["org/base@c1"], "out"))
        assert [(e.target, e.name) for e in tree] == [(blob_key, "README.md"), (sha_key, "model.safetensors")]
        assert [e.properties for e in tree] == [{}, {"xet_hash": "x"}]
        holders = view.edges("CONTAINS", [blob_key, sha_key], "in")
        assert [e.source for e in holders] == ["org/base@c1", "org/base@c1", "you/tuned@d1"]
        (placed,) = view.edges("HAS_WEIGHTS", ["org/base@c1"], "out")
        assert (placed.target, placed.name) == ("files.v1:1", "model.safetensors")
        assert record_of("HAS_WEIGHTS", placed) == group()
        (edge,) = view.edges("DERIVED_FROM", ["you/tuned"], "out")
        assert record_of("DERIVED_FROM", edge) == FAMILY.derivations[0]
        for kind, near, far in (
            ("HAS_REVISION", "org/base", "org/base@c0"), ("HAS_PARENT", "org/base@c1", "org/base@c0"),
            ("POINTS_TO", "org/base@refs/heads/main", "org/base@c1"), ("PUBLISHED_BY", "org/base", "org"),
            ("HAS_CHANGE", "org/base", "org/base@refs/heads/main:c1"),
        ):  # fmt: skip
            assert (near, far) in view.neighbours(kind, [near], "out")  # type: ignore[arg-type]
            assert (near, far) in view.neighbours(kind, [far], "in")  # type: ignore[arg-type]


def test_edges_come_in_order_from_a_set(stores: Stores) -> None:
    """The edges of many nodes come in order of source, target and name, in both directions."""
    children = [f"m/{n}" for n in range(1200)]
    stores.write(GraphBatch(derivations=tuple(derivation(c, f"p/{n % 7}") for n, c in enumerate(children))))
    pairs = sorted((c, f"p/{n % 7}") for n, c in enumerate(children))
    with stores.view() as view:
        assert view.neighbours("DERIVED_FROM", [*children, "nobody/x"], "out") == pairs
        assert view.neighbours("DERIVED_FROM", {p for _, p in pairs}, "in") == pairs
        assert [(e.source, e.target) for e in view.edges("DERIVED_FROM", set(children), "out")] == pairs
        assert [(e.source, e.target) for e in view.edges("DERIVED_FROM", [p for _, p in pairs], "in")] == pairs
        assert len(view.nodes("Model", children)) == 1200
        assert view.most_used(3) == ["p/0", "p/1", "p/2"], "172 of 1,200 children each, the others 171"


def test_few_of_many_neighbours(stores: Stores) -> None:
    """Of each node of a frontier one neighbour more than the limit is listed, once, stored ones only."""
    named = [GroupWeights(revision="a/a@1", group=group(name), weights="files.v1:1") for name in ("one", "other")]
    keys = [WeightsKeys(weights=f"files.v1:{n}", keys=(band(0), band(n % 2))) for n in range(9)]
    stores.write(
        GraphBatch(
            revisions=(revision("a/a", "1"), revision("a/a", "2", "1", "not", "here")),
            weights=tuple(Weights(key=each.weights) for each in keys),
            group_weights=tuple(named),
            match_keys=tuple(keys),
        )
    )
    with stores.view() as view:
        found = view.neighbours_up_to("HAS_KEY", ["band:1", "band:0", "band:7"], "in", 3)
        assert found["band:1"] == ["files.v1:1", "files.v1:3", "files.v1:5", "files.v1:7"]
        assert (list(found), len(found["band:0"])) == (["band:0", "band:1"], 4)
        assert found["band:0"] == sorted(set(found["band:0"]) & {each.weights for each in keys})
        assert view.neighbours_up_to("HAS_KEY", ["files.v1:1"], "out", 9) == {"files.v1:1": ["band:0", "band:1"]}
        assert view.neighbours_up_to("HAS_WEIGHTS", ["a/a@1", "a/a@2"], "out", 1) == {"a/a@1": ["files.v1:1"]}
        assert view.neighbours_up_to("HAS_PARENT", ["a/a@2"], "out", 1) == {"a/a@2": ["a/a@1"]}, "others are awaited"


def test_a_view_walks_further_than_it_looked(stores: Stores) -> None:
    """What a view cached on one hop does not make missing nodes appear on the next."""
    stores.write(FAMILY)
    with stores.view() as view:
        assert view.neighbours("DERIVED_FROM", ["org/base"], "in") == [
            ("you/merged", "org/base"), ("you/tuned", "org/base"),
        ]  # fmt: skip
        assert view.neighbours("DERIVED_FROM", ["you/merged", "you/tuned"], "in") == [("you/merged", "you/tuned")]
        assert view.neighbours("DERIVED_FROM", ["nobody/x"], "in") == []


def test_walks_reach_everything_once(stores: Stores) -> None:
    """A walk returns each model once, at its nearest depth and with the relation of the first edge."""
    edges = [
        ("m/1", "m/0", "finetune"), ("m/2", "m/0", None), ("m/3", "m/2", "adapter"), ("m/3", "m/1", "merge"),
        ("m/4", "m/3", "merge"), ("m/0", "m/4", "quantized"), ("m/1", "m/1", "merge"), ("m/9", "m/8", "merge"),
    ]  # fmt: skip
    stores.write(GraphBatch(derivations=tuple(derivation(c, p, relation=r) for c, p, r in edges)))
    with stores.view() as view:
        assert view.walk("m/0", "in") == [{"m/1": "finetune", "m/2": None}, {"m/3": "merge"}, {"m/4": "merge"}]
        for root in (*(f"m/{n}" for n in range(10)), "nobody/x"):
            for direction in ("in", "out"):
                assert view.walk(root, direction) == StoreView.walk(view, root, direction)


def test_walks_pass_by_what_is_not_there(stores: Stores) -> None:
    """A walk neither reaches nor passes through a model without a record."""
    stores.write()
    edges = [EdgeRow("DERIVED_FROM", a, b, "", {"relation": "merge"}) for a, b in (("m/1", "m/0"), ("m/2", "m/1"))]
    known = [NodeRow(key, merging.stub(key)) for key in ("m/0", "m/2")]
    stores.store.write_rows(Rows.of([("Model", node) for node in known], edges))
    stores.write()
    with stores.view() as view:
        assert view.walk("m/0", "in") == StoreView.walk(view, "m/0", "in") == []
        assert view.walk("m/1", "in") == []
        assert view.most_used(9) == []


def test_walks_go_as_far_as_the_graph(stores: Stores) -> None:
    """Walks up and down a chain longer than one statement reach every model at its depth."""
    long = [(f"m/{n:03}", f"m/{n - 1:03}", "finetune") for n in range(1, 141)]
    aside = [(f"m/{n:03}-{x}", f"m/{n - 1:03}", "merge") for n in (1, 64, 65, 66, 129, 130, 131) for x in range(20)]
    joined = [("m/066", "m/064", "merge"), ("m/130", "m/129-7", "merge"), ("m/130", "m/140", "merge")]
    edges = EdgeList([*long, *aside, *joined])
    stores.write(GraphBatch(derivations=tuple(derivation(*row[1:3], **row.properties) for row in edges.rows)))
    with stores.view() as view:
        for root, depth, limit in (("m/000", None, None), ("m/000", 65, 30), ("m/100", None, None), ("m/100", 20, 9)):
            down, wanted_down = (descendants(each, root, depth=depth, limit=limit) for each in (view, edges))
            assert _told(down) == _told(wanted_down)
        for depth, limit in ((None, None), (63, None), (64, 66), (65, None), (128, 1), (129, None), (130, 200)):
            for root in ("m/140", "m/135"):
                up, wanted_up = (ancestors(each, root, depth=depth, limit=limit) for each in (view, edges))
                assert _told(up) == _told(wanted_up)
        found, wanted = (paths(each, "m/000", "m/140", limit=9) for each in (view, edges))
        assert (found.paths, found.more) == (wanted.paths, wanted.more)
        assert len(found.paths) == 4


def _told(walk: Walk) -> tuple[object, ...]:
    """Return the result of a walk, its edges by their ends."""
    edges = [(edge.source, edge.target) for edge in walk.edges]
    return list(walk.depths.items()), edges, walk.total, walk.counts, walk.deeper


def test_promoted_properties_find_nodes(stores: Stores) -> None:
    """Nodes are found by every promoted property, by several together, and by null."""
    family = ModelObservations(family=Observation(value="llama", observed_at=NOON))
    stores.write(FAMILY, GraphBatch(models=(model("org/llama", observations=family, licence="mit"),)))
    with stores.view() as view:
        assert [row.key for row in view.find("Model", {"licence": "mit"})] == ["org/base", "org/llama"]
        assert [row.key for row in view.find("Model", {"licence": "mit", "state": "present"})] == ["org/base"]
        assert [row.key for row in view.find("Model", {"licence": None})] == ["you/merged"]
        assert [row.key for row in view.find("Model", {"family": "llama"})] == ["org/llama"]
        assert [row.key for row in view.find("File", {"alias": "b" * 40})] == [f"sha256:{sha(1)}"]
        assert [row.key for row in view.find("Weights", {"layout": "layout.v1:9"})] == ["files.v1:1"]
        assert [row.key for row in view.find("Change", {"verdict": "silent"})] == ["org/base@refs/heads/main:c0"]
        assert [row.key for row in view.find("Revision", {"commit": "d1"})] == ["you/tuned@d1"]
        assert [row.key for row in view.find("Evidence", {"child": "you/merged"})] == ["e2"]
        assert [row.key for row in view.find("Ref", {"name": "refs/heads/main"})] == ["org/base@refs/heads/main"]
        assert [row.key for row in view.find("Publisher", {"name": "you"})] == ["you"]


def test_promoted_properties_find_nodes_of_many_values(stores: Stores) -> None:
    """One query for many values returns what one for each returns, and fails where those fail."""
    stores.write(FAMILY)
    with stores.view() as view:
        children = ["you/tuned", "you/merged", "nobody/x", "you/tuned"]
        assert [row.key for row in view.find_any("Evidence", "child", children)] == ["e2", "e1"]
        assert [row.key for row in view.find_any("Revision", "model", ["org/base"])] == ["org/base@c0", "org/base@c1"]
        assert list(view.find_any("Evidence", "child", [])) == []
        with pytest.raises(ValueError, match="value"):
            view.find_any("Evidence", "value", ["x"])


def test_only_promoted_properties_are_asked_for(stores: Stores) -> None:
    """A lookup that would have to read every node or edge raises an error."""
    with stores.view() as view:
        with pytest.raises(ValueError, match="tags"):
            view.find("Model", {"tags": "x"})
        with pytest.raises(ValueError, match="confidence"):
            view.count("DERIVED_FROM", {"confidence": 1.0})


def test_find_turns_pages(stores: Stores) -> None:
    """`after` and `limit` list every node once, in order of key by code point."""
    keys = ["A/x", "Z/x", "a/x", "a/x-y", "a/x.y", "ä/x", "\U0001f600/x", "\uffee/x"]
    stores.write(GraphBatch(models=tuple(model(key, licence="mit") for key in reversed(keys))))
    seen: list[str] = []
    with stores.view() as view:
        while page := view.find("Model", {"licence": "mit"}, after=seen[-1] if seen else None, limit=3):
            assert len(page) <= 3
            seen += [row.key for row in page]
        assert [row.key for row in view.all_nodes("Model")] == sorted(keys)
    assert seen == sorted(keys)


def test_files_turn_pages_too(stores: Stores) -> None:
    """Keys of files are in order across all their forms."""
    entries = [FileEntry(path=f"{n}", sha256=sha(n)) for n in range(3)]
    entries += [FileEntry(path=f"b{n}", blob_id=f"{n:040x}") for n in range(3)] + [FileEntry(path="unread")]
    stores.write(GraphBatch(revisions=(revision("a/b", "c"),), trees=(Tree(revision="a/b@c", entries=tuple(entries)),)))
    seen: list[str] = []
    with stores.view() as view:
        while page := view.find("File", {}, after=seen[-1] if seen else None, limit=2):
            seen += [row.key for row in page]
        assert seen == sorted(seen) == [row.key for row in view.all_nodes("File")]
        assert len(seen) == 7
        assert [edge.target for edge in view.all_edges("CONTAINS")] == seen


def test_counts(stores: Stores) -> None:
    """Nodes and edges are counted, all or by promoted properties, and `info` gives the same numbers."""
    stores.write(FAMILY)
    with stores.view() as view:
        assert view.count("Model") == 3
        assert view.count("Model", {"state": "present"}) == 2
        assert view.count("CONTAINS") == 3
        assert view.count("DERIVED_FROM") == 3
        assert view.count("DERIVED_FROM", {"relation": "merge"}) == 1
        assert view.count("DERIVED_FROM", {"relation": None}) == 1
    info = stores.store.info()
    assert (info.nodes["Model"], info.nodes["File"], info.edges["CONTAINS"]) == (3, 2, 3)
    assert info.url == stores.store.url


def test_a_view_stays_as_it_was_opened(stores: Stores) -> None:
    """An open view does not see later writes; Neo4j, without snapshots, shows what is committed."""
    stores.write(FAMILY)
    with stores.view() as view:
        stores.store.write(GraphBatch(models=(model("new/one"),), replace_derivations_of=("you/merged", "you/tuned")))
        seen = (set(view.nodes("Model", ["new/one"])), view.count("DERIVED_FROM"))
        assert seen == ((set(), 3) if stores.keeps_views else ({"new/one"}, 0))
    with stores.view() as view:
        assert view.count("Model") == 4
        assert view.count("DERIVED_FROM") == 0


def test_what_a_view_gives_is_the_readers_own(stores: Stores) -> None:
    """Changing a returned row does not change what the next reader gets."""
    stores.write(FAMILY)
    with stores.view() as view:
        view.nodes("Model", ["org/base"])["org/base"]["tags"].append("mine")
        next(view.edges("DERIVED_FROM", ["you/tuned"], "out")).properties.clear()
        assert view.nodes("Model", ["org/base"])["org/base"]["tags"] == []
        assert next(view.edges("DERIVED_FROM", ["you/tuned"], "out")).properties["relation"] == "finetune"


def test_a_bulk_load_ends_in_the_same_graph(stores: Stores) -> None:
    """A bulk load, also one that fails half-way, leaves what its successful writes would have left."""
    stores.write(FAMILY)
    more = GraphBatch(models=(model("x/y"),), derivations=(derivation("x/y", "org/base"),))

    def fail_half_way() -> None:
        with stores.store.bulk():
            stores.store.write(FAMILY)
            stores.store.write(more)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_half_way()
    with stores.store.bulk():
        stores.store.write(more)
    loaded = stores.dump()
    stores.store.erase(["org/base", "you/tuned", "you/merged", "x/y"])
    stores.write(FAMILY, more)
    assert stores.dump() == loaded


def test_rows_make_a_copy(stores: Stores) -> None:
    """The rows of one store, written to another, give the same graph."""
    stores.write(FAMILY)
    with stores.view() as view, open_store("memory:") as copy:
        info = stores.store.info()
        nodes = [(kind, row) for kind in info.nodes for row in view.all_nodes(kind)]  # type: ignore[arg-type]
        edges = [edge for kind in info.edges for edge in view.all_edges(kind)]  # type: ignore[arg-type]
        copy.write_rows(Rows.of(nodes, edges, view.all_attachments()))  # type: ignore[arg-type]
        with copy.reading() as copied:
            assert list(dump(copied)) == list(dump(view))
            assert next(iter(copied.all_nodes("Model"))) == NodeRow(
                "org/base", view.nodes("Model", ["org/base"])["org/base"]
            )


def test_clocks_are_left_out_of_dumps(stores: Stores) -> None:
    """Two collections at different times have equal dumps, unless times of reading are included."""

    def collected(hours: int) -> GraphBatch:
        at = NOON + timedelta(hours=hours)
        seen = ModelObservations(likes=Observation(value=3, observed_at=at))
        return GraphBatch(models=(model("a/b", observations=seen, collected_at=at),))

    stores.write(collected(1))
    first = stores.dump()
    stores.write(collected(2))
    assert stores.dump() == first
    assert '"likes":{"value":3}' in first[0]
    with stores.view() as view:
        assert '"collected_at":"2026-01-01T14:00:00Z"' in "".join(dump(view, clocks=True))
