"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.graphs import BACKENDS, Stores, stay
from tests.support.neo4j_server import IDS, PARAMS, empty_store


@pytest.fixture(params=[*BACKENDS, *PARAMS])
def stores(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """Yield an empty store of each backend."""
    if request.param in IDS:
        stores = Stores(empty_store(request.param, request, monkeypatch), stay)
    else:
        url, reopen = BACKENDS[request.param]
        stores = Stores(url(tmp_path), reopen)
    yield stores
    stores.store.close()
