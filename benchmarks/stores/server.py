"""The server that the benchmarks run on: one that they start, or one that is given by its URI."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from benchmarks.stores.client import Ran, ran
from tools.neo4j_jars import VERSIONS, fetched, java
from tools.neo4j_server import JVM, Neo4jServer

if TYPE_CHECKING:
    from neo4j import Driver

SETTINGS = {"server.memory.heap.max_size": "2g", "server.memory.pagecache.size": "1g"}
"""Memory for a small machine: more than tests need."""

FLAGS = ("-XX:+UseParallelGC", *JVM[2:])
"""Both compilers, as on a real server: the flags of the tests are for short runs."""


class Server:
    """Keep a server running while it is measured; the password is in the environment, where the store reads it."""

    def __init__(self, name: str, home: Path) -> None:
        self.own: Neo4jServer | None = None
        self.uri = name
        if name in VERSIONS:
            if isinstance(reason := fetched(VERSIONS[name]), str):
                raise SystemExit(f"{reason}; name a server of your own: --neo4j bolt://HOST:7687")
            self.own = Neo4jServer(home, VERSIONS[name], settings=SETTINGS, jvm=FLAGS)
            self.uri = self.own.uri
        self._before = os.environ.get("NEO4J_PASSWORD")

    def __enter__(self) -> Self:
        if self.own is not None:
            os.environ["NEO4J_PASSWORD"] = self.own.password
            self.own.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.own is not None:
            self.own.remove()
            del os.environ["NEO4J_PASSWORD"]
            if self._before is not None:
                os.environ["NEO4J_PASSWORD"] = self._before

    def driver(self) -> Driver:
        """Connect without the store, as a script by hand does."""
        from neo4j import GraphDatabase

        login = (os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ.get("NEO4J_PASSWORD", ""))
        return GraphDatabase.driver(self.uri, auth=login, notifications_min_severity="OFF")

    def imported(self, command: str, report: Path) -> Ran:
        """Run the command that an export printed, on the stopped server, and start it again."""
        assert self.own is not None
        self.own.stop()
        words = shlex.split(command.replace("\\\n", ""))[1:]
        admin = [java(), *FLAGS, "-cp", self.own.classpath(), "org.neo4j.cli.AdminTool", *words]
        home = {"NEO4J_HOME": str(self.own.home), "NEO4J_CONF": str(self.own.home / "conf")}
        done = ran([*admin, f"--report-file={report}"], home)
        self.own.start()
        return done
