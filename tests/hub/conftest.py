"""A local Hub for each test, and Hubs on it that wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import RetryPolicy
from lineage.progress import Progress
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

WEIGHTS = bytes(range(256)) * 1000
CARD = b"---\nbase_model: openai-community/gpt2\nlicense: mit\nlibrary_name: transformers\n---\nA model.\n"


class Listening(Progress):
    """Keep the notes that a person would have seen."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


class Hurry:
    """Let time pass without waiting: sleeping moves the clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def policy(self, *, tries: int = 6, timeout: float = 10.0) -> RetryPolicy:
        return RetryPolicy(tries=tries, timeout=timeout, sleep=self.sleep, clock=lambda: self.now)


OpenHub = Callable[..., HuggingFaceHub]


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture(scope="session")
def three_commits(tmp_path_factory: pytest.TempPathFactory) -> BareRepository:
    """Make a model: a first upload, new weights with a tag, and a card that only then appears; to be copied."""
    repository = BareRepository(tmp_path_factory.mktemp("three-commits") / "model.git")
    repository.commit({"config.json": b'{"model_type": "gpt2"}', "model.safetensors": b"\0" * 100}, "first upload")
    repository.commit({"model.safetensors": WEIGHTS}, "new weights")
    repository.tag("v1.0")
    repository.commit({"README.md": CARD}, "Create README.md")
    return repository


@pytest.fixture
def repository(server: HubServer, three_commits: BareRepository, tmp_path: Path) -> BareRepository:
    """Serve a copy of that model as `org/model`."""
    repository = three_commits.copied(tmp_path / "served" / "model.git")
    server.add("org/model", repository.git_dir, downloads=7, likes=3)
    return repository


@pytest.fixture
def open_hub(server: HubServer, tmp_path: Path, hurry: Hurry, listening: Listening) -> Iterator[OpenHub]:
    """Open Hubs on the server that wait for nothing, and close them at the end."""
    opened: list[HuggingFaceHub] = []

    def open_one(*, offline: bool = False, policy: RetryPolicy | None = None) -> HuggingFaceHub:
        settings = server.settings(tmp_path / "home")
        hub = HuggingFaceHub(settings, offline=offline, progress=listening, policy=policy or hurry.policy())
        opened.append(hub)
        return hub

    yield open_one
    for hub in opened:
        hub.close()


@pytest.fixture
def hub(open_hub: OpenHub) -> HuggingFaceHub:
    return open_hub()
