"""One model that is read again and again while its repository changes: on a directory Hub, or on a Hub over HTTP."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from lineage.answers.check import check
from lineage.answers.session import Session
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.finding import Finding
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.weight_files import safetensors_bytes

MODEL = "org/name"
WEIGHTS = "model.safetensors"

HubKind = Literal["directory", "server", "api"]
"""A directory of bare repositories, a Hub over HTTP with git, and one whose histories come from its API."""

EVERY_KIND = ("directory", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("server", "api")))
"""The kinds as parameters of a test; those over HTTP take three times as long, and `make quick` leaves them out."""

BOTH_KINDS = EVERY_KIND[:2]
"""A directory and a Hub with git, where the API alone makes no difference."""


def weights(seed: int, *, format_of: str = "pt") -> bytes:
    """Make four tensors of random bytes; `format_of` changes the file and not the tensors."""
    chance = random.Random(seed)
    tensors = {f"layers.{n}.weight": ("BF16", (4, 8), chance.randbytes(64)) for n in range(4)}
    return safetensors_bytes(tensors, {"format": format_of})


@dataclass
class Readings:
    """Hold a repository on a Hub, and open sessions that read it into one store."""

    repository: BareRepository
    folder: Path
    store: str
    server: HubServer | None = None
    sessions: list[Session] = field(default_factory=list)

    def session(self, **more: Any) -> Session:
        """Open a session, as a command of its own would, after the ones before it have ended.

        Without that the log of the store grows with each session, and each new one reads it whole to check it.
        """
        self.close()
        if self.server is None:
            opened = Session(hub_selector=str(self.folder / "hub"), store_url=self.store, **more)
        else:
            opened = Session(settings=self.server.settings(self.folder), store_url=self.store, **more)
        self.sessions.append(opened)
        return opened

    def check(self, target: str = MODEL, *, offline: bool = False, **how: Any) -> CheckAnswer:
        """Check the model in a session of its own."""
        answer = check(self.session(offline=offline), [target], **how)
        assert isinstance(answer, CheckAnswer)
        return answer

    def close(self) -> None:
        """Close the sessions, the last first."""
        while self.sessions:
            self.sessions.pop().close()

    def register_anew(self, created: str | None = None) -> BareRepository:
        """Delete the repository and register its name again; the Hub over HTTP gives the date of creation."""
        shutil.rmtree(self.repository.git_dir)
        self.repository = BareRepository(self.repository.git_dir)
        self.serve(created)
        return self.repository

    def serve(self, created: str | None = None) -> None:
        """Let the server, if there is one, show the repository, with a date of creation."""
        if self.server is not None:
            date = created or "2024-01-01T00:00:00.000Z"
            self.server.add(MODEL, self.repository.git_dir, createdAt=date)


@contextmanager
def readings(kind: HubKind, folder: Path, store: str | None = None) -> Iterator[Readings]:
    """Make an empty repository on a Hub of a kind, with an empty store."""
    made = Readings(BareRepository(folder / "hub" / f"{MODEL}.git"), folder, store or f"sqlite:///{folder}/lineage.db")
    server = HubServer() if kind != "directory" else None
    try:
        if server is not None:
            server.git = kind != "api"
            made.server = server
            made.serve()
        yield made
    finally:
        made.close()
        if server is not None:
            server.close()


@contextmanager
def served(kind: HubKind, repository: BareRepository, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the arguments of a session with a repository in `folder / "hub"`, from there or from a Hub over HTTP."""
    store = str(folder / "lineage.db")
    if kind == "directory":
        yield {"hub_selector": str(folder / "hub"), "store_url": store}
        return
    with HubServer() as server:
        server.git = kind != "api"
        server.add(MODEL, repository.git_dir)
        yield {"settings": server.settings(folder), "store_url": store}


@contextmanager
def tagged(kind: HubKind, folder: Path) -> Iterator[Readings]:
    """Make a model with one upload, tagged v1.0, on a Hub of a kind, with an empty store."""
    with readings(kind, folder) as made:
        made.repository.commit({WEIGHTS: weights(1)})
        made.repository.git("tag", "v1.0")
        yield made


def by_rule(answer: CheckAnswer) -> dict[str, list[Finding]]:
    """Sort the findings of an answer by their rule's name."""
    found: dict[str, list[Finding]] = {}
    for each in answer.findings:
        found.setdefault(each.id, []).append(each)
    return found
