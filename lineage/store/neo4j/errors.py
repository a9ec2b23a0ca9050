"""What Neo4j's errors mean for the person in front of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lineage.errors import StoreError

if TYPE_CHECKING:
    from neo4j.exceptions import DriverError, Neo4jError

_MEANINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("Security.AuthenticationRateLimit",),
        "refuses every login for some seconds: too many with a wrong password came before",
        "wait half a minute, then set NEO4J_PASSWORD or NEO4J_PASSWORD_FILE rightly",
    ),
    (
        ("Security.Unauthorized", "Security.TokenExpired", "Security.CredentialsExpired"),
        "does not know this user with this password",
        "set NEO4J_USERNAME and NEO4J_PASSWORD, or NEO4J_PASSWORD_FILE, to those of the server",
    ),
    (
        ("Security.Forbidden",),
        "does not allow this to this user",
        "use another user (NEO4J_USERNAME), or ask for the right to read and write the database",
    ),
    (
        ("Database.DatabaseNotFound",),
        "has no such database",
        "name one that is there: NEO4J_DATABASE, or the end of the URL (neo4j://host:7687/neo4j)",
    ),
    (
        ("General.ForbiddenOnReadOnlyDatabase", "General.WriteOnReadOnlyAccessDatabase", "General.AccessMode"),
        "cannot be written: the database is read-only",
        "look at server.databases.read_only and server.databases.default_to_read_only of the server",
    ),
    (
        ("General.DatabaseUnavailable", "Database.DatabaseUnavailable", "General.DatabaseNotFound"),
        "is not available: its database is stopped, or a fault stopped it (a full disk, for one)",
        "look at the server's logs/neo4j.log; what was committed is whole",
    ),
    (
        ("General.OutOfMemoryError", "General.MemoryPoolOutOfMemoryError", "General.TransactionOutOfMemoryError"),
        "ran out of memory for this transaction. Nothing was half-written",
        "raise dbms.memory.transaction.total.max or server.memory.heap.max_size of the server",
    ),
    (
        ("Transaction.TransactionTimedOut", "Transaction.LockClientStopped", "Transaction.Terminated",
         "Transaction.LockAcquisitionTimeout"),
        "ended this transaction. Nothing was half-written",
        "run the command again; another one may be holding the store for long",
    ),
    (
        ("Transaction.TransactionCommitFailed", "Transaction.TransactionLogError", "General.TransactionLogError",
         "Transaction.TransactionStartFailed", "General.UnknownError", "Statement.ExecutionFailed"),
        "could not do this: the server reports an error of its own (a full disk, for one). Nothing was half-written",
        "look at the server's logs/neo4j.log and its disk, then run the command again",
    ),
)  # fmt: skip
"""By the end of the server's code, the more special first."""

_NOT_THERE = "start it, or look at host and port; neo4j:// and bolt:// both default to port 7687"


def store_error(url: str, error: DriverError | Neo4jError | OSError) -> StoreError:
    """Say what an error of the driver or the server means; `url` names the store and holds no password."""
    from neo4j.exceptions import ConfigurationError, Neo4jError

    text = _first_line(error)
    if isinstance(error, Neo4jError):
        code = error.code or ""
        for codes, meaning, hint in _MEANINGS:
            if code.endswith(codes):
                return StoreError(f"the store {url} {meaning} ({text})", hint=hint)
        return StoreError(f"the store {url} cannot do this: {text}")
    if isinstance(error, ConfigurationError):
        return StoreError(f"the store {url} cannot be reached this way: {text}", hint="look at the URL")
    return _unreachable(url, error, text)


def _unreachable(url: str, error: Exception, text: str) -> StoreError:
    """Tell a connection that broke, one that could not be agreed on, and a server that is not there."""
    from neo4j.exceptions import IncompleteCommit, ServiceUnavailable, SessionExpired

    if "read-only" in text or "ReadOnly" in text:
        return StoreError(f"the store {url} cannot be written: {text}", hint=_MEANINGS[4][2])
    is_open = isinstance(error, SessionExpired | IncompleteCommit) or "defunct" in text
    if is_open or not isinstance(error, ServiceUnavailable | OSError):
        return StoreError(
            f"the connection to the store {url} broke: {text}. Nothing was half-written",
            hint="run the command again when the server is back",
        )
    causes = list(_causes(error))
    if (no_agreement := _no_agreement(url, causes)) is not None:
        return no_agreement
    if "routing" in text.lower() and not any(isinstance(cause, OSError) for cause in causes):
        return StoreError(
            f"the store {url} gives no route to a database: {text}",
            hint=f"{_NOT_THERE}; bolt:// asks for no routes",
        )
    return StoreError(f"the store {url} does not answer: {_first_line(causes[-1])}", hint=_NOT_THERE)


def _no_agreement(url: str, causes: Sequence[BaseException]) -> StoreError | None:
    """Find out whether client and server could not agree on encryption; None where it was not that."""
    from ssl import SSLCertVerificationError, SSLError

    scheme = url.partition("://")[0].lower()
    plain = scheme.partition("+")[0]
    for cause in causes:
        if isinstance(cause, SSLCertVerificationError):
            return StoreError(
                f"the certificate of the store {url} is not trusted: {cause.verify_message}",
                hint="SSL_CERT_FILE names the file of the authority that signed it;"
                f" {plain}+ssc:// takes any certificate, whoever may be at the other end",
            )
    if plain != scheme and any(isinstance(cause, SSLError) for cause in causes):
        return StoreError(
            f"the store {url} cannot be reached encrypted: {_first_line(causes[-1])}",
            hint=f"does the server speak TLS at this port? {plain}:// is without",
        )
    if plain == scheme and any("handshake" in str(cause) for cause in causes):
        if any(isinstance(cause, TimeoutError) for cause in causes):
            return StoreError(
                f"the store {url} took the call and said nothing: {_first_line(causes[-1])}",
                hint=f"is the server stopped, or too busy? does it want TLS? {plain}+s:// is with",
            )
        return StoreError(
            f"the store {url} hung up before a word: {_first_line(causes[-1])}",
            hint=f"does the server want TLS? {plain}+s:// is with; or is this the port of something else?",
        )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from an error to what caused it, the last one at the end; of several causes the first is followed."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.exceptions[0] if isinstance(at, BaseExceptionGroup) else at.__cause__


def _first_line(error: BaseException) -> str:
    """Give the beginning of what an error says, on one line."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).strip().splitlines()[0].rstrip(".: ")


@contextmanager
def as_store_errors(url: str) -> Iterator[None]:
    """Turn errors of the driver and the server into StoreError."""
    from neo4j.exceptions import DriverError, Neo4jError

    try:
        yield
    except (DriverError, Neo4jError, OSError) as error:
        raise store_error(url, error) from error
    except UnicodeEncodeError as error:
        raise StoreError(
            f"the store {url} keeps no text that is not Unicode: {error}", hint="rename the file in question"
        ) from error
