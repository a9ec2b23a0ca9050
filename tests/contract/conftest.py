"""What the contracts run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.graphs import BACKENDS, Stores


@pytest.fixture(params=BACKENDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Give an empty store of each backend."""
    url, reopen = BACKENDS[request.param]
    stores = Stores(url(tmp_path), reopen)
    yield stores
    stores.store.close()
