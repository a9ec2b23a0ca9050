"""Copies between stores: complete, resumable, checked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from lineage.errors import InputError, StoreError
from lineage.store.graph import NodeRow
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage.store.moving import copying, sections
from lineage.store.moving.copying import copy_store, side_by_side
from lineage.store.moving.sections import checksums
from lineage.store.open import open_store
from lineage.store.rows import Rows
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.weights import Weights
from tests.support.dump import dump
from tests.support.graphs import FAMILY, FULL_FAMILY, derivation, model
from tests.support.shared import ROOT


def lines(store: GraphStore) -> list[str]:
    """Dump a store with times of reading."""
    with store.reading() as view:
        return list(dump(view, clocks=True))


@pytest.fixture
def family() -> MemoryStore:
    """Fill a store with a small family."""
    store = MemoryStore()
    store.write(FAMILY)
    return store


@pytest.fixture
def target(tmp_path: Path) -> Iterator[GraphStore]:
    """Open an empty store in a file."""
    with open_store(str(tmp_path / "copy.db")) as store:
        yield store


class DyingStore(MemoryStore):
    """Write some times, then fail like a lost server."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes

    def write_rows(self, rows: Rows) -> None:
        """Write, or fail."""
        if self.writes == 0:
            raise StoreError("the server went away")
        self.writes -= 1
        super().write_rows(rows)


def test_a_copy_is_equal_line_by_line(family: MemoryStore, target: GraphStore) -> None:
    """Nodes, edges, attachments and times arrive in another backend."""
    family.write(FULL_FAMILY)
    copied = copy_store(family, target)
    assert lines(target) == lines(family)
    assert (copied.written, copied.already_there) == (len(lines(family)), 0)


def test_a_copy_comes_back_equal(family: MemoryStore, target: GraphStore) -> None:
    """A copy of a copy is the same graph."""
    copy_store(family, target)
    back = MemoryStore()
    copy_store(target, back)
    assert lines(back) == lines(family)


def test_a_section_line_is_a_dump_line(family: MemoryStore) -> None:
    """The checksums are over the same lines that dumps are compared by."""
    with family.reading() as view:
        made = [sections.line(s, row) for s in sections.SECTIONS for row in sections.rows_of(view, s)]
    assert made == lines(family)


@pytest.mark.parametrize("writes", range(0, 30, 3))
def test_a_copy_that_died_is_completed_by_the_next(
    family: MemoryStore, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a copy stops, running it again writes the missing rows and no others."""
    monkeypatch.setattr(sections, "BATCH_ROWS", 1)
    target = DyingStore(writes)
    with pytest.raises(StoreError, match="went away"):
        copy_store(family, target)
    target.writes = -1
    copied = copy_store(family, target)
    assert lines(target) == lines(family)
    assert copied.written + copied.already_there == len(lines(family))
    assert copied.already_there >= min(writes, 1)
    assert copied.written <= len(lines(family)) - writes


@pytest.mark.slow
def test_a_finished_copy_writes_nothing_again(family: MemoryStore, target: GraphStore) -> None:
    """A second copy writes nothing."""
    copy_store(family, target)
    assert copy_store(family, target).written == 0


def test_a_store_with_other_things_is_left_alone(family: MemoryStore, target: GraphStore) -> None:
    """A target with a row that the source does not have is refused before anything is written."""
    target.write(GraphBatch(models=(model("some/other"),)))
    before = lines(target)
    with pytest.raises(InputError, match="some/other"):
        copy_store(family, target)
    assert lines(target) == before


def test_a_target_that_knows_more_is_left_alone(family: MemoryStore, target: GraphStore) -> None:
    """A target with a digest that the source lacks is refused, because merging would keep the digest."""
    key = family_weights(family)
    target.write(GraphBatch(weights=(Weights(key=key, level="full", weights="weights.v1:" + "0" * 64),)))
    before = lines(target)
    with pytest.raises(InputError, match=rf"has values that the copy would not replace, in Weights {key}"):
        copy_store(family, target)
    assert lines(target) == before


def family_weights(store: GraphStore) -> str:
    """Name the weights of the family."""
    with store.reading() as view:
        (row,) = view.all_nodes("Weights")
        return row.key


def test_an_older_copy_is_brought_up_to_date(family: MemoryStore, target: GraphStore) -> None:
    """Rows that changed in the source since an earlier copy are written again, of every kind."""
    copy_store(family, target)
    family.write(
        GraphBatch(
            models=(model("org/base", publisher="org", licence="gpl-3.0", state="present", head="c1", aliases=("b",)),),
            weights=(Weights(key=family_weights(family), level="full", weights="weights.v1:" + "0" * 64),),
            derivations=(derivation("you/merged", "org/base", confidence=0.5),),
        )
    )
    assert 0 < copy_store(family, target).written < 10
    assert lines(target) == lines(family)


def test_an_older_copy_of_what_was_taken_back_is_left_alone(family: MemoryStore, target: GraphStore) -> None:
    """A copy deletes nothing: an edge that the source no longer has is an error."""
    copy_store(family, target)
    family.write(GraphBatch(replace_derivations_of=("you/merged",)))
    before = lines(target)
    with pytest.raises(InputError, match="DERIVED_FROM you/merged org/base"):
        copy_store(family, target)
    assert lines(target) == before


def test_a_difference_at_the_end_is_an_error(
    family: MemoryStore, target: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that lost what was written is detected by its digests, and the kind is named."""

    def lose(store: GraphStore, rows: Rows) -> None:
        rows.edges.pop("HAS_CHANGE", None)
        MemoryStore.write_rows(store, rows)  # type: ignore[arg-type]

    class Losing(MemoryStore):
        write_rows = lose

    with pytest.raises(StoreError, match=r"HAS_CHANGE \(2 and 0\)"):
        copy_store(family, Losing())


def test_nothing_is_not_copied(target: GraphStore, tmp_path: Path) -> None:
    """A missing or empty source is an error, and no target is made."""
    missing = open_store(str(tmp_path / "missing.db"))
    with pytest.raises(InputError, match=r"missing\.db does not exist"):
        copy_store(missing, target)
    with pytest.raises(InputError, match="is empty"):
        copy_store(MemoryStore(), target)
    assert not (tmp_path / "copy.db").exists()


def test_a_large_copy_is_a_bulk_load(family: MemoryStore, target: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large copy is a bulk load, and the target has its indexes at the end."""
    monkeypatch.setattr(copying, "BULK_ROWS", 1)
    copy_store(family, target)
    with target.reading() as view:
        assert [row.key for row in view.find("Model", {"licence": "mit"})] == ["org/base"]
    assert lines(target) == lines(family)


def test_what_is_written_to_the_source_meanwhile_is_not_copied(target: GraphStore, tmp_path: Path) -> None:
    """The source is read in one view: writes during the copy are not copied."""
    with open_store(str(tmp_path / "source.db")) as source:
        source.write(FAMILY)
        before = lines(source)
        write_rows = target.write_rows

        def write_both(rows: Rows) -> None:
            source.write(GraphBatch(models=(model("late/comer"),)))
            write_rows(rows)

        target.write_rows = write_both  # type: ignore[method-assign]
        copy_store(source, target)
        assert lines(target) == before
        assert len(lines(source)) == len(before) + 1


def test_streams_are_joined_by_place() -> None:
    """Two sorted streams are joined by key; a row that one side lacks is paired with None."""
    left, right = ([NodeRow(key, {"of": side}) for key in keys] for side, keys in (("l", "abd"), ("r", "bce")))
    joined = [(a and a[0], b and b[0]) for a, b in side_by_side(iter(left), iter(right))]
    assert joined == [("a", None), ("b", "b"), (None, "c"), ("d", None), (None, "e")]


@pytest.mark.slow
def test_a_killed_copy_is_completed(tmp_path: Path) -> None:
    """A process killed during a copy leaves a store that the same command completes."""
    source, copy = tmp_path / "source.db", tmp_path / "copy.db"
    count = 8_000
    with open_store(str(source)) as store:
        keys = [f"org/model-{number:05}" for number in range(count)]
        edges = tuple(derivation(child, parent) for parent, child in pairwise(keys))
        store.write(GraphBatch(models=tuple(model(key) for key in keys), derivations=edges))
    code = (
        "import sys; from lineage.store.moving import sections; sections.BATCH_ROWS = 200\n"
        "from lineage.store.moving.copying import copy_store; from lineage.store.open import open_store\n"
        "copy_store(open_store(sys.argv[1]), open_store(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(source), str(copy)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if copy.exists() and _models(copy) > 1_000:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    begun = _models(copy)
    assert 0 < begun < count + len(edges)
    with open_store(str(source)) as one, open_store(str(copy)) as two:
        copied = copy_store(one, two)
        assert copied.already_there >= begun
        with one.reading() as left, two.reading() as right:
            assert checksums(left).digest() == checksums(right).digest()


def _models(path: Path) -> int:
    try:
        with open_store(str(path)) as store, store.reading() as view:
            return view.count("Model") + view.count("DERIVED_FROM")
    except StoreError:  # it is being made
        return 0
