"""Real Neo4j servers: started as processes of the run, no Docker."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools.neo4j_jars import ENVIRON, VERSIONS, fetched
from tools.neo4j_server import Neo4jServer

GIVEN_URI = os.environ.get("LINEAGE_TEST_NEO4J_URI", "")
"""A server of one's own to run the tests on, its password in NEO4J_PASSWORD. Everything in it is deleted."""

IDS = ("neo4j-given",) if GIVEN_URI else tuple(VERSIONS)

PARAMS = [pytest.param(name, id=name, marks=pytest.mark.neo4j) for name in IDS]
"""What tests are run on, marked so that they can be chosen or left out."""


def jars(version: str) -> Path:
    """Find the folder of a server's jars. Where they cannot be had a test is skipped, and fails if CI is set."""
    found = fetched(version)
    if isinstance(found, Path):
        return found
    if os.environ.get("CI"):
        pytest.fail(found)
    pytest.skip(found)


class Servers:
    """Start each server when it is first asked for, and end them all."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._started = folder, dict[str, Neo4jServer]()

    def get(self, name: str) -> Neo4jServer:
        """Give the server of that name, running; it is shared by all tests that do not ask for one of their own."""
        if name not in self._started:
            self._started[name] = self.new(name)
        return self._started[name]

    def new(self, name: str, **settings: str) -> Neo4jServer:
        """Start another server of that version; the caller ends it."""
        server = self.unstarted(name)
        server.settings = settings
        server.start()
        return server

    def unstarted(self, name: str) -> Neo4jServer:
        """Give another server of that version that has never run."""
        jars(VERSIONS[name])
        return Neo4jServer(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder)), VERSIONS[name])

    def end(self) -> None:
        """End the shared servers."""
        for server in self._started.values():
            server.remove()


@pytest.fixture(scope="session")
def neo4j_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Hold the servers of this run; they end with it, whatever happens."""
    servers = Servers(tmp_path_factory.mktemp("neo4j"))
    yield servers
    servers.end()


@pytest.fixture(params=PARAMS)
def neo4j_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of an empty store on each version, with the password in the environment."""
    return empty_store(request.param, request, monkeypatch)


def empty_store(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Empty a server's database, and set the password in the environment."""
    if GIVEN_URI:
        for variable in ("NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
            if variable in ENVIRON:
                monkeypatch.setenv(variable, ENVIRON[variable])
        may_be_emptied(GIVEN_URI)
        empty(GIVEN_URI)
        return GIVEN_URI
    server: Neo4jServer = request.getfixturevalue("neo4j_servers").get(name)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    empty(server.uri)
    return server.uri


@cache
def may_be_emptied(uri: str) -> None:
    """End the run before it deletes a database that holds something, and no store of ours; asked once."""
    [[nodes, stores]] = run(uri, "MATCH (n) RETURN count(n), count(CASE WHEN n:LineageStore THEN 1 END)")
    if nodes and not stores:
        pytest.exit(f"the tests would delete {nodes} nodes in {uri} that are no store of lineage", returncode=2)


def login() -> tuple[str, str] | None:
    """Say who logs in, as the environment of a test has it."""
    password = os.environ.get("NEO4J_PASSWORD")
    return (os.environ.get("NEO4J_USERNAME", "neo4j"), password) if password else None


def empty(uri: str) -> None:
    """Delete every node; constraints and indexes stay, because making them takes seconds."""
    run(uri, "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS")


def run(uri: str, statement: str, **parameters: object) -> list[list[Any]]:
    """Run one statement beside the store, as the user that the environment names."""
    from neo4j import GraphDatabase

    with GraphDatabase.driver(uri, auth=login(), notifications_min_severity="OFF") as driver:
        with driver.session(database=os.environ.get("NEO4J_DATABASE")) as session:
            return session.run(statement, parameters).values()
