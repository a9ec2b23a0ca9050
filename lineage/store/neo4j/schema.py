"""The schema of a store in Neo4j, made from the table of promoted properties.

A unique key for each label, which is an index too, and an index for each promoted property. Everything is made only
where it is not there. One node `LineageStore` keeps the schema's version; who writes takes its lock first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import StoreError
from lineage.log import Log
from lineage.store.neo4j.codec import ATTACHMENTS, AWAITED, EMPTY
from lineage.store.promoted import PROMOTED

if TYPE_CHECKING:
    from neo4j import Session

    from lineage.store.neo4j.retries import RetryPolicy

LOG = Log(__name__)

STORE = "LineageStore"

FIRST_VERSION = 1

MIGRATIONS: Mapping[int, tuple[str, tuple[str, ...]]] = {}
"""Version to the migration's name and its statements, in order, without a gap. Each statement is a transaction of its
own and does no harm when it is run twice: Neo4j does not mix changes of schema and data in one."""

UNFINISHED = "unfinished"
"""A property of the node `LineageStore`: labels and types in which an import left empty lists to be made, and IMPORTED
for the keys and indexes. Not there once all is done."""

IMPORTED = "import"

_AWAIT_SECONDS = 3600

_MADE_MEANWHILE = frozenset(
    f"Neo.ClientError.Schema.{name}"
    for name in ("EquivalentSchemaRuleAlreadyExists", "IndexAlreadyExists", "ConstraintAlreadyExists")
)

_OF_SCHEMA = ("CREATE INDEX ", "CREATE CONSTRAINT ", "DROP INDEX ", "DROP CONSTRAINT ")
"""What statements that change the schema begin with."""

_KEYED = (*PROMOTED, *(label for label, _ in ATTACHMENTS.values()))
"""Labels whose nodes have a key."""

_ROWS = 10_000
"""Nodes or edges of one transaction that finishes an import."""


def schema_version() -> int:
    """Give the version that new stores are made with."""
    return max(MIGRATIONS, default=FIRST_VERSION)


def take_turn() -> str:
    """Give what a write begins with: the node's lock, until the commit. Who deleted everything deleted the node too."""
    return (
        f"MERGE (s:{STORE} {{name: 'lineage'}})"
        f" ON CREATE SET s.schema_version = {schema_version()}, s.made_at = datetime(), s.writes = 0"
        " SET s.writes = s.writes + 1"
    )


def constraints() -> dict[str, str]:
    """Give the statements that make the unique keys, by name: writing needs them."""
    made = {f"lineage_{label.lower()}_key": f"FOR (n:{label}) REQUIRE n.key IS UNIQUE" for label in _KEYED}
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


class State(NamedTuple):
    """Say how far a store is: the schema's version, 0 for none yet, and what an import left to be done."""

    version: int
    unfinished: tuple[str, ...]
    database: str | None

    @property
    def is_ready(self) -> bool:
        """Say whether there is nothing to do before it is read: whoever made it so noted it down last of all."""
        return self.version == schema_version() and not self.unfinished

    @property
    def lacks_keys_only(self) -> bool:
        """Say whether it can be read as it is, if slowly: nothing but keys and indexes is missing."""
        return self.version == schema_version() and set(self.unfinished) <= {IMPORTED}


def state_of(session: Session, url: str) -> State:
    """Look how far a store is; refuses one that a newer lineage made."""
    result = session.run(f"MATCH (s:{STORE}) RETURN s.schema_version, s.{UNFINISHED}")
    found = [row for row in result.values() if isinstance(row[0], int)]  # a stranger's node may have our label
    version, unfinished = found[0] if found else (0, None)
    state = State(version, tuple(unfinished or ()), result.consume().database)
    _refuse_newer(url, state.version)
    return state


def check_version(version: int, url: str) -> None:
    """Refuse to write, once the turn is taken, where the schema is another one than when the store was opened.

    Whoever brought it up to date meanwhile would find rows of the old kind in it.
    """
    _refuse_newer(url, version)
    if version != schema_version():
        raise StoreError(
            f"the store {url} was replaced meanwhile by one of an older version of lineage (its schema is {version})",
            hint="run the command again: that brings it up to date",
        )


def _refuse_newer(url: str, version: int) -> None:
    if version > schema_version():
        raise StoreError(
            f"the store {url} was made by a newer version of lineage"
            f" (its schema is {version}, this one knows up to {schema_version()})",
            hint="upgrade: pip install -U model-lineage",
        )


def make_ready(session: Session, policy: RetryPolicy) -> None:
    """Make the schema, bring an older one up to date, or make the indexes that a killed load left out.

    Any number of processes may do this at once: nothing here does harm when it is done twice.
    """
    state = policy.retry(lambda: state_of(session, policy.url))
    if state.version == 0:
        state = _refuse_foreign(session, policy)
    wanted = {**constraints(), **indexes()}
    missing = [wanted[name] for name in wanted.keys() - _there(session, policy, state)]
    if missing:
        LOG.info("%s: making %d keys and indexes", policy.url, len(missing))
    for statement in sorted(missing, key=lambda text: "CREATE INDEX" in text):
        _change(session, policy, statement)
    if missing:
        policy.retry(lambda: session.run("CALL db.awaitIndexes($seconds)", seconds=_AWAIT_SECONDS).consume())
    _finish_import(session, policy)
    if state.version == 0:
        _note_down(session, policy, take_turn())
    for number, (name, statements) in MIGRATIONS.items():
        if 0 < state.version < number:
            LOG.info("%s: bringing the store from version %d to %d", policy.url, state.version, number)
            for statement in statements:
                _change(session, policy, statement)
            done = (  # another process may be further already: looked at under the lock, which SET takes
                f"MATCH (s:{STORE}) SET s.writes = s.writes WITH s WHERE s.schema_version < $number"
                " SET s.schema_version = $number, s.migrations = coalesce(s.migrations, []) + $name"
            )
            _note_down(session, policy, done, number=number, name=f"{number} {name}")


def can_be_written(session: Session, policy: RetryPolicy) -> bool:
    """Say whether a store is ready and has its keys, though an index may be missing."""
    state = policy.retry(lambda: state_of(session, policy.url))
    return state.is_ready and constraints().keys() <= _there(session, policy, state)


def _finish_import(session: Session, policy: RetryPolicy) -> None:
    """Make the empty lists that CSV files could only name. Killed on the way, the next one goes on."""
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
        _note_down(session, policy, rest, name=name)
    _note_down(session, policy, f"MATCH (s:{STORE}) WHERE s.{UNFINISHED} = [] REMOVE s.{UNFINISHED}")


def holds_something(session: Session, policy: RetryPolicy) -> bool:
    """Say whether there is a node of any kind."""
    return any(_is_there(session, policy, label) for label in PROMOTED)


def foreign_label(session: Session, policy: RetryPolicy) -> str | None:
    """Name one of our labels that has nodes; in a database without a store they are another application's."""
    return next((label for label in (*_KEYED, AWAITED, STORE) if _is_there(session, policy, label)), None)


def _is_there(session: Session, policy: RetryPolicy, label: str) -> bool:
    return bool(policy.retry(partial(_rows, session, f"MATCH (n:{label}) RETURN 1 LIMIT 1")))


def drop_indexes(session: Session, policy: RetryPolicy) -> None:
    """Drop what can be made again after a load."""
    for name in indexes():
        _change(session, policy, f"DROP INDEX {name} IF EXISTS")


def _there(session: Session, policy: RetryPolicy, state: State) -> set[str]:
    """Name the constraints and indexes that are there; a unique key is an index of its own name.

    To look at them is a right of its own: who has not got it takes the store's word.
    """
    from neo4j.exceptions import Forbidden

    try:
        return set(policy.retry(lambda: session.run("SHOW INDEXES YIELD name").value()))
    except Forbidden:
        if not state.is_ready:
            raise
        return {*constraints(), *indexes()}


def _refuse_foreign(session: Session, policy: RetryPolicy) -> State:
    """Refuse a database that holds another application's nodes under our labels; gives how far it is.

    Another writer may have begun a store between the two looks: its nodes are no stranger's.
    """
    label = foreign_label(session, policy)
    state = policy.retry(lambda: state_of(session, policy.url))
    if label is not None and state.version == 0:
        raise StoreError(
            f"{policy.url} is no lineage store: its database holds {label} nodes of another application",
            hint="use a database of its own; in the community edition that is a server of its own",
        )
    return state


def _change(session: Session, policy: RetryPolicy, statement: str) -> None:
    """Run one statement in a transaction of its own, however long it takes: a key of millions takes minutes.

    A change of the schema waits for every open transaction that has used the label, and who uses it next waits for
    the change: so that wait is bounded as that for another writer is.
    `IF NOT EXISTS` looks before it takes the schema's lock: what another process made in between is there as well.
    """
    from neo4j.exceptions import ClientError

    try:
        schema = statement.startswith(_OF_SCHEMA)
        policy.write(session, lambda transaction: transaction.run(statement).consume(), changes_schema=schema)
    except ClientError as error:
        if error.code not in _MADE_MEANWHILE:
            raise


def _note_down(session: Session, policy: RetryPolicy, statement: str, **parameters: object) -> None:
    """Change the node of the store, whose lock another writer may hold."""
    policy.write(session, lambda transaction: transaction.run(statement, parameters).consume())


def _rows(session: Session, statement: str) -> list[list[Any]]:
    return session.run(statement).values()
