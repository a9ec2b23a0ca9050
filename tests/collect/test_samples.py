"""Samples in the pipeline: taken within the budget, stored once, and added to what an older version stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.fingerprint import fingerprint
from lineage.answers.session import Session
from lineage.fingerprint.values.sketch import unpack_sketch
from lineage.store.open import open_store
from lineage_schemas.answers.collect import CollectAnswer
from tests.support.hub_server import HubServer
from tests.support.repositories import zoo_hub
from tests.support.weight_files import write_shards

BASE, ADAPTER = "skiffworks/skiff-0.7m", "otterhub/skiff-packages-lora"


def collected(zoo: Path, folder: Path, *targets: str, **how: object) -> CollectAnswer:
    """Collect models of the carried zoo into a store of the test."""
    with Session(hub_selector=str(zoo), store_url=f"sqlite:///{folder / 's.db'}", offline=True) as session:
        return collect(session, list(targets) or [BASE], **how)  # type: ignore[arg-type]


def sketches(folder: Path) -> list[str]:
    """List the coverage of every stored sketch, and check that it is that of the record."""
    found = []
    with open_store(f"sqlite:///{folder / 's.db'}") as store, store.reading() as view:
        for kind, key, data in view.all_attachments():
            if kind == "sketch":
                coverage = unpack_sketch(data).coverage
                assert view.nodes("Weights", [key])[key]["sketch"] == coverage
                assert (view.nodes("Weights", [key])[key]["arch"] or "arch.v1").startswith("arch.v1")
                found.append(coverage)
    return found


def test_collect_stores_a_sketch_of_each_group(small_zoo: Path, tmp_path: Path) -> None:
    """The answer counts the groups, and a second run takes no sample again."""
    answer = collected(small_zoo, tmp_path, ADAPTER)
    assert [each.samples.groups for each in answer.models if each.samples] == [1, 1]
    assert len(sketches(tmp_path)) == 2
    again = collected(small_zoo, tmp_path, ADAPTER)
    assert {each.outcome for each in again.models} == {"unchanged"}
    assert not any(each.samples for each in again.models)


def test_a_store_without_samples_gets_them_at_the_next_collection(small_zoo: Path, tmp_path: Path) -> None:
    """What was read without samples is read again for them alone, once."""
    collected(small_zoo, tmp_path, samples=False)
    assert sketches(tmp_path) == []
    without = collected(small_zoo, tmp_path, samples=False)
    assert without.models[0].outcome == "unchanged"
    answer = collected(small_zoo, tmp_path)
    assert answer.models[0].outcome == "collected"
    assert len(sketches(tmp_path)) == 1
    assert collected(small_zoo, tmp_path).models[0].outcome == "unchanged"


def test_a_group_that_cannot_be_sampled_is_tried_once(tmp_path: Path) -> None:
    """A set with missing shards has an empty sketch and a reason, and is not read again for a sample."""
    folder = tmp_path / "hub" / "org" / "half"
    folder.mkdir(parents=True)
    names = write_shards(folder, {"a.weight": ("F32", (2, 2), bytes(16)), "b.weight": ("F32", (2, 2), bytes(16))}, 2)
    (folder / names[1]).unlink()
    answer = collected(tmp_path / "hub", tmp_path, "org/half")
    assert answer.models[0].samples is not None
    assert "shards" in str(answer.models[0].samples.not_sampled)


@pytest.mark.slow
class TestOverTheNetwork:
    """Samples of a Hub on a socket, read by the real client."""

    @pytest.fixture
    def hub(self, small_zoo: Path, tmp_path: Path) -> Iterator[HubServer]:
        """Serve the carried models."""
        with HubServer() as server:
            server.fill(zoo_hub(small_zoo, tmp_path / "zoo"), tmp_path / "served")
            yield server

    def test_ranges_give_the_sketch_of_the_folder(self, hub: HubServer, small_zoo: Path, tmp_path: Path) -> None:
        """Over the network the sketch is the same, costs what was planned, and the answer says so."""
        (tmp_path / "here").mkdir()
        collected(small_zoo, tmp_path / "here")
        with Session(settings=hub.settings(tmp_path / "away")) as session:
            answer = collect(session, [BASE], level="header")
            samples = answer.models[0].samples
            planned = fingerprint(session, BASE, level="header").groups[0].sample
            with session.store.reading() as view:
                away = [data for kind, _, data in view.all_attachments() if kind == "sketch"]
        with open_store(f"sqlite:///{tmp_path / 'here' / 's.db'}") as store, store.reading() as view:
            here = [data for kind, _, data in view.all_attachments() if kind == "sketch"]
        assert here == away
        assert samples is not None
        assert planned is not None
        assert samples.cost.bytes_read == planned.bytes
        assert samples.cost.ranges == planned.requests
        assert not samples.cost.local

    def test_a_budget_that_is_spent_leaves_no_sample(self, hub: HubServer, tmp_path: Path) -> None:
        """With fewer bytes than a sample takes nothing is sampled, and the reason is in the answer."""
        with Session(settings=hub.settings(tmp_path / "away")) as session:
            answer = collect(session, [BASE], max_bytes=100_000)
            assert answer.models[0].samples is not None
            assert answer.models[0].samples.groups == 0
            assert "--max-bytes" in next(iter(answer.models[0].samples.not_sampled.values()))
            more = collect(session, [BASE], max_bytes=2_000_000)
            assert more.models[0].samples is not None
            assert more.models[0].samples.groups == 1
