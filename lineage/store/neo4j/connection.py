"""Connect to a Neo4j server: its address, the login, and the check of its version."""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from lineage.errors import InputError, StoreError
from lineage.redaction import keep_secret
from lineage.settings.neo4j_login import Neo4jSettings

if TYPE_CHECKING:
    from neo4j import Driver

DEFAULT_USER = "neo4j"

LOWEST = (5, 26)
"""The oldest server version that is tested: the long-term support release, with Cypher 5."""

CONNECT_SECONDS = 10.0

_MAX_PASSWORD = 4096
"""Longest password file in bytes: a longer one is another file, and a server fails on such a password."""

RETRY_SECONDS = 30.0
"""How long a failed transaction is retried, after a lost connection or a conflict with another writer."""

_AGENT = re.compile(r"Neo4j/(\d+)\.(\d+)")


@dataclass(frozen=True)
class Address:
    """Hold a store's address: `uri` for the driver, `shown` for messages; neither contains a password."""

    uri: str
    shown: str
    database: str | None
    user: str
    password: str | None = field(repr=False)


def address_of(url: str, settings: Neo4jSettings | None = None) -> Address:
    """Parse a URL, `neo4j://[USER@]HOST[:PORT][/DATABASE]`; the environment gives what is not in it.

    Raises InputError for a URL that holds a password or has other parts; the error never repeats the password.
    """
    settings = settings or Neo4jSettings.from_environment()
    _refuse_password(url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its message repeats the text, which may be a password without its @
        host = port = None
    if not host:
        raise InputError(f"{url.partition('://')[0]}://… does not name a server and a valid port", hint=_FORM) from None
    database = unquote(parts.path.strip("/")) or settings.database
    if (database or "").lower() == "system":
        raise InputError(
            f"the store {_shown(url)} is the server's system database, which cannot hold a graph",
            hint="name another database: NEO4J_DATABASE, or the end of the URL (neo4j://host:7687/neo4j)",
        )
    if parts.query or parts.fragment or (database and "/" in database):
        raise InputError(f"the store's URL has more than a server and a database: {_shown(url)}", hint=_FORM)
    netloc = f"[{host}]" if ":" in host else host
    uri = f"{parts.scheme.lower()}://{netloc}:{port or 7687}"
    user = unquote(parts.username) if parts.username else settings.username or DEFAULT_USER
    return Address(uri, url, database, user, _password(settings))


_FORM = "write neo4j://HOST:7687, or neo4j://HOST:7687/DATABASE; set the user in NEO4J_USERNAME"


def _refuse_password(url: str) -> None:
    scheme, _, rest = url.partition("://")
    login, at, _ = rest.rpartition("@")
    while (plain := unquote(login)) != login:
        login = plain
    asked = [name for name, _ in parse_qsl(rest.partition("?")[2]) if "pass" in name.lower()]
    if (at and ":" in login) or asked:
        raise InputError(
            f"the store's URL holds a password: {scheme}://…",
            hint="set NEO4J_PASSWORD or NEO4J_PASSWORD_FILE: every user of this machine can see arguments",
        )


def _shown(url: str) -> str:
    """Return the URL without its query and fragment, which may hold a secret."""
    return url.partition("?")[0].partition("#")[0]


def _password(settings: Neo4jSettings) -> str | None:
    """Return the password from the environment or from a file of one line."""
    if settings.password is not None or settings.password_file is None:
        return settings.password
    file = settings.password_file
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_PASSWORD + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(
            f"{settings.file_variable}: {file} cannot be read: {reason}",
            hint=f"name a readable file of one line, or set {settings.file_variable.removesuffix('_FILE')}",
        ) from None
    password = text.replace("\r\n", "\n").removesuffix("\n")
    if len(text) > _MAX_PASSWORD or "\n" in password:
        raise InputError(
            f"{settings.file_variable}: {file} holds more than one line with a password",
            hint="write only the password into it",
        )
    if not password:
        raise InputError(f"{settings.file_variable}: {file} is empty", hint="write the password into it")
    keep_secret(password)
    return password


def with_password(address: Address) -> Address:
    """Ask for a missing password if there is a terminal; an empty line means no password."""
    if address.password is not None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return address
    from getpass import getpass

    try:
        password = getpass(f"Password of {address.user} at {address.uri}: ", sys.stderr)
    except EOFError:
        return address
    keep_secret(password)
    return replace(address, password=password or None)


def connect(address: Address) -> Driver:
    """Make a driver, which connects when it is first used. Without a password it does not log in.

    The driver's log messages are discarded: what matters is raised as an error.
    """
    from neo4j import GraphDatabase, NotificationMinimumSeverity

    import lineage

    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    return GraphDatabase.driver(
        address.uri,
        auth=(address.user, address.password) if address.password else None,
        user_agent=f"lineage/{lineage.__version__}",
        connection_timeout=CONNECT_SECONDS,
        connection_acquisition_timeout=2 * CONNECT_SECONDS,
        max_transaction_retry_time=0,  # retries.py retries, and reports it
        notifications_min_severity=NotificationMinimumSeverity.OFF,
        telemetry_disabled=True,
    )


def check_server(driver: Driver, address: Address) -> str:
    """Return the server's name and version. Raises StoreError for a version older than LOWEST."""
    from neo4j.exceptions import AuthError

    try:
        agent = driver.get_server_info().agent
    except AuthError as error:
        if address.password is not None:
            raise
        raise StoreError(
            f"the store {address.shown} needs a password, and none was given",
            hint="set NEO4J_PASSWORD or NEO4J_PASSWORD_FILE; at a terminal lineage asks for it",
        ) from error
    found = _AGENT.match(agent)
    if found is None or (int(found[1]), int(found[2])) < LOWEST:
        raise StoreError(
            f"the store {address.shown} is on {agent}, which is too old or not Neo4j",
            hint=f"lineage needs Neo4j {LOWEST[0]}.{LOWEST[1]} or newer",
        )
    return agent
