"""The schema of a store in Neo4j, made from the table of promoted properties.

A unique key for each label, which is an index too, and an index for each promoted property. Everything is made only
where it is not there. One node `LineageStore` keeps the schema's version; who writes takes its lock first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lineage.errors import StoreError
from lineage.store.neo4j_codec import ATTACHMENTS, AWAITED, EMPTY
from lineage.store.neo4j_errors import managed
from lineage.store.promoted import PROMOTED

if TYPE_CHECKING:
    from neo4j import Session

STORE = "LineageStore"

FIRST_VERSION = 1

MIGRATIONS: Mapping[int, tuple[str, tuple[str, ...]]] = {}
"""Version to the migration's name and its statements, in order, without a gap. Each statement is a transaction of its
own and does no harm when it is run twice: Neo4j does not mix changes of schema and data in one."""

SCHEMA_VERSION = max(MIGRATIONS, default=FIRST_VERSION)
"""What new stores are made with."""

TAKE_TURN = (
    f"MERGE (s:{STORE} {{name: 'lineage'}})"
    f" ON CREATE SET s.schema_version = {SCHEMA_VERSION}, s.made_at = datetime(), s.writes = 0"
    " SET s.writes = s.writes + 1"
)
"""What a write begins with: the node's lock, until the commit. Whoever deleted everything deleted the node too."""

UNFINISHED = "unfinished"
"""A property of the node `LineageStore`: labels and types in which an import left empty lists to be made, and IMPORTED
for the keys and indexes. Not there once all is done."""

IMPORTED = "import"

_AWAIT_SECONDS = 3600

_ROWS = 10_000
"""Nodes or edges of one transaction that finishes an import."""


def constraints() -> dict[str, str]:
    """Give the statements that make the unique keys, by name: writing needs them."""
    labels = [*PROMOTED, *(label for label, _ in ATTACHMENTS.values())]
    made = {f"lineage_{label.lower()}_key": f"FOR (n:{label}) REQUIRE n.key IS UNIQUE" for label in labels}
    made["lineage_awaited_key"] = f"FOR (n:{AWAITED}) REQUIRE (n.kind, n.key) IS UNIQUE"
    made["lineage_store"] = f"FOR (n:{STORE}) REQUIRE n.name IS UNIQUE"
    return {name: f"CREATE CONSTRAINT {name} IF NOT EXISTS {what}" for name, what in made.items()}


def indexes() -> dict[str, str]:
    """Give the statements that make the indexes which can wait until after a load, by name."""
    return {
        f"lineage_{kind.lower()}_{p.name}": (
            f"CREATE INDEX lineage_{kind.lower()}_{p.name} IF NOT EXISTS FOR (n:{kind}) ON (n.{p.name})"
        )
        for kind, promoted in PROMOTED.items()
        for p in promoted
        if p.indexed
    }


def version_of(session: Session, url: str) -> int:
    """Give the version of a store's schema, 0 for none yet; refuses one that a newer lineage made."""
    found = session.run(f"MATCH (s:{STORE}) RETURN s.schema_version AS version").value()
    version = int(found[0]) if found else 0
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store {url} was made by a newer version of lineage"
            f" (its schema is {version}, this one knows up to {SCHEMA_VERSION})",
            hint="upgrade: pip install -U model-lineage",
        )
    return version


def make_ready(session: Session, url: str) -> None:
    """Make the schema, bring an older one up to date, or make the indexes that a killed load left out.

    Any number of processes may do this at once: nothing here does harm when it is done twice.
    """
    version = version_of(session, url)
    if version == 0:
        _refuse_foreign(session, url)
    wanted = {**constraints(), **indexes()}
    missing = [wanted[name] for name in wanted.keys() - _there(session)]
    for statement in sorted(missing, key=lambda text: "CREATE INDEX" in text):
        _change(session, url, statement)
    if missing:
        session.run("CALL db.awaitIndexes($seconds)", seconds=_AWAIT_SECONDS).consume()
    _finish_import(session, url)
    if version == 0:
        _change(session, url, TAKE_TURN)
    for number, (name, statements) in MIGRATIONS.items():
        if 0 < version < number:
            for statement in statements:
                _change(session, url, statement)
            done = f"MATCH (s:{STORE}) SET s.schema_version = $number, s.migrated = $name"
            _change(session, url, done, number=number, name=name)


def can_be_written(session: Session, url: str) -> bool:
    """Say whether a store is of this version and has its keys; one that `neo4j-admin` made has not."""
    if version_of(session, url) != SCHEMA_VERSION or _unfinished(session):
        return False
    return constraints().keys() <= _there(session)


def _unfinished(session: Session) -> list[str]:
    found = session.run(f"MATCH (s:{STORE}) RETURN s.{UNFINISHED}").value()
    return list(found[0] or ()) if found else []


def _finish_import(session: Session, url: str) -> None:
    """Make the empty lists that CSV files could only name. Killed on the way, the next one goes on."""
    for name in _unfinished(session):
        if name != IMPORTED:
            pattern = f"(n:{name})" if name in PROMOTED else f"()-[n:{name}]->()"
            session.run(
                f"MATCH {pattern} WHERE n.{EMPTY} IS NOT NULL CALL (n) {{"
                f" FOREACH (name IN n.{EMPTY} | SET n[name] = []) REMOVE n.{EMPTY}"
                f" }} IN TRANSACTIONS OF {_ROWS} ROWS"
            ).consume()
        rest = f"MATCH (s:{STORE}) SET s.{UNFINISHED} = [each IN s.{UNFINISHED} WHERE each <> $name]"
        _change(session, url, rest, name=name)
    _change(session, url, f"MATCH (s:{STORE}) WHERE s.{UNFINISHED} = [] REMOVE s.{UNFINISHED}")


def drop_indexes(session: Session, url: str) -> None:
    """Drop what can be made again after a load."""
    for name in indexes():
        _change(session, url, f"DROP INDEX {name} IF EXISTS")


def _there(session: Session) -> set[str]:
    """Name the constraints and indexes that are there; a unique key is an index of its own name."""
    return set(session.run("SHOW INDEXES YIELD name").value())


def _refuse_foreign(session: Session, url: str) -> None:
    """Refuse a database that holds another application's nodes under our labels."""
    for label in PROMOTED:
        if session.run(f"MATCH (n:{label}) RETURN 1 LIMIT 1").value():
            raise StoreError(
                f"{url} is no lineage store: its database holds {label} nodes of another application",
                hint="use a database of its own; in the community edition that is a server of its own",
            )


def _change(session: Session, url: str, statement: str, **parameters: object) -> None:
    """Run one statement in a transaction of its own, again where another process was in the way."""
    managed(session, url, lambda transaction: transaction.run(statement, parameters).consume())
