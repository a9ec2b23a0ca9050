"""Which Hub a word on the command line opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lineage.errors import InputError
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.local.cache import CacheHub
from lineage.hub.local.directory import DirectoryHub
from lineage.hub.open import open_hub
from lineage.settings.environment import Settings
from tests.support.bare_repository import BareRepository
from tests.support.shared import ROOT


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "hf" / "hub").mkdir(parents=True)
    return Settings.from_environment({"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": "https://hub.example"})


def test_each_word_opens_its_hub(settings: Settings, tmp_path: Path) -> None:
    """Nothing means the endpoint, `cache` the client's cache, everything else a directory."""
    with open_hub(None, settings, offline=True) as hub:
        assert isinstance(hub, HuggingFaceHub)
        assert (hub.name, hub.offline, hub.is_local) == ("hub.example", True, False)
    with open_hub("cache", settings) as hub:
        assert isinstance(hub, CacheHub)
        assert (hub.name, hub.offline, hub.is_local) == ("hub.example", True, True)
    with open_hub(str(tmp_path), settings) as hub:
        assert isinstance(hub, DirectoryHub)
        assert (hub.offline, hub.is_local) == (False, True)


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("org/name", "looks like a model"),
        ("./nothing", "org/name folders"),
        ("https://other.example", "HF_ENDPOINT=https://other.example"),
        ("nothing", "`cache`"),
    ],
)
def test_what_is_no_hub_is_refused(settings: Settings, selector: str, hint: str) -> None:
    """A person who names something else is told what to write."""
    with pytest.raises(InputError) as refused:
        open_hub(selector, settings)
    assert selector in refused.value.message
    assert hint in str(refused.value.hint)


def test_odd_paths_are_input_errors(settings: Settings, tmp_path: Path) -> None:
    """A file, an unknown home and a NUL are no directories, and no tracebacks."""
    (tmp_path / "file").touch()
    for selector in (str(tmp_path / "file"), "~nobody-of-that-name/x", "a\0b"):
        with pytest.raises(InputError):
            open_hub(selector, settings)


def test_one_repository_is_no_directory_of_models(settings: Settings, tmp_path: Path) -> None:
    """A bare repository is a target; as a Hub it would look empty."""
    BareRepository(tmp_path / "model.git")
    with pytest.raises(InputError, match="is a single repository"):
        open_hub(str(tmp_path / "model.git"), settings)


def test_a_directory_needs_no_client(tmp_path: Path) -> None:
    """Reading a local Hub does not pay for the network client's import."""
    (tmp_path / "org" / "model").mkdir(parents=True)
    (tmp_path / "org" / "model" / "config.json").write_text("{}")
    code = (
        "import sys; from lineage.hub.open import open_hub; from lineage.settings.environment import Settings\n"
        f"hub = open_hub({str(tmp_path)!r}, Settings.from_environment({{'LINEAGE_CACHE': '/nowhere'}}))\n"
        "print(list(hub.list_models()), hub.snapshot(hub.resolve('org/model')).config)\n"
        "print([m for m in ('huggingface_hub', 'yaml', 'numpy', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['org/model'] {}", "[]"]
