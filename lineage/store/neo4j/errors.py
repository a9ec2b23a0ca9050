"""Turn errors of Neo4j and its driver into StoreError, with what happened and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lineage.errors import StoreError, StoreValueError

if TYPE_CHECKING:
    from neo4j.exceptions import DriverError, Neo4jError

_MEANINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("Security.AuthenticationRateLimit",),
        "refuses all logins for some seconds, after too many with a wrong password",
        "wait half a minute, then correct NEO4J_PASSWORD or NEO4J_PASSWORD_FILE",
    ),
    (
        ("Security.Unauthorized", "Security.TokenExpired", "Security.CredentialsExpired"),
        "does not accept this user and password",
        "set NEO4J_USERNAME and NEO4J_PASSWORD, or NEO4J_PASSWORD_FILE, to those of the server",
    ),
    (
        ("Security.Forbidden",),
        "does not allow this operation for this user",
        "use another user (NEO4J_USERNAME), or get the right to read and write the database",
    ),
    (
        ("Database.DatabaseNotFound",),
        "does not have this database",
        "name an existing database: NEO4J_DATABASE, or the end of the URL (neo4j://host:7687/neo4j)",
    ),
    (
        ("General.ForbiddenOnReadOnlyDatabase", "General.WriteOnReadOnlyAccessDatabase", "General.AccessMode"),
        "cannot be written: the database is read-only",
        "check the server's settings server.databases.read_only and server.databases.default_to_read_only",
    ),
    (
        ("General.DatabaseUnavailable", "Database.DatabaseUnavailable", "General.DatabaseNotFound"),
        "is not available: its database was stopped, by an administrator or by an error such as a full disk",
        "read the server's logs/neo4j.log; committed data are complete",
    ),
    (
        ("General.OutOfMemoryError", "General.MemoryPoolOutOfMemoryError", "General.TransactionOutOfMemoryError"),
        "ran out of memory for this transaction, and rolled it back",
        "raise the server's dbms.memory.transaction.total.max or server.memory.heap.max_size",
    ),
    (
        ("Transaction.TransactionTimedOut", "Transaction.LockClientStopped", "Transaction.Terminated",
         "Transaction.LockAcquisitionTimeout"),
        "terminated this transaction, and rolled it back",
        "run the command again; another client may hold a lock for a long time",
    ),
    (
        ("Transaction.TransactionCommitFailed", "Transaction.TransactionLogError", "General.TransactionLogError",
         "Transaction.TransactionStartFailed", "General.UnknownError", "Statement.ExecutionFailed"),
        "rolled back this transaction after an error of the server, such as a full disk",
        "check the server's logs/neo4j.log and its disk, then run the command again",
    ),
)  # fmt: skip
"""By the end of the server's error code, the more specific first."""

_NOT_REACHED = "start the server, or check host and port; neo4j:// and bolt:// both default to port 7687"


def store_error(url: str, error: DriverError | Neo4jError | OSError) -> StoreError:
    """Turn an error of the driver or the server into a StoreError; `url` names the store, without a password."""
    from neo4j.exceptions import ConfigurationError, Neo4jError

    text = _first_line(error)
    if isinstance(error, Neo4jError):
        code = error.code or ""
        for codes, meaning, hint in _MEANINGS:
            if code.endswith(codes):
                return StoreError(f"the store {url} {meaning} ({text})", hint=hint)
        return StoreError(f"the store {url} failed: {text}")
    if isinstance(error, ConfigurationError):
        return StoreError(f"the store {url} cannot be reached with this URL: {text}", hint="check the URL")
    return _unreachable(url, error, text)


def _unreachable(url: str, error: Exception, text: str) -> StoreError:
    """Distinguish a lost connection, a handshake that failed, and a server that does not answer."""
    from neo4j.exceptions import IncompleteCommit, ServiceUnavailable, SessionExpired

    if "read-only" in text or "ReadOnly" in text:
        return StoreError(f"the store {url} cannot be written: {text}", hint=_MEANINGS[4][2])
    is_open = isinstance(error, SessionExpired | IncompleteCommit) or "defunct" in text
    if is_open or not isinstance(error, ServiceUnavailable | OSError):
        return StoreError(
            f"the connection to the store {url} was lost: {text}. An unfinished write was rolled back",
            hint="run the command again when the server answers",
        )
    causes = list(_causes(error))
    if (failed := _failed_handshake(url, causes)) is not None:
        return failed
    if "routing" in text.lower() and not any(isinstance(cause, OSError) for cause in causes):
        return StoreError(
            f"the server at {url} gives no route to a database: {text}",
            hint=f"{_NOT_REACHED}; bolt:// connects without routes",
        )
    return StoreError(f"the store {url} does not answer: {_first_line(causes[-1])}", hint=_NOT_REACHED)


def _failed_handshake(url: str, causes: Sequence[BaseException]) -> StoreError | None:
    """Return the error of a failed handshake, mostly about encryption; None for another cause."""
    from ssl import SSLCertVerificationError, SSLError

    scheme = url.partition("://")[0].lower()
    plain = scheme.partition("+")[0]
    for cause in causes:
        if isinstance(cause, SSLCertVerificationError):
            return StoreError(
                f"the certificate of the store {url} is not trusted: {cause.verify_message}",
                hint="set SSL_CERT_FILE to the certificate of the authority that signed it;"
                f" {plain}+ssc:// accepts any certificate, also that of an attacker",
            )
    if plain != scheme and any(isinstance(cause, SSLError) for cause in causes):
        return StoreError(
            f"the server at {url} did not accept a TLS connection: {_first_line(causes[-1])}",
            hint=f"check that the server uses TLS at this port; {plain}:// connects without it",
        )
    if plain == scheme and any("handshake" in str(cause) for cause in causes):
        if any(isinstance(cause, TimeoutError) for cause in causes):
            return StoreError(
                f"the server at {url} accepted the connection but did not respond: {_first_line(causes[-1])}",
                hint=f"check that it is not overloaded; if it requires TLS, use {plain}+s://",
            )
        return StoreError(
            f"the server at {url} closed the connection during the handshake: {_first_line(causes[-1])}",
            hint=f"if the server requires TLS, use {plain}+s://; check that this is the port of Neo4j",
        )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the first cause last; of a group the first error is followed."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.exceptions[0] if isinstance(each, BaseExceptionGroup) else each.__cause__


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).strip().splitlines()[0].rstrip(".: ")


@contextmanager
def as_store_errors(url: str) -> Iterator[None]:
    """Raise errors of the driver and the server as StoreError."""
    from neo4j.exceptions import DriverError, Neo4jError

    try:
        yield
    except (DriverError, Neo4jError, OSError) as error:
        raise store_error(url, error) from error
    except UnicodeEncodeError as error:
        message = f"the store {url} cannot hold a text that is not valid Unicode: {error}"
        raise StoreValueError(message, hint="rename the file in question") from error
    except OverflowError as error:
        message = f"the store {url} cannot hold a number of more than 64 bits: {error}"
        raise StoreValueError(message, hint="the model declares a size or a number that cannot be real") from error
