"""Fixtures of all tests: a separate environment, and models to read."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.support.failed_names import pytest_terminal_summary  # noqa: F401 -- a hook
from tests.support.neo4j_run import Neo4jRun, workers
from tests.support.neo4j_server import neo4j_servers, neo4j_url  # noqa: F401 -- fixtures
from tests.support.shared import ROOT, SHARED

# Read by the Hub's client when it is imported, which may be before the first test.
os.environ["HF_TOKEN_PATH"] = os.devnull
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

# Read by numpy when it is imported. Threads of OpenBLAS wait for each other in loops: beside the other processes of a
# run, tests/derivation/test_disguises.py took 106 s of CPU with two threads, and takes 4 s with one.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# A machine may forbid `__pycache__` (containers often do). Then each of the hundreds of processes of a run compiles all
# that it imports: `lineage demo` takes 2.9 s of CPU instead of 1.3 s. The folders that a run leaves are ignored by git.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

FORGOTTEN = (
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "XDG_CACHE_HOME", "HUGGINGFACE_HUB_CACHE",
    "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FORCE_COLOR",
    "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_PASSWORD_FILE", "NEO4J_DATABASE",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-goldens`, which rewrites the texts and pages that tests compare with."""
    parser.addoption("--update-goldens", action="store_true", help="write the goldens instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    """Make the run report which Neo4j servers it used, and fail in CI if it used none."""
    config.pluginmanager.register(Neo4jRun(config))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Distribute a complete run to processes; selected tests run in this process."""
    return workers(config)


@pytest.fixture(autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Remove the user's settings, and give each test its own caches and store."""
    # Not `mktemp`: it looks through all folders that earlier tests have made to find the next number.
    home = Path(tempfile.mkdtemp(prefix="home-", dir=tmp_path_factory.getbasetemp()))
    for name in FORGOTTEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(home / "huggingface"))
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "huggingface" / "hub"))
    monkeypatch.setenv("LINEAGE_CACHE", str(home / "cache"))
    monkeypatch.setenv("LINEAGE_STORE", str(home / "lineage.db"))
    monkeypatch.setenv("NO_COLOR", "1")
    return home


@pytest.fixture(scope="session")
def small_zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the three models in the repository; read only."""
    return unpack(ROOT / "tests" / "data" / "zoo.tar.xz", tmp_path_factory.mktemp("small-zoo"))


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the whole open zoo, `truth.json` at its top; read only."""
    archive = SHARED / "zoo" / "open.tar.gz"
    if not archive.is_file():
        pytest.skip("the zoo is not here: set LINEAGE_TEST_SHARED to the folder that holds it")
    return unpack(archive, tmp_path_factory.mktemp("zoo")) / "open"


@pytest.fixture(scope="session")
def histories() -> Path:
    """Find the folder of recorded histories."""
    folder = SHARED / "data" / "histories"
    if not folder.is_dir():
        pytest.skip("the recorded histories are not here: set LINEAGE_TEST_SHARED to the folder that holds them")
    return folder


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive whose identical files are hard links."""
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder
