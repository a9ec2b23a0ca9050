"""The contract of every graph store: reading all of it, awaited edges included, for copies and backups."""

from __future__ import annotations

import pytest

from lineage.errors import StoreError
from lineage.store.graph import ENDS, EdgeRow, NodeRow
from lineage.store.interface import GraphStore, StoreView
from lineage.store.memory import MemoryStore
from lineage.store.merging import stub
from lineage.store.moving.copying import copy_store
from lineage.store.promoted import PROMOTED
from lineage.store.rows import Rows
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import ModelObservations, Observation
from lineage_schemas.ref import Ref
from tests.support.dump import dump
from tests.support.graphs import AWAITING, FAMILY, NOON, Stores, derivation, model, revision

THE_ENDS = GraphBatch(
    models=(model("some/other"),),
    revisions=(revision("org/base", "a0"), revision("org/base", "b0")),
)
"""What `AWAITING` waits for."""


def lines(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


def awaited(view: StoreView) -> list[EdgeRow]:
    """List the awaited edges of all kinds."""
    return [edge for kind in sorted(ENDS) for edge in view.all_awaited_edges(kind)]


def test_awaited_edges_are_gone_over(stores: Stores) -> None:
    """Edges without an end, and the missing keys, come in order; no other query returns them."""
    stores.write(FAMILY)
    with stores.view() as view:
        assert awaited(view) == []
        assert [list(view.all_awaited(kind)) for kind in PROMOTED] == [[]] * len(PROMOTED)
    stores.write(AWAITING)
    with stores.view() as view:
        found = awaited(view)
        assert [edge[:4] for edge in found] == [
            ("CONTAINS", "org/base@b0", f"gitblob:{'a' * 40}", "README.md"),
            ("HAS_PARENT", "org/base@c0", "org/base@a0", ""),
            ("HAS_PARENT", "org/base@c0", "org/base@b0", ""),
            ("HAS_REVISION", "some/other", "some/other@o1", ""),
            ("HAS_WEIGHTS", "org/base@b0", "files.v1:1", "model.safetensors"),
            ("POINTS_TO", "org/base@refs/tags/v1", "org/base@b0", ""),
        ]
        assert found[4].properties["files"] == ["model.safetensors"]
        assert {kind: list(view.all_awaited(kind)) for kind in ("Model", "Revision", "File")} == {
            "Model": ["some/other"], "Revision": ["org/base@a0", "org/base@b0"], "File": [],
        }  # fmt: skip
        shown = {edge for kind in ENDS for edge in view.all_edges(kind) if edge in found}
        assert not shown


def test_awaited_edges_are_awaited_no_more(stores: Stores) -> None:
    """Once the ends are written nothing is awaited; once they are deleted nothing is left."""
    stores.write(FAMILY, AWAITING, THE_ENDS)
    with stores.view() as view:
        assert awaited(view) == []
        assert [list(view.all_awaited(kind)) for kind in PROMOTED] == [[]] * len(PROMOTED)
        assert len(list(view.all_edges("HAS_PARENT"))) == 3
    stores.store.erase(["org/base", "you/tuned", "you/merged", "some/other"])
    stores.write()
    assert stores.dump() == []


def test_a_view_knows_whether_it_is_one_moment(stores: Stores) -> None:
    """A full read raises an error if the store was modified meanwhile and has no snapshots."""
    stores.write(FAMILY)
    with stores.view() as view:
        check = view.change_guard()
        check()
        before = list(dump(view, clocks=True))
        stores.store.write(GraphBatch(models=(model("late/comer"),)))
        if stores.keeps_views:
            check()
            assert list(dump(view, clocks=True)) == before
        else:
            with pytest.raises(StoreError, match="was modified while it was being read"):
                check()
            view.change_guard()()


def test_what_is_replaced_is_awaited_no_more(stores: Stores) -> None:
    """A ref that moves leaves no awaited edge and no awaited key."""
    tag = {"key": "a/b@refs/tags/v1", "model": "a/b", "name": "refs/tags/v1", "kind": "tag"}
    stores.write(GraphBatch(models=(model("a/b"),), refs=(Ref.model_validate({**tag, "target": "gone"}),)))
    stores.write(GraphBatch(refs=(Ref.model_validate({**tag, "target": "c1"}),), revisions=(revision("a/b", "c1"),)))
    with stores.view() as view:
        assert awaited(view) == []
        assert list(view.all_awaited("Revision")) == []


def test_many_awaited_edges_come_in_one_order(stores: Stores) -> None:
    """Awaited sources and targets come in one order of key, by code point, however many there are."""
    awkward = ["A/x", "a/x", "a/x-y", "ä/x", "\U0001f600/x", "\uffee/x"]
    known = [*awkward, *(f"m/{n:04}" for n in range(0, 2_400, 2))]
    waited = [*(f"{key}z" for key in awkward), *(f"m/{n:04}" for n in range(1, 2_400, 2))]
    pairs = sorted({*zip(known, waited, strict=True), *zip(waited, known, strict=True), (waited[0], waited[1])})
    rows = Rows.of(
        [("Model", NodeRow(key, stub(key))) for key in known],
        [EdgeRow("DERIVED_FROM", *pair, "", {"relation": "merge"}) for pair in pairs],
    )
    stores.store.write_rows(rows)
    stores.write()
    with stores.view() as view:
        assert [(edge.source, edge.target) for edge in awaited(view)] == pairs
        assert list(view.all_awaited("Model")) == sorted(waited)
        assert view.count("DERIVED_FROM") == 0


def test_a_copy_waits_too(stores: Stores) -> None:
    """An end that is written to a copy makes its awaited edges visible there, after several copies too."""
    original, back = MemoryStore(), MemoryStore()
    original.write(FAMILY)
    original.write(AWAITING)
    copied = copy_store(original, stores.store)
    stores.write()
    copy_store(stores.store, back)
    assert copied.checksums.counts["awaited"] == 6
    assert lines(stores.store) == lines(back) == lines(original)
    for store in (original, stores.store, back):
        store.write(THE_ENDS)
    assert lines(stores.store) == lines(back) == lines(original)
    with stores.view() as view:
        assert ("org/base@c0", "org/base@b0") in view.neighbours("HAS_PARENT", ["org/base@b0"], "in")


def test_long_values_are_kept_and_found(stores: Stores) -> None:
    """A licence and a family too long for an index are found, read whole and copied whole."""
    licence, family = "é" * 3_000, "llama" * 1_000
    original, back = MemoryStore(), MemoryStore()
    observations = ModelObservations(family=Observation(value=family, observed_at=NOON))
    original.write(GraphBatch(models=(model("a/b", licence=licence, observations=observations),)))
    copy_store(original, stores.store)
    stores.write()
    copy_store(stores.store, back)
    assert lines(stores.store) == lines(back) == lines(original)
    with stores.view() as view:
        for where in ({"licence": licence}, {"family": family}):
            assert [row.key for row in view.find("Model", where)] == ["a/b"]
        assert list(view.find("Model", {"family": family + "!"})) == []


def test_an_earlier_copy_is_completed_by_the_ends(stores: Stores) -> None:
    """An edge awaited in an earlier copy and complete in the source is not foreign to the source."""
    original = MemoryStore()
    for batch in (FAMILY, AWAITING):
        original.write(batch)
    copy_store(original, stores.store)
    original.write(THE_ENDS)
    original.write(GraphBatch(derivations=(derivation("some/other", "org/base"),)))
    copy_store(original, stores.store)
    assert lines(stores.store) == lines(original)
