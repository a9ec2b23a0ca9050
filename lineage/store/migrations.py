"""Versions of the SQLite schema, and the steps from an older one to the newest."""

from __future__ import annotations

from typing import NamedTuple


class Migration(NamedTuple):
    """Bring a store from the version before to `version`; the statements of all migrations run in one transaction."""

    version: int
    name: str
    statements: tuple[str, ...]


FIRST_VERSION = 1

MIGRATIONS: tuple[Migration, ...] = ()
"""In order, without a gap. None may be removed: a store made by any released version must open with every later one.
`tests/store/test_migrations.py` opens a store of each version."""

SCHEMA_VERSION = MIGRATIONS[-1].version if MIGRATIONS else FIRST_VERSION
"""The version of new stores."""
