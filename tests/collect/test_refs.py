"""Refs that move, vanish and return: what earlier readings saw of them stays, and so do a model's first facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.collect.options import CollectOptions
from lineage.collect.pipeline import Collection, Target
from lineage.collect.refs import KnownRef, read_again
from lineage.hub.open import open_hub
from lineage.progress import Progress
from lineage.store.memory import MemoryStore
from lineage.store.records import record_of
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import Model
from lineage_schemas.ref import FormerTarget, Ref
from tests.support.bare_repository import BareRepository
from tests.support.hub_kinds import settings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MODEL = "org/model"
TAG = "refs/tags/v1.0"
MAIN = "refs/heads/main"


def day(number: int) -> datetime:
    """Return a day of reading."""
    return NOON + timedelta(days=number)


def left(target: str, first: int, last: int) -> FormerTarget:
    """Make a former target with the days of its readings."""
    return FormerTarget(target=target, first_read=day(first), last_read=day(last))


class Readings:
    """Collect one repository into one store, on given days: two commits, and a tag on the first."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, MemoryStore()
        self.repository = BareRepository(folder / "hub" / f"{MODEL}.git")
        self.first = self.repository.commit({"README.md": b"one"})
        self.second = self.repository.commit({"README.md": b"two"})
        self.repository.git("tag", "v1.0", self.first)

    def read(self, number: int) -> None:
        """Collect the model on a day."""
        with open_hub(str(self.folder / "hub"), settings(self.folder)) as hub:
            options = CollectOptions()
            list(Collection(hub, self.store, options, Progress(), clock=lambda: day(number)).run([Target(MODEL)]))

    def model(self) -> Model:
        """Return the model's record."""
        with self.store.reading() as view:
            [row] = view.all_nodes("Model")
        return record_of("Model", row)

    def ref(self, name: str) -> Ref:
        """Return a ref's record, and check that its edge leads to its target."""
        with self.store.reading() as view:
            [row] = view.find("Ref", {"name": name})
            edges = view.neighbours("POINTS_TO", [row.key], "out")
        ref = record_of("Ref", row)
        assert [target.rpartition("@")[2] for _, target in edges] == [ref.target]
        return ref


@pytest.fixture
def readings(tmp_path: Path) -> Readings:
    """Make a repository and read it on day 0."""
    found = Readings(tmp_path)
    found.read(0)
    return found


def test_a_first_reading_knows_of_no_earlier_target(readings: Readings) -> None:
    """What is read for the first time is dated, and has no former target."""
    assert (readings.ref(TAG).target, readings.ref(TAG).since, readings.ref(TAG).former) == (readings.first, day(0), ())


def test_a_tag_that_moves_keeps_where_it_was(readings: Readings) -> None:
    """A tag that moved while no branch did is read again, and its former target is kept with the days of reading."""
    readings.read(3)
    assert (readings.ref(TAG).since, readings.ref(TAG).former) == (day(0), ())
    readings.repository.git("tag", "--force", "v1.0", readings.second)
    readings.read(5)
    ref = readings.ref(TAG)
    assert (ref.target, ref.since, ref.former) == (readings.second, day(5), (left(readings.first, 0, 0),))
    readings.read(6)
    assert readings.ref(TAG) == ref


def test_a_branch_that_moves_keeps_where_it_was(readings: Readings) -> None:
    """Each head that was read stays a former target of its branch, the last reading of each with its day."""
    third = readings.repository.commit({"README.md": b"three"})
    readings.read(2)
    fourth = readings.repository.commit({"README.md": b"four"})
    readings.read(4)
    ref = readings.ref(MAIN)
    former = {each.target: each for each in ref.former}
    assert (ref.target, ref.since) == (fourth, day(4))
    assert former == {readings.second: left(readings.second, 0, 0), third: left(third, 2, 2)}


def test_an_annotated_tag_is_followed_by_its_commit(readings: Readings) -> None:
    """A tag that becomes annotated at the same commit did not move; an annotated one that is moved did."""
    readings.repository.git("tag", "--force", "-a", "-m", "said", "v1.0", readings.first)
    readings.read(1)
    assert (readings.ref(TAG).since, readings.ref(TAG).former) == (day(0), ())
    readings.repository.git("tag", "--force", "-a", "-m", "said", "v1.0", readings.second)
    readings.read(2)
    assert [each.target for each in readings.ref(TAG).former] == [readings.first]


def test_a_tag_that_vanishes_and_returns_keeps_where_it_was(readings: Readings) -> None:
    """A deleted tag stays with its target; back at another commit it has moved, last read there before it vanished."""
    readings.repository.git("tag", "--delete", "v1.0")
    readings.read(2)
    gone = readings.ref(TAG)
    assert (gone.vanished, gone.target, gone.former) == (True, readings.first, ())
    readings.repository.git("tag", "v1.0", readings.second)
    readings.read(4)
    back = readings.ref(TAG)
    assert (back.vanished, back.target, back.since) == (False, readings.second, day(4))
    assert back.former == (left(readings.first, 0, 0),)


def test_a_tag_that_returns_to_its_commit(readings: Readings) -> None:
    """A tag moved away and back has both commits among its former targets."""
    for number, commit in ((1, readings.second), (2, readings.first)):
        readings.repository.git("tag", "--force", "v1.0", commit)
        readings.read(number)
    ref = readings.ref(TAG)
    assert (ref.target, ref.since) == (readings.first, day(2))
    assert {each.target for each in ref.former} == {readings.first, readings.second}


def test_a_ref_of_a_store_of_schema_1_is_not_dated_afterwards(readings: Readings) -> None:
    """A target without a date gets none while it stays; when it moves, only the day of its last reading is known."""
    with readings.store.reading() as view:
        [row] = view.find("Ref", {"name": TAG})
    undated = record_of("Ref", row).model_copy(update={"since": None})
    forgotten = MemoryStore()
    forgotten.write(GraphBatch(models=(readings.model(),), refs=(undated,)))
    readings.store = forgotten
    readings.repository.commit({"README.md": b"three"})
    readings.read(7)
    assert readings.ref(TAG).since is None
    readings.repository.git("tag", "--force", "v1.0", readings.second)
    readings.read(8)
    ref = readings.ref(TAG)
    assert (ref.since, ref.former) == (
        day(8), (FormerTarget(target=readings.first, first_read=None, last_read=day(7)),)
    )  # fmt: skip


def test_the_first_facts_of_a_model_stay(readings: Readings) -> None:
    """Owner and root commit are those of the first reading, also after the history was replaced by another one."""
    first = readings.model().first
    assert first is not None
    assert (first.owner, first.root_commit, first.observed_at) == ("org", readings.first, day(0))
    readings.repository.git("update-ref", "-d", MAIN)
    readings.repository.git("tag", "--delete", "v1.0")
    readings.repository.commit({"README.md": b"another model"})
    readings.read(5)
    assert readings.ref(MAIN).target not in (readings.first, readings.second)
    assert readings.model().first == first
    assert readings.model().single_folder is False


targets = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(targets, st.integers(-1, 3)), min_size=1, max_size=8))
def test_no_target_is_ever_lost(seen: list[tuple[str, int]]) -> None:
    """Whatever the clock says, the last reading is the present state, and every target read before is a former one."""
    ref: Ref | None = None
    for number, (target, step) in enumerate(seen):
        read = Ref(
            key="m@t", model="m", name="t", kind="tag", target=target, since=NOON + timedelta(days=number * step)
        )
        before = ref
        ref = read if before is None else read_again(KnownRef(before, None), read)
        if before is not None and before.target == target:
            assert ref == before
    assert ref is not None
    assert ref.target == seen[-1][0]
    others = {target for target, _ in seen} - {ref.target}
    assert others <= {each.target for each in ref.former}
    assert [each.target for each in ref.former] == sorted({each.target for each in ref.former})
