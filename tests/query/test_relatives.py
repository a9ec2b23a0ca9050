"""Candidates: weights with match keys in common, ranked, from whatever number of holders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lineage.query import relatives
from lineage.query.relatives import candidates, holders_of, models_with
from lineage.store.interface import StoreView
from lineage.store.memory import MemoryStore
from lineage_schemas.digests import Digests
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.match_key import MatchKey, WeightsKeys
from lineage_schemas.weights import GroupWeights, Weights
from tests.support.graphs import derivation, group, model, revision


def weights_with(digest: str, *keys: str) -> GraphBatch:
    """Make weights with match keys, and a model that has them."""
    made = tuple(MatchKey(key=key, family=key.partition(":")[0]) for key in keys)
    listed = WeightsKeys(weights=digest, keys=made)
    return model_with(f"model/{digest.partition(':')[2]}", digest).model_copy(update={"match_keys": (listed,)})


def model_with(key: str, digest: str, *, commit: str = "c1", name: str = "model.safetensors") -> GraphBatch:
    """Make a model whose head has weights."""
    placed = GroupWeights(revision=f"{key}@{commit}", group=group(name), weights=digest)
    return GraphBatch(
        models=(model(key, head="c1"),), revisions=(revision(key, commit),), weights=(Weights(key=digest),),
        group_weights=(placed,),
    )  # fmt: skip


def write(store: MemoryStore, *batches: GraphBatch) -> None:
    """Write batches one after the other."""
    for batch in batches:
        store.write(batch)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow keys with up to five holders."""
    monkeypatch.setattr(relatives, "MAX_HOLDERS", 5)


@pytest.fixture
def view() -> Iterator[StoreView]:
    """Yield a store with a base, its tuned model, a stranger of one band, and an architecture that twenty have."""
    store = MemoryStore()
    store.write(weights_with("files.v1:base", "band:1", "band:2", "band:3", "arch:a"))
    store.write(weights_with("files.v1:tuned", "band:1", "band:2", "arch:a"))
    store.write(weights_with("files.v1:a", "band:3", "arch:b"))
    for number in range(20):
        store.write(weights_with(f"files.v1:{number}", "arch:a"))
    with store.reading() as view:
        yield view


def test_weights_with_most_keys_in_common_come_first(view: StoreView) -> None:
    """Holders are ranked by the number of shared keys, then by digest, and cut at the limit."""
    found = candidates(view, ["band:1", "band:2", "band:3", "band:1", "none"], 9)
    assert found == [("files.v1:base", 3), ("files.v1:tuned", 2), ("files.v1:a", 1)]
    assert candidates(view, {"band:3", "none"}, 9) == [("files.v1:a", 1), ("files.v1:base", 1)]
    assert candidates(view, {"band:3"}, 1) == [("files.v1:a", 1)]
    assert candidates(view, [], 9) == candidates(view, ["none"], 9) == []


def test_former_weights_take_no_place() -> None:
    """Weights that no model has any more are no candidates, however many they are."""
    store = MemoryStore()
    for number in range(20):
        store.write(weights_with(f"files.v1:{number}", "band:1", "band:2"))
        store.write(model_with(f"model/{number}", "files.v1:now"))
    store.write(weights_with("files.v1:other", "band:1"))
    with store.reading() as view:
        assert candidates(view, ["band:1", "band:2"], 2) == [("files.v1:other", 1)]


@pytest.mark.usefixtures("few")
def test_a_common_key_is_followed_to_the_most_used_bases_only() -> None:
    """A key with too many holders gives those of them that many models derive from, and counts for these."""
    store = MemoryStore()
    for number in range(20):
        store.write(weights_with(f"files.v1:{number}", "arch:a"))
    write(store, weights_with("files.v1:base", "arch:a", "band:1"), weights_with("files.v1:other", "arch:b"))
    with store.reading() as view:
        assert candidates(view, ["arch:a"], 99) == []
    edges = tuple(derivation(f"a/{n}", f"model/{p}") for n in "12" for p in ("base", "other"))
    store.write(GraphBatch(derivations=edges))
    with store.reading() as view:
        assert candidates(view, ["arch:a"], 99) == [("files.v1:base", 1)]
        assert candidates(view, ["arch:a", "band:1"], 99) == [("files.v1:base", 2)]


@pytest.mark.usefixtures("few")
def test_a_key_with_as_many_holders_as_are_followed_is_followed() -> None:
    """Five holders are followed, six are not."""
    store = MemoryStore()
    for number in range(5):
        store.write(weights_with(f"files.v1:{number}", "arch:a"))
    with store.reading() as view:
        assert len(candidates(view, ["arch:a"], 99)) == 5
    store.write(weights_with("files.v1:5", "arch:a"))
    with store.reading() as view:
        assert candidates(view, ["arch:a"], 99) == []


def test_models_have_weights_at_their_head() -> None:
    """Models that had weights at an earlier commit, or have them in another group than the main one, are left out."""
    store = MemoryStore()
    side_group = group("gguf").model_copy(update={"main": False})
    write(
        store,
        model_with("a/now", "files.v1:1"), model_with("a/copy", "files.v1:1"),
        model_with("a/before", "files.v1:1", commit="c0"), model_with("a/before", "files.v1:2"),
        model_with("a/beside", "files.v1:3"),
        GraphBatch(group_weights=(GroupWeights(revision="a/beside@c1", group=side_group, weights="files.v1:1"),)),
    )  # fmt: skip
    with store.reading() as view:
        assert models_with(view, ["files.v1:1", "files.v1:3", "files.v1:9"]) == {
            "files.v1:1": ["a/copy", "a/now"], "files.v1:3": ["a/beside"],
        }  # fmt: skip
        assert relatives.main_weights(view, ["a/before", "no/body"]) == {"a/before": "files.v1:2"}


def test_equal_parameters_in_other_files_are_found_by_digest() -> None:
    """Weights with the same weights or content digest are listed, and not the weights themselves."""
    store = MemoryStore()
    store.write(
        GraphBatch(
            weights=(
                Weights(key="files.v1:1", weights="weights.v1:1", content="content.v1:1"),
                Weights(key="files.v1:2", weights="weights.v1:1", content="content.v1:1"),
                Weights(key="files.v1:3", weights="weights.v1:3", content="content.v1:1"),
                Weights(key="files.v1:4"),
            )
        )
    )
    with store.reading() as view:
        own = Digests(files="files.v1:1", weights="weights.v1:1", content="content.v1:1")
        assert holders_of(view, own) == ["files.v1:2", "files.v1:3"]
        assert holders_of(view, Digests(files="files.v1:4")) == []
