"""The test Hub itself, where its tests' meaning hangs on it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.shared import ROOT

DEMO = ROOT / "lineage" / "demo_data" / "hub"


@pytest.mark.slow
def test_a_directory_hub_is_served(server: HubServer, tmp_path: Path) -> None:
    """A directory Hub is served with the bytes that it holds: its folders, its bundles and its aliases."""
    folder = tmp_path / "hub"
    (folder / "org" / "plain").mkdir(parents=True)
    (folder / "org" / "plain" / "config.json").write_text("{}")
    (folder / "org" / "plain" / "model.safetensors").write_bytes(b"weights")
    bare = BareRepository(folder / "org" / "bare.git")
    bare.commit({"README.md": b"hello"})
    (folder / "aliases.json").write_text(json.dumps({"plain": "org/plain"}))
    server.fill(folder, tmp_path / "work")
    api = HfApi(endpoint=server.endpoint, token=False)
    info = api.model_info("plain", files_metadata=True)
    assert info.id == "org/plain"
    weights = next(sibling for sibling in info.siblings or () if sibling.rfilename == "model.safetensors")
    assert weights.lfs is not None
    assert weights.lfs.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert api.model_info("org/bare").sha == bare.git("rev-parse", "main")


@pytest.mark.slow
def test_the_demo_is_served(server: HubServer, tmp_path: Path) -> None:
    """The demo's directory Hub, with a real history as a bundle, is served whole."""
    server.fill(DEMO, tmp_path)
    models = {model.id for model in HfApi(endpoint=server.endpoint, token=False).list_models()}
    assert "mattshumer/Reflection-Llama-3.1-70B" in models
    assert len(models) == len(server.repositories) > 5


def test_downloads_of_the_client_work(server: HubServer, repository: BareRepository, tmp_path: Path) -> None:
    """The client's own downloads, which lineage does not use, get every file as from the Hub."""
    from huggingface_hub import hf_hub_download, snapshot_download

    path = hf_hub_download("org/model", "model.safetensors", cache_dir=tmp_path, endpoint=server.endpoint, token=False)
    assert len(Path(path).read_bytes()) == 256_000
    folder = snapshot_download("org/model", cache_dir=tmp_path, endpoint=server.endpoint, token=False)
    assert {path.name for path in Path(folder).iterdir()} == {"README.md", "config.json", "model.safetensors"}


def test_paths_info(server: HubServer, repository: BareRepository) -> None:
    """Single paths are told as in the tree, unknown ones left out."""
    api = HfApi(endpoint=server.endpoint, token=False)
    (entry,) = api.get_paths_info("org/model", ["model.safetensors", "nothing"])
    assert entry == next(item for item in api.list_repo_tree("org/model") if item.path == "model.safetensors")
