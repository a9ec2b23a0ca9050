"""Which recorded weights are those of a model on a Hub, and which those of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.query.known_weights import nothing_to_compare_with
from lineage.store.memory import MemoryStore
from lineage.store.records import record_of
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.weights import GroupWeights
from tests.support.graphs import group, model, revision

LIKE_A_FOLDER = "dir-model-0123abcd:model"


@pytest.mark.parametrize(
    ("key", "recorded", "is_folder"),
    [
        (LIKE_A_FOLDER, None, True),
        (LIKE_A_FOLDER, True, True),
        (LIKE_A_FOLDER, False, False),
        ("org/model", None, False),
        ("dir-other-0123abcd:model", True, True),
    ],
)
def test_what_is_recorded_of_a_model_decides_before_its_key(key: str, recorded: bool | None, is_folder: bool) -> None:
    """A model of a directory of models is not a folder, whatever its key is; without a record the key decides."""
    store = MemoryStore()
    hub, _, model_id = key.rpartition(":")
    store.write(
        GraphBatch(
            models=(model(key, hub=hub or "huggingface.co", id=model_id, single_folder=recorded),),
            revisions=(revision(key, "c1"),),
            group_weights=(GroupWeights(revision=f"{key}@c1", group=group(), weights="files.v1:1"),),
        )
    )
    with store.reading() as view:
        assert nothing_to_compare_with(view) is is_folder


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_collection_records_whether_it_read_a_folder(tmp_path: Path, as_folder: bool) -> None:
    """One folder that is named by its path is recorded as that, a folder in a directory of models is not."""
    folder = tmp_path / "model" / "model"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("a model")
    selector = None if as_folder else str(tmp_path / "model")
    with Session(hub_selector=selector, store_url="memory:", offline=True) as session:
        collect(session, [str(folder) if as_folder else "model"])
        with session.store.reading() as view:
            [row] = view.all_nodes("Model")
    assert record_of("Model", row).single_folder is as_folder
