"""Finding the right store for a URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.errors import InputError
from lineage.progress import SILENT, Progress

if TYPE_CHECKING:
    from lineage.store.interface import GraphStore

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/@]*:[^/@]*@")

BACKENDS = "a path, sqlite:///relative/path.db, sqlite:////absolute/path.db, neo4j://host, bolt://host, memory:"
"""What can be opened, as an error tells it."""


def open_store(url: str, *, read_only: bool = False, progress: Progress = SILENT) -> GraphStore:
    """Open the store at a URL or a bare path. A file is made by the first write, not before.

    Only the default store's folder is made too: a typing error in another path shall not grow folders. `progress` is
    told where a server's store has to be finished before its first question. Raises InputError for a URL that names no
    store of ours.
    """
    if url == "memory:":
        return _memory(url)
    if _PASSWORD.match(url):
        raise InputError(
            "the store's URL holds a password: " + _PASSWORD.sub(r"\1…@", url),
            hint="leave it out: arguments can be seen by everybody on this machine",
        )
    scheme = _SCHEME.match(url)
    if scheme is None:
        return _sqlite(url, url, read_only)
    if scheme[1].lower() in NEO4J_SCHEMES:
        return _neo4j(url, read_only, progress)
    if scheme[1].lower() == "sqlite":
        return _sqlite_url(url, url[scheme.end() :], read_only)
    raise InputError(f"{_shown(url)!r} is no store: nothing is known of {scheme[1]}://", hint=f"a store is {BACKENDS}")


def _shown(url: str) -> str:
    """Leave out who logs in: of a URL that we do not know, what stands before an @ may be a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://…@{rest.rpartition('@')[2]}" if "@" in rest else url


def _memory(url: str) -> GraphStore:
    from lineage.store.memory import MemoryStore

    return MemoryStore(url)


def _sqlite_url(url: str, rest: str, read_only: bool) -> GraphStore:
    if not rest.startswith("/") or len(rest) == 1:
        raise InputError(f"{url!r} names no file", hint="three slashes begin a relative path, four an absolute one")
    return _sqlite(url, rest[1:], read_only)


def _sqlite(url: str, name: str, read_only: bool) -> GraphStore:
    from lineage.store.sqlite import SqliteStore

    if not name or "\0" in name:
        raise InputError(f"{url!r} names no file", hint=f"a store is {BACKENDS}")
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # ~somebody who has no home here
        raise InputError(f"{url!r} is no place on this machine: {error}", hint="write the path in full") from error
    return SqliteStore(path, url=url, read_only=read_only, make_folder=path == _default_path(path))


def _default_path(path: Path) -> Path | None:
    """Give the default store's path, unless the folder is there and nobody needs to know."""
    from lineage.settings import Settings

    try:
        return None if path.parent.is_dir() else Path(Settings.from_environment({}).store)
    except OSError:  # not for us to look at: whoever opens the file is told so
        return None


def _neo4j(url: str, read_only: bool, progress: Progress) -> GraphStore:
    from lineage.store.neo4j import Neo4jStore
    from lineage.store.neo4j_connection import address_of

    return Neo4jStore(address_of(url), read_only=read_only, progress=progress)


NEO4J_SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
