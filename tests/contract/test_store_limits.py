"""The contract of every graph store: what records may hold, and writes that are kept or taken back together."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from lineage.errors import StoreError
from lineage.store.memory import MemoryStore
from lineage.store.moving.jsonl import read_jsonl, write_jsonl
from lineage.store.rows import Rows
from lineage_schemas.file import FileEntry
from lineage_schemas.file_node import FileNode
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import ModelObservations, Observation
from lineage_schemas.revision import Revision
from lineage_schemas.weights import Weights
from tests.support.graphs import AWAITING, FAMILY, NOON, Stores, derivation, model, sha

HUGE = 9_999_999_999_999_999_999

TOO_LARGE: dict[str, Callable[[], object]] = {
    "a file's size": lambda: FileNode(key=f"sha256:{sha(1)}", size=HUGE),
    "a size in a tree": lambda: FileEntry(path="a", sha256=sha(1), size=HUGE),
    "a negative size": lambda: FileEntry(path="a", sha256=sha(1), size=-1),
    "parameters": lambda: Weights(key="files.v1:1", parameter_count=2**63),
    "a pull request": lambda: Revision(key="a/b@c", model="a/b", commit="c", pull_request=HUGE),
    "likes": lambda: Observation(value=2**63, observed_at=NOON),
    "a confidence": lambda: derivation("a/b", "c/d", confidence=float("nan")),
    "a date without a zone": lambda: Observation(value=1, observed_at=NOON.replace(tzinfo=None)),
}


@pytest.mark.parametrize("what", TOO_LARGE)
def test_a_record_refuses_what_a_store_cannot_hold(what: str) -> None:
    """A number beyond 64 bits is an error of its record, before any store sees it."""
    with pytest.raises(ValueError, match="Input should"):
        TOO_LARGE[what]()


def test_the_largest_numbers_come_back(stores: Stores) -> None:
    """The limits themselves are stored on every backend."""
    largest = 2**63 - 1
    seen = ModelObservations(likes=Observation(value=-(2**63), observed_at=NOON))
    stores.write(
        GraphBatch(models=(model("a/b", observations=seen),), files=(FileNode(key=f"sha256:{sha(1)}", size=largest),))
    )
    with stores.view() as view:
        assert view.nodes("File", [f"sha256:{sha(1)}"])[f"sha256:{sha(1)}"]["size"] == largest
        assert view.nodes("Model", ["a/b"])["a/b"]["observations"]["likes"]["value"] == -(2**63)


def test_many_writes_are_one(stores: Stores) -> None:
    """Writes in an atomic block are kept together, and taken back together."""
    stores.write(FAMILY)
    before = stores.dump()

    def fail() -> None:
        with stores.store.atomic(10):
            stores.store.write(GraphBatch(models=(model("new/one"),)))
            stores.store.write(AWAITING)
            raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        fail()
    assert stores.dump() == before
    with stores.store.atomic(10):
        stores.store.write(GraphBatch(models=(model("new/one"),)))
        stores.store.write(AWAITING)
    with stores.view() as view:
        assert view.nodes("Model", ["new/one"])
        assert list(view.all_awaited_edges("HAS_PARENT"))


def test_an_import_is_one_write(stores: Stores) -> None:
    """An import that fails at its last rows leaves the store as it was, on every backend."""
    source = MemoryStore()
    source.write(FAMILY)
    file = io.BytesIO()
    with source.reading() as view:
        write_jsonl(view, file)
    stores.write(GraphBatch(models=(model("some/other"),)))
    before, write_rows = stores.dump(), stores.store.write_rows

    def fail_late(rows: Rows) -> None:
        if rows.attachments:
            raise StoreError("the disk is full")
        write_rows(rows)

    stores.store.write_rows = fail_late  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="the disk is full"):
        read_jsonl(stores.store, file, "dump.jsonl")
    assert stores.dump() == before
    stores.store.write_rows = write_rows  # type: ignore[method-assign]
    read_jsonl(stores.store, file, "dump.jsonl")
    with stores.view() as view:
        assert view.count("Model") == 4
