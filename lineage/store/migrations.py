"""Versions of the schema on disk, and how an older one becomes the newest."""

from __future__ import annotations

from typing import NamedTuple


class Migration(NamedTuple):
    """Bring a store to `version` from the one before it: `statements` run in one transaction with all others."""

    version: int
    name: str
    statements: tuple[str, ...]


FIRST_VERSION = 1

MIGRATIONS: tuple[Migration, ...] = ()
"""In order, without a gap. A store that was made by any released version is brought here for ever, so none may go:
`tests/store/test_migrations.py` opens a store of each version."""

SCHEMA_VERSION = MIGRATIONS[-1].version if MIGRATIONS else FIRST_VERSION
"""What new stores are made with."""
