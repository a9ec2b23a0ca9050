"""A model on a directory Hub, and a local folder, for tests that make their own histories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.session import Session
from tests.support.bare_repository import BareRepository
from tests.support.readings import MODEL


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make an empty repository on a directory Hub."""
    return BareRepository(tmp_path / "hub" / f"{MODEL}.git")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open that Hub with an empty store."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url=f"sqlite:///{tmp_path}/lineage.db") as opened:
        yield opened


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Make a local folder of a model, without weights and without a declared parent."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}", "utf-8")
    return folder
