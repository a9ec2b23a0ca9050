"""Which model a declared name means: on the Hub, in a directory, in the cache, offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.collect.names import KnownName, Names
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.interface import Hub
from lineage.hub.local.cache import CacheHub
from lineage.settings.environment import Settings
from lineage.store.interface import GraphStore
from lineage.store.memory import MemoryStore
from lineage_schemas.graph_batch import Attachment, GraphBatch
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer


def cached(folder: Path, *models: str) -> CacheHub:
    """Lay out models of the Hub client's cache, each with one snapshot of one file."""
    for model in models:
        place = folder / f"models--{model.replace('/', '--')}" / "snapshots" / ("a" * 40)
        place.mkdir(parents=True)
        (place / "README.md").write_text("# A model\n")
    return CacheHub(Settings.from_environment({"HF_HUB_CACHE": str(folder), "HF_ENDPOINT": "https://hub.example"}))


def found(hub: Hub, name: str, store: GraphStore | None = None) -> KnownName:
    """Find one name with an empty store."""
    return Names(hub, store or MemoryStore()).find(name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubServer]:
    """Serve one model that once had a bare name."""
    with HubServer() as server:
        repository = BareRepository(tmp_path / "gpt2.git")
        repository.commit({"README.md": b"# A model\n"}, "first")
        server.add("gpt2", repository.git_dir)
        server.rename("gpt2", "house/gpt2")
        yield server


def test_the_hubs_redirect_goes_before_the_table(server: HubServer, tmp_path: Path) -> None:
    """What the Hub answers for an old name counts, and no table is asked."""
    with HuggingFaceHub(server.settings(tmp_path / "home")) as hub:
        known = found(hub, "gpt2")
        assert (known.key, known.state, known.legacy) == (hub.key("house/gpt2"), "present", None)
        missing = found(hub, "bert-base-uncased")
        assert (missing.key, missing.state, missing.legacy) == (hub.key("bert-base-uncased"), "missing", None)


def test_offline_the_stores_alias_goes_before_the_table(server: HubServer, tmp_path: Path) -> None:
    """Without the Hub, what it once answered decides; the table is for what was never asked."""
    with HuggingFaceHub(server.settings(tmp_path / "home"), offline=True) as hub, MemoryStore() as store:
        store.write(GraphBatch(attachments=(Attachment(kind="alias", key=hub.key("gpt2"), data=b"house/gpt2"),)))
        assert (found(hub, "gpt2", store).key, found(hub, "gpt2", store).legacy) == ("house/gpt2", None)
        table = found(hub, "bert-base-uncased", store)
        assert (table.key, table.state) == (hub.key("google-bert/bert-base-uncased"), "unknown")
        assert table.legacy is not None
        assert found(hub, "no-old-name", store).legacy is None


def test_each_name_is_looked_for_in_the_cache(tmp_path: Path) -> None:
    """A name that is not in the cache says nothing about the next one, and old names are found under their new ids."""
    with cached(tmp_path, "openai-community/gpt2", "lab/base") as hub:
        names = Names(hub, MemoryStore())
        assert names.find("lab/other").state == "unknown"
        assert names.find("lab/base").state == "present"
        old = names.find("gpt2")
        assert (old.key, old.state) == (hub.key("openai-community/gpt2"), "present")
        assert old.legacy is not None
        assert names.find("distilgpt2").key == hub.key("distilbert/distilgpt2")


def test_the_cache_finds_a_name_in_other_case(tmp_path: Path) -> None:
    """A name means the one cached model whose id differs from it in case only."""
    with cached(tmp_path, "lab/Base-1B") as hub:
        assert found(hub, "LAB/base-1b").key == hub.key("lab/Base-1B")
    with cached(tmp_path, "LAB/BASE-1B") as hub:
        assert found(hub, "lab/base-1b").state == "unknown"
