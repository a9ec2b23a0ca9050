"""Versions of a store's schema, the same number on every backend, and the steps from an older one to the newest.

A migration is frozen: its statements are literal texts, never made from today's tables of kinds and properties, which
the next version changes. So a store of any version is brought to the newest by the same steps as when each was new.
`tests/store/test_migrations.py` opens a store of each version and holds the statements by their digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

FIRST_VERSION = 1


class Migration(NamedTuple):
    """Bring a store from the version before to `version`.

    The SQLite statements of all migrations run in one transaction. In Neo4j each statement is a transaction of its
    own, because Neo4j does not allow changes of schema and data in one, so each must be harmless when it runs twice;
    one with `IN TRANSACTIONS` commits in parts.

    `added` holds the fields that rows of the older version lack, by kind, with the value that the statements give them
    and that a backup of the older version gets when it is read: the same graph in a store and in its backup stays the
    same graph.
    """

    version: int
    name: str
    sqlite: tuple[str, ...]
    neo4j: tuple[str, ...]
    added: Mapping[str, Mapping[str, Any]] = {}


RELATIVES_AND_FORMER_VALUES = Migration(
    version=2,
    name="relatives, products, former targets of refs",
    sqlite=(
        'CREATE TABLE matchkey (id INTEGER PRIMARY KEY, key TEXT NOT NULL, "family" TEXT, body TEXT)',
        'CREATE TABLE product (id INTEGER PRIMARY KEY, key TEXT NOT NULL, "name" TEXT, body TEXT)',
        "CREATE TABLE has_key (source INTEGER NOT NULL, target INTEGER NOT NULL, name TEXT NOT NULL, body TEXT,"
        " PRIMARY KEY (source, target, name)) WITHOUT ROWID",
        'CREATE TABLE related_to (source INTEGER NOT NULL, target INTEGER NOT NULL, name TEXT NOT NULL, "kind" TEXT,'
        " body TEXT, PRIMARY KEY (source, target, name)) WITHOUT ROWID",
        "CREATE TABLE next_version (source INTEGER NOT NULL, target INTEGER NOT NULL, name TEXT NOT NULL, body TEXT,"
        " PRIMARY KEY (source, target, name)) WITHOUT ROWID",
        "CREATE TABLE uses (source INTEGER NOT NULL, target INTEGER NOT NULL, name TEXT NOT NULL, body TEXT,"
        " PRIMARY KEY (source, target, name)) WITHOUT ROWID",
        "CREATE UNIQUE INDEX matchkey_key ON matchkey (key)",
        "CREATE INDEX matchkey_awaited ON matchkey (id) WHERE body IS NULL",
        'CREATE INDEX matchkey_family ON matchkey ("family") WHERE "family" IS NOT NULL',
        "CREATE UNIQUE INDEX product_key ON product (key)",
        "CREATE INDEX product_awaited ON product (id) WHERE body IS NULL",
        'CREATE INDEX product_name ON product ("name") WHERE "name" IS NOT NULL',
        "CREATE INDEX has_key_in ON has_key (target, source)",
        'CREATE INDEX related_to_in ON related_to (target, source, "kind")',
        "CREATE INDEX next_version_in ON next_version (target, source)",
        "CREATE INDEX uses_in ON uses (target, source)",
        'ALTER TABLE revision ADD COLUMN "category" TEXT',
        'CREATE INDEX revision_category ON revision ("category") WHERE "category" IS NOT NULL',
        'ALTER TABLE weights ADD COLUMN "arch" TEXT',
        'CREATE INDEX weights_arch ON weights ("arch") WHERE "arch" IS NOT NULL',
        'ALTER TABLE derived_from ADD COLUMN "status" TEXT',
        "UPDATE derived_from SET \"status\" = json_extract(body, '$.status') WHERE json_valid(body)",
        "DROP INDEX IF EXISTS derived_from_in",
        'CREATE INDEX derived_from_in ON derived_from (target, source, "relation", "status")',
        "UPDATE model SET body = json_insert(body, '$.first', NULL, '$.former_identities', json('[]'),"
        " '$.single_folder', NULL, '$.declarations', NULL, '$.trust', NULL) WHERE json_valid(body)",
        "UPDATE ref SET body = json_insert(body, '$.former', json('[]'), '$.since', NULL) WHERE json_valid(body)",
        "UPDATE weights SET body = json_insert(body, '$.sketch', NULL, '$.calls', NULL) WHERE json_valid(body)",
        "UPDATE evidence SET body = json_insert(body, '$.score', NULL, '$.weights_child', NULL,"
        " '$.weights_parent', NULL) WHERE json_valid(body)",
    ),
    neo4j=(
        "CREATE CONSTRAINT lineage_matchkey_key IF NOT EXISTS FOR (n:MatchKey) REQUIRE n.key IS UNIQUE",
        "CREATE CONSTRAINT lineage_product_key IF NOT EXISTS FOR (n:Product) REQUIRE n.key IS UNIQUE",
        "CREATE CONSTRAINT lineage_sketch_key IF NOT EXISTS FOR (n:Sketch) REQUIRE n.key IS UNIQUE",
        "CREATE INDEX lineage_matchkey_family IF NOT EXISTS FOR (n:MatchKey) ON (n.family)",
        "CREATE INDEX lineage_product_name IF NOT EXISTS FOR (n:Product) ON (n.name)",
        "CREATE INDEX lineage_revision_category IF NOT EXISTS FOR (n:Revision) ON (n.category)",
        "CREATE INDEX lineage_weights_arch IF NOT EXISTS FOR (n:Weights) ON (n.arch)",
        "MATCH (n:Model) WHERE n.former_identities IS NULL CALL (n) { SET n.former_identities = [] }"
        " IN TRANSACTIONS OF 10000 ROWS",
        "MATCH (n:Ref) WHERE n.former IS NULL CALL (n) { SET n.former = [] } IN TRANSACTIONS OF 10000 ROWS",
    ),
    added={
        "Model": {"first": None, "former_identities": [], "single_folder": None, "declarations": None, "trust": None},
        "Ref": {"since": None, "former": []},
        "Revision": {"category": None},
        "Weights": {"arch": None, "sketch": None, "calls": None},
        "Evidence": {"score": None, "weights_child": None, "weights_parent": None},
    },
)

MIGRATIONS: tuple[Migration, ...] = (RELATIVES_AND_FORMER_VALUES,)
"""In order, without a gap. None may be removed or changed: a store made by any released version must open with every
later one."""

SCHEMA_VERSION = MIGRATIONS[-1].version if MIGRATIONS else FIRST_VERSION
"""The version of new stores."""


def added_since(version: int, kind: str) -> dict[str, Any]:
    """Return the fields that rows of a kind in a store of an older version lack, with their values."""
    later = (migration.added.get(kind, {}) for migration in MIGRATIONS if migration.version > version)
    return {name: value for fields in later for name, value in fields.items()}
