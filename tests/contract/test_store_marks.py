"""The contract of every graph store: what follows from a view is written only if nothing was written since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lineage.store.interface import GraphStore
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import Stores, model


@contextmanager
def another(stores: Stores) -> Iterator[GraphStore]:
    """Open the same store once more, as another process does; a store in memory has one process only."""
    if stores.store.backend == "memory":
        yield stores.store
        return
    with open_store(stores.store.url) as opened:
        yield opened


def of(*keys: str) -> GraphBatch:
    """Make a batch of models."""
    return GraphBatch(models=tuple(model(key) for key in keys))


def keys(store: GraphStore) -> list[str]:
    """List the models of a store."""
    with store.reading() as view:
        return [row.key for row in view.all_nodes("Model")]


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_batch_is_written_where_nothing_was_written_since(stores: Stores, *, is_empty: bool) -> None:
    """A mark stays good until the next write, for one write; the mark of a store that is not made yet may not."""
    if not is_empty:
        stores.store.write(of("a/first"))
    before = keys(stores.store)
    while not stores.store.write_since(mark := stores.store.mark(), of("a/second")):
        assert is_empty
        is_empty = False  # made by the first try
    assert keys(stores.store) == [*before, "a/second"]
    assert not stores.store.write_since(mark, of("a/third"))
    assert keys(stores.store) == [*before, "a/second"]


@pytest.mark.parametrize("erases", [True, False])
def test_a_write_of_another_process_in_between_is_noticed(stores: Stores, *, erases: bool) -> None:
    """Nothing of the batch is written then, and a new mark is good again."""
    stores.store.write(of("a/first"))
    mark = stores.store.mark()
    with another(stores) as other:
        if erases:
            other.erase(["a/first"])
        else:
            other.write(of("b/meanwhile"))
    assert not stores.store.write_since(mark, of("a/second"))
    assert keys(stores.store) == ([] if erases else ["a/first", "b/meanwhile"])
    assert stores.store.write_since(stores.store.mark(), of("a/second"))


def test_a_mark_before_a_view_covers_the_view(stores: Stores) -> None:
    """A write between the mark and the view is in the view, and the batch is refused all the same."""
    stores.store.write(of("a/first"))
    mark = stores.store.mark()
    with another(stores) as other:
        other.write(of("b/meanwhile"))
    assert keys(stores.store) == ["a/first", "b/meanwhile"]
    assert not stores.store.write_since(mark, of("a/second"))


def test_readers_change_no_mark(stores: Stores) -> None:
    """Opening the store and reading it are no writes."""
    stores.store.write(of("a/first"))
    mark = stores.store.mark()
    with another(stores) as other:
        assert keys(other) == ["a/first"]
    assert stores.store.mark() == mark
    assert stores.store.write_since(mark, of("a/second"))
