"""Keys that tell a single folder from a model on a Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.hub.local.directory import DirectoryHub
from lineage.hub.local.folder import FolderHub, looks_like_a_single_folder
from lineage_schemas.ids import model_key
from tests.support.hub_kinds import settings


@pytest.mark.parametrize(
    "name", ["model", "a b", "äöü", "-x-", "dir-model-0123abcd", "m.git", "two\nlines", "models--org--name", "x" * 200]
)
def test_a_folder_hubs_key_is_that_of_a_single_folder(tmp_path: Path, name: str) -> None:
    """Whatever a folder is called, the key of the model that is read from it tells that it is a single folder."""
    folder = tmp_path / name
    folder.mkdir()
    with FolderHub(folder, settings(tmp_path)) as hub:
        assert looks_like_a_single_folder(hub.key(hub.model))


def test_a_snapshot_of_the_cache_is_a_single_folder(tmp_path: Path) -> None:
    """A snapshot folder of the Hub client's cache is a folder too, though its model is named after the Hub's."""
    folder = tmp_path / "models--org--name" / "snapshots" / ("ab" * 20)
    folder.mkdir(parents=True)
    with FolderHub(folder, settings(tmp_path)) as hub:
        assert hub.model == "org/name"
        assert looks_like_a_single_folder(hub.key("org/name"))


@pytest.mark.parametrize("name", ["models", "org"])
def test_a_model_in_a_directory_of_models_is_not(tmp_path: Path, name: str) -> None:
    """A model of a directory Hub is a model on a Hub, though such a Hub is named after its folder too."""
    (tmp_path / name / "org" / "name").mkdir(parents=True)
    with DirectoryHub(tmp_path / name, settings(tmp_path)) as hub:
        assert not looks_like_a_single_folder(hub.key("org/name"))


@pytest.mark.parametrize(
    "hub", ["huggingface.co", "hub.example.org", "dir-model", "dir-model-0123abc", "xdir-model-0123abcd"]
)
def test_other_hubs_hold_no_single_folder(hub: str) -> None:
    """A Hub with another kind of name holds models, whatever they are called."""
    assert not looks_like_a_single_folder(model_key(hub, "model"))
