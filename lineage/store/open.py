"""Open the store that a URL or path names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.errors import InputError
from lineage.log import Log
from lineage.progress import SILENT, Progress

if TYPE_CHECKING:
    from lineage.store.interface import GraphStore

LOG = Log(__name__)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

_CUT_SCHEME = re.compile(r"\s*(memory|sqlite|(?:neo4j|bolt)(?:\+s|\+ssc)?)\s*:", re.IGNORECASE)
"""A known scheme in a malformed URL, such as `neo4j:host`. It is not taken as a path, and may hold a password."""

BACKENDS = "a path, sqlite:///relative/path.db, sqlite:////absolute/path.db, neo4j://host, bolt://host, memory:"
"""The accepted forms, for error hints."""


def open_store(url: str, *, read_only: bool = False, source: bool = False, progress: Progress = SILENT) -> GraphStore:
    """Open the store at a URL or a bare path. A file is made by the first write, not before.

    The folder of a file must exist, so that a mistyped path is an error; only the default store's folder is made.
    `source` marks the store that a copy reads: it may have a login of its own. Waits for a server are reported to
    `progress`. A missing password is asked for here if there is a terminal: before any work begins and any progress
    bar is drawn. Raises InputError for a URL that is not a store's; a text that may be a password is never in it.
    """
    if url == "memory:":
        return _memory(url)
    scheme = _SCHEME.match(url)
    if scheme is None:
        if cut := _CUT_SCHEME.match(url):
            raise InputError(
                f"the store begins with {cut[1]}: but is not a valid URL",
                hint=f"a store is {BACKENDS}; for a file of that name write ./{cut[1]}:…",
            )
        return _sqlite(url, url, read_only)
    if scheme[1].lower() in NEO4J_SCHEMES:
        return _neo4j(url, read_only, source, progress)
    if scheme[1].lower() == "sqlite":
        return _sqlite_url(url, url[scheme.end() :], read_only)
    raise InputError(f"{scheme[1]}://… is not a store: unknown URL scheme", hint=f"a store is {BACKENDS}")


def _memory(url: str) -> GraphStore:
    from lineage.store.memory import MemoryStore

    return MemoryStore(url)


def _sqlite_url(url: str, rest: str, read_only: bool) -> GraphStore:
    if not rest.startswith("/") or len(rest) == 1:
        raise InputError(
            "sqlite://… does not name a file", hint="write sqlite:///relative.db or sqlite:////absolute.db"
        )
    return _sqlite(url, rest[1:], read_only)


def _sqlite(url: str, name: str, read_only: bool) -> GraphStore:
    from lineage.store.sqlite.store import SqliteStore

    if not name or "\0" in name:
        raise InputError(f"{url!r} does not name a file", hint=f"a store is {BACKENDS}")
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # ~NAME of a user who has no home folder
        raise InputError(f"{url!r} is not a path on this machine: {error}", hint="write the path in full") from error
    LOG.info("opening the SQLite store %s%s", path, " to read only" if read_only else "")
    return SqliteStore(path, url=url, read_only=read_only, make_folder=path == _default_path(path))


def _default_path(path: Path) -> Path | None:
    """Return the default store's path; None where the folder of `path` exists and need not be made."""
    from lineage.settings.environment import Settings

    try:
        return None if path.parent.is_dir() else Path(Settings.from_environment({}).store)
    except OSError:  # the folder may not be read: opening the file reports that
        return None


def _neo4j(url: str, read_only: bool, source: bool, progress: Progress) -> GraphStore:
    from lineage.settings.neo4j_login import Neo4jSettings
    from lineage.store.neo4j.connection import address_of, with_password
    from lineage.store.neo4j.store import Neo4jStore

    address = address_of(url, Neo4jSettings.from_environment(source=source))
    LOG.info("opening the Neo4j store %s as %s", address.uri, address.user)
    return Neo4jStore(with_password(address), read_only=read_only, progress=progress)


def is_same_store(source: str, target: str) -> bool:
    """Say whether two URLs lead to one store, as far as this can be seen without a connection to a server.

    `source` is what a copy reads: it may have a login and a database of its own in the environment.
    """
    one, other = _location(source, is_source=True), _location(target)
    if not isinstance(one, Path) or not isinstance(other, Path):
        return one == other
    try:
        return one == other or one.samefile(other)
    except OSError:  # one of them is missing or may not be read: opening it reports that
        return False


def _location(url: str, *, is_source: bool = False) -> Path | tuple[str, str, str] | str:
    """Write a store's URL so that two spellings of one location are equal.

    A file is its absolute path, a Neo4j database its host, port and name; `memory:` stays as it is.
    """
    from lineage.settings.neo4j_login import Neo4jSettings
    from lineage.store.neo4j.connection import address_of

    path = url.removeprefix("sqlite:///")
    if url.partition("://")[0].lower() in NEO4J_SCHEMES:
        address = address_of(url, Neo4jSettings.from_environment(source=is_source))
        host, _, port = address.uri.partition("://")[2].rpartition(":")
        return "127.0.0.1" if host == "localhost" else host, port, address.database or _DEFAULT_DATABASE
    return url if "://" in path or path == "memory:" else Path(path).expanduser().resolve()


_DEFAULT_DATABASE = "neo4j"
"""The name of a server's default database, unless its owner chose another."""

NEO4J_SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
