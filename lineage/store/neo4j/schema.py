"""The Neo4j schema, made from the table of promoted properties.

Each label has a unique constraint on its key, which is an index too, and each promoted property an index. Each is made
only where it is missing. One node `LineageStore` holds the schema's version; every writer locks it first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import StoreError
from lineage.log import Log
from lineage.store import migrations
from lineage.store.neo4j.codec import ATTACHMENTS, AWAITED, EMPTY
from lineage.store.promoted import PROMOTED

if TYPE_CHECKING:
    from neo4j import Session

    from lineage.store.neo4j.retries import RetryPolicy

LOG = Log(__name__)

STORE = "LineageStore"

UNFINISHED = "unfinished"
"""A property of the node `LineageStore` with what is still to do after an import: labels and types whose empty lists
must be made, and IMPORTED for the constraints and indexes. Removed at the end."""

IMPORTED = "import"

_AWAIT_SECONDS = 3600

_MADE_MEANWHILE = frozenset(
    f"Neo.ClientError.Schema.{name}"
    for name in ("EquivalentSchemaRuleAlreadyExists", "IndexAlreadyExists", "ConstraintAlreadyExists")
)

_OF_SCHEMA = ("CREATE INDEX ", "CREATE CONSTRAINT ", "DROP INDEX ", "DROP CONSTRAINT ")
"""Beginnings of statements that change the schema."""

_IN_PARTS = " IN TRANSACTIONS OF "
"""In a statement that changes many nodes, some thousand in each transaction."""

_KEYED = (*PROMOTED, *(label for label, _ in ATTACHMENTS.values()))
"""Labels whose nodes have a key."""

_ROWS = 10_000
"""Nodes or edges in one transaction that finishes an import."""


def schema_version() -> int:
    """Return the schema version of new stores."""
    return migrations.SCHEMA_VERSION


def take_turn() -> str:
    """Return the first clauses of a write: they lock the node `LineageStore` until the commit.

    MERGE makes the node again for a user who deleted everything in the database.
    """
    return (
        f"MERGE (s:{STORE} {{name: 'lineage'}})"
        f" ON CREATE SET s.schema_version = {schema_version()}, s.made_at = datetime(), s.writes = 0"
        " SET s.writes = s.writes + 1"
    )


def writes_of(session: Session) -> int:
    """Read the counter of writes; 0 where there is no store yet."""
    found = session.run(f"MATCH (s:{STORE} {{name: 'lineage'}}) RETURN s.writes").values()
    return int(found[0][0]) if found else 0


def constraints() -> dict[str, str]:
    """Return the statements that make the unique constraints, by name: writing needs them."""
    made = {f"lineage_{label.lower()}_key": f"FOR (n:{label}) REQUIRE n.key IS UNIQUE" for label in _KEYED}
    made["lineage_awaited_key"] = f"FOR (n:{AWAITED}) REQUIRE (n.kind, n.key) IS UNIQUE"
    made["lineage_store"] = f"FOR (n:{STORE}) REQUIRE n.name IS UNIQUE"
    return {name: f"CREATE CONSTRAINT {name} IF NOT EXISTS {what}" for name, what in made.items()}


def indexes() -> dict[str, str]:
    """Return the statements that make the other indexes, by name: a bulk load runs them at its end."""
    return {
        f"lineage_{kind.lower()}_{p.name}": (
            f"CREATE INDEX lineage_{kind.lower()}_{p.name} IF NOT EXISTS FOR (n:{kind}) ON (n.{p.name})"
        )
        for kind, promoted in PROMOTED.items()
        for p in promoted
        if p.indexed
    }


class State(NamedTuple):
    """Hold a store's schema version, 0 for none, and what is still to do after an import."""

    version: int
    unfinished: tuple[str, ...]
    database: str | None

    @property
    def is_ready(self) -> bool:
        """Return whether the store can be read as it is: the version is written after everything else is made."""
        return self.version == schema_version() and not self.unfinished

    @property
    def lacks_keys_only(self) -> bool:
        """Return whether only constraints and indexes are missing: such a store can be read, but slowly."""
        return self.version == schema_version() and set(self.unfinished) <= {IMPORTED}


def state_of(session: Session, url: str) -> State:
    """Read the state of a store. Raises StoreError if a newer version of lineage made it."""
    result = session.run(f"MATCH (s:{STORE}) RETURN s.schema_version, s.{UNFINISHED}")
    found = [row for row in result.values() if isinstance(row[0], int)]  # another program may use this label
    version, unfinished = found[0] if found else (0, None)
    state = State(version, tuple(unfinished or ()), result.consume().database)
    _refuse_newer(url, state.version)
    return state


def check_version(version: int, url: str) -> None:
    """Raise StoreError if another process changed the schema's version since this one opened the store.

    A writer calls it once it holds the lock: after another process's migration it must not write rows of the old form.
    """
    _refuse_newer(url, version)
    if version != schema_version():
        raise StoreError(
            f"the store {url} was replaced by one of an older version of lineage (its schema is version {version})",
            hint="run the command again: it brings the store up to date",
        )


def _refuse_newer(url: str, version: int) -> None:
    if version > schema_version():
        raise StoreError(
            f"the store {url} was made by a newer version of lineage"
            f" (its schema is version {version}; this lineage supports up to {schema_version()})",
            hint="upgrade: pip install -U model-lineage",
        )


def make_ready(session: Session, policy: RetryPolicy) -> None:
    """Make the schema, bring an older one up to date, or make the indexes that are missing after a killed load.

    Several processes may do this at the same time: every step is harmless when it runs twice.
    """
    state = policy.retry(lambda: state_of(session, policy.url))
    if state.version == 0:
        state = _refuse_foreign(session, policy)
    wanted = {**constraints(), **indexes()}
    missing = [wanted[name] for name in wanted.keys() - _existing(session, policy, state)]
    if missing:
        LOG.info("%s: making %d constraints and indexes", policy.url, len(missing))
    for statement in sorted(missing, key=lambda text: "CREATE INDEX" in text):
        _change(session, policy, statement)
    if missing:
        policy.retry(lambda: session.run("CALL db.awaitIndexes($seconds)", seconds=_AWAIT_SECONDS).consume())
    _finish_import(session, policy)
    if state.version == 0:
        _record(session, policy, take_turn())
    for migration in migrations.MIGRATIONS:
        if 0 < state.version < migration.version:
            LOG.info("%s: bringing the store from version %d to %d", policy.url, state.version, migration.version)
            for statement in migration.neo4j:
                _change(session, policy, statement)
            done = (  # the first SET takes the lock: another process may have recorded a later version already
                f"MATCH (s:{STORE}) SET s.writes = s.writes WITH s WHERE s.schema_version < $number"
                " SET s.schema_version = $number, s.migrations = coalesce(s.migrations, []) + $name"
            )
            name = f"{migration.version} {migration.name}"
            _record(session, policy, done, number=migration.version, name=name)


def can_be_written(session: Session, policy: RetryPolicy) -> bool:
    """Return whether a store is ready and has its constraints, though an index may be missing."""
    state = policy.retry(lambda: state_of(session, policy.url))
    return state.is_ready and constraints().keys() <= _existing(session, policy, state)


def _finish_import(session: Session, policy: RetryPolicy) -> None:
    """Make the empty lists that CSV files could only name. If it is killed, the next writer continues."""
    for name in policy.retry(lambda: state_of(session, policy.url)).unfinished:
        if name != IMPORTED:
            pattern = f"(n:{name})" if name in PROMOTED else f"()-[n:{name}]->()"
            lists = (
                f"MATCH {pattern} WHERE n.{EMPTY} IS NOT NULL CALL (n) {{"
                f" FOREACH (name IN n.{EMPTY} | SET n[name] = []) REMOVE n.{EMPTY}"
                f" }} IN TRANSACTIONS OF {_ROWS} ROWS"
            )
            policy.retry(partial(_rows, session, lists))
        rest = f"MATCH (s:{STORE}) SET s.{UNFINISHED} = [each IN s.{UNFINISHED} WHERE each <> $name]"
        _record(session, policy, rest, name=name)
    _record(session, policy, f"MATCH (s:{STORE}) WHERE s.{UNFINISHED} = [] REMOVE s.{UNFINISHED}")


def has_nodes(session: Session, policy: RetryPolicy) -> bool:
    """Return whether the store has a node of any kind."""
    return any(_is_used(session, policy, label) for label in PROMOTED)


def foreign_label(session: Session, policy: RetryPolicy) -> str | None:
    """Return a label of a store that has nodes; in a database without a store they are another application's."""
    return next((label for label in (*_KEYED, AWAITED, STORE) if _is_used(session, policy, label)), None)


def _is_used(session: Session, policy: RetryPolicy, label: str) -> bool:
    return bool(policy.retry(partial(_rows, session, f"MATCH (n:{label}) RETURN 1 LIMIT 1")))


def drop_indexes(session: Session, policy: RetryPolicy) -> None:
    """Drop the indexes that `make_ready` makes again after a load."""
    for name in indexes():
        _change(session, policy, f"DROP INDEX {name} IF EXISTS")


def _existing(session: Session, policy: RetryPolicy, state: State) -> set[str]:
    """Return the names of the constraints and indexes that exist; a constraint has an index of the same name.

    Listing them is a right of its own. For a user without it, a store that is marked as ready counts as complete.
    """
    from neo4j.exceptions import Forbidden

    try:
        return set(policy.retry(lambda: session.run("SHOW INDEXES YIELD name").value()))
    except Forbidden:
        if not state.is_ready:
            raise
        return {*constraints(), *indexes()}


def _refuse_foreign(session: Session, policy: RetryPolicy) -> State:
    """Raise StoreError if another application has nodes with a label of a store; else return the store's state.

    The state is read after the labels: another writer may have made the store in between, and then the nodes are its.
    """
    label = foreign_label(session, policy)
    state = policy.retry(lambda: state_of(session, policy.url))
    if label is not None and state.version == 0:
        raise StoreError(
            f"{policy.url} is not a lineage store: its database has {label} nodes of another application",
            hint="use a separate database; in the community edition that is a separate server",
        )
    return state


def _change(session: Session, policy: RetryPolicy, statement: str) -> None:
    """Run one statement in a transaction of its own. It may take minutes: a constraint on millions of nodes does.

    A change of the schema waits for every open transaction that used the label, and later transactions that use the
    label wait for the change. So this wait has a limit, like that for another writer. `IF NOT EXISTS` checks before it
    takes the schema's lock: an error because another process made the same rule in between is ignored. A statement that
    commits in parts begins its transactions itself.
    """
    from neo4j.exceptions import ClientError

    if _IN_PARTS in statement:
        policy.retry(partial(_rows, session, statement))
        return
    try:
        schema = statement.startswith(_OF_SCHEMA)
        policy.write(session, lambda transaction: transaction.run(statement).consume(), changes_schema=schema)
    except ClientError as error:
        if error.code not in _MADE_MEANWHILE:
            raise


def _record(session: Session, policy: RetryPolicy, statement: str, **parameters: object) -> None:
    """Change the node `LineageStore`, whose lock another writer may hold."""
    policy.write(session, lambda transaction: transaction.run(statement, parameters).consume())


def _rows(session: Session, statement: str) -> list[list[Any]]:
    return session.run(statement).values()
