"""Edges from weights in the store: whatever the order of collection, and after weights moved or were forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lineage.answers.collect import collect
from lineage.answers.rederiving import store_rederive
from lineage.answers.session import Session
from lineage.answers.store import store_forget
from lineage.derivation.numeric.precision import round_to
from lineage.store.interface import CLOCKS
from lineage.store.records import record_of
from tests.support.neo4j_server import empty
from tests.support.sketches import llama, trained

if TYPE_CHECKING:
    from lineage.store.interface import GraphStore
    from tests.support.sketches import Weights

BASE = llama(0, layers=2, width=48, vocabulary=96)
MANUAL = trained(BASE, 1, 0.06)
MODELS: dict[str, tuple[Weights, str | None]] = {
    "lab/base": (BASE, None),
    "lab/manual": (MANUAL, "lab/base"),
    "me/notes": (trained(MANUAL, 2, 0.04), "lab/base"),  # made from lab/manual: a grandparent on the card
    "me/silent": (trained(BASE, 3, 0.2), None),
    "me/narrow": ({name: round_to(each, "BF16") for name, each in MANUAL.items()}, None),
    "me/stranger": (llama(7, layers=2, width=48, vocabulary=96), "lab/base"),
}
STATUSES = {
    ("lab/manual", "lab/base"): "confirmed",
    ("me/notes", "lab/base"): "indirect",
    ("me/notes", "lab/manual"): "inferred",
    ("me/silent", "lab/base"): "inferred",
    ("me/narrow", "lab/manual"): "inferred",
    ("me/stranger", "lab/base"): "contradicted",
}


def write(hub: Path, model: str, weights: Weights, parent: str | None) -> None:
    """Write a model folder."""
    folder = hub / model
    folder.mkdir(parents=True, exist_ok=True)
    card = f"base_model: {parent}\nbase_model_relation: finetune\n" if parent else "license: mit\n"
    (folder / "README.md").write_text(f"---\n{card}---\n")
    save_file(dict(weights), folder / "model.safetensors")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a Hub of one family and a stranger."""
    folder = tmp_path_factory.mktemp("family") / "hub"
    for model, (weights, parent) in MODELS.items():
        write(folder, model, weights, parent)
    return folder


def read(hub: Path, session: Session, models: Sequence[str]) -> None:
    """Collect models one by one, without their parents, as several runs do."""
    for model in models:
        collect(session, [model], depth=0)


def statuses(store: GraphStore) -> dict[tuple[str, str], str]:
    """Return the status of each edge, by bare ids."""
    with store.reading() as view:
        edges = [record_of("DERIVED_FROM", edge) for edge in view.all_edges("DERIVED_FROM")]
    return {(edge.child.partition(":")[2], edge.parent.partition(":")[2]): edge.status for edge in edges}


def dump(store: GraphStore) -> list[str]:
    """Write all nodes, edges and attachments without clocks."""
    with store.reading() as view:
        nodes = [repr((kind, row.key, timeless(row.properties))) for kind in ("Model", "Evidence", "MatchKey")
                 for row in view.all_nodes(kind)]  # fmt: skip
        edges = [repr((kind, *edge[1:4], timeless(edge.properties)))
                 for kind in ("DERIVED_FROM", "RELATED_TO", "HAS_KEY") for edge in view.all_edges(kind)]  # fmt: skip
    return [*nodes, *edges]


def timeless(value: object) -> object:
    """Drop the times of readings at any depth."""
    if isinstance(value, dict):
        return {name: timeless(each) for name, each in sorted(value.items()) if name not in CLOCKS}
    return [timeless(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def expected(hub: Path) -> list[str]:
    """Dump the graph of one collection of all models."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        collect(session, sorted(MODELS))
        assert statuses(session.store) == STATUSES
        return dump(session.store)


@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(sorted(MODELS)))
def test_the_order_of_collection_changes_nothing(hub: Path, expected: list[str], order: list[str]) -> None:
    """The base last, first or in the middle: the same nodes and edges; rederiving finds nothing to change."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        read(hub, session, order)
        assert dump(session.store) == expected
        assert store_rederive(session).changed == ()


@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(order=st.permutations(sorted(MODELS)))
def neo4j_has_the_same_graph(url: str, hub: Path, expected: list[str], order: list[str]) -> None:
    """Collect in one order into an empty server."""
    empty(url)
    with Session(hub_selector=str(hub), store_url=url) as session:
        read(hub, session, order)
        assert dump(session.store) == expected


def test_the_order_of_collection_changes_nothing_on_neo4j(neo4j_url: str, hub: Path, expected: list[str]) -> None:
    """In any order a server has the nodes and edges that memory has after one collection of all models."""
    neo4j_has_the_same_graph(neo4j_url, hub, expected)


@pytest.mark.slow
def test_a_model_that_is_forgotten_and_collected_again(hub: Path, expected: list[str]) -> None:
    """The graph is the same as if the base had never been gone."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        collect(session, sorted(MODELS))
        store_forget(session, ["lab/base"])
        collect(session, ["lab/base"])
        assert dump(session.store) == expected


@pytest.mark.slow
def test_weights_that_moved(hub: Path, tmp_path: Path) -> None:
    """A model that gets a stranger's weights loses its edges, and its child loses it; the order makes no difference."""
    moved = tmp_path / "hub"
    for model, (weights, parent) in MODELS.items():
        write(moved, model, weights, parent)
    with Session(hub_selector=str(moved), store_url="memory:") as session:
        collect(session, sorted(MODELS))
        write(moved, "lab/manual", llama(9, layers=2, width=48, vocabulary=96), "lab/base")
        collect(session, ["lab/manual"])
        after, whole = statuses(session.store), dump(session.store)
    assert after["lab/manual", "lab/base"] == "contradicted"
    assert ("me/narrow", "lab/manual") not in after
    with Session(hub_selector=str(moved), store_url="memory:") as session:
        collect(session, sorted(MODELS))
        assert statuses(session.store) == after
        assert [line for line in dump(session.store) if "DERIVED_FROM" in line] == [
            line for line in whole if "DERIVED_FROM" in line
        ]


def test_weights_that_were_not_sampled_leave_an_edge_declared(hub: Path) -> None:
    """Unknown is not no: without values a card is neither confirmed nor contradicted."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        collect(session, ["lab/base", "me/stranger"], samples=False)
        assert statuses(session.store) == {("me/stranger", "lab/base"): "declared"}


@pytest.mark.slow
def test_a_model_that_is_read_again_unchanged_keeps_all_edges(hub: Path, expected: list[str]) -> None:
    """Reading it again compares no weights, and the graph stays as it is."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        collect(session, sorted(MODELS))
        collect(session, ["lab/base", "me/notes"], refresh=True)
        assert dump(session.store) == expected
