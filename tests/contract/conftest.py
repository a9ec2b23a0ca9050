"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage_schemas.snapshot import ResolvedRevision
from tests.support.graphs import BACKENDS, Stores, stay
from tests.support.hub_kinds import KINDS, Kind, Opener, World, as_parameters, make_world, opened
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


@pytest.fixture(scope="module")
def world(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make the repository that all kinds of Hub serve."""
    return make_world(small_zoo, tmp_path_factory.mktemp("world"))


@pytest.fixture(params=as_parameters(KINDS))
def kind(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Kind]:
    """Open each kind of Hub on it."""
    opener: Opener = request.param
    with opened(opener, world, tmp_path) as kind:
        yield kind


@pytest.fixture
def head(kind: Kind) -> ResolvedRevision:
    """Resolve the default branch."""
    return kind.hub.resolve(kind.model)
