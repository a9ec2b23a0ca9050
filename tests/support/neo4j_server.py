"""Real Neo4j servers: started as processes of the run, no Docker."""

from __future__ import annotations

import atexit
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.neo4j_jars import ENVIRON, VERSIONS, jars, java
from tests.support.shared import ROOT

GIVEN_URI = os.environ.get("LINEAGE_TEST_NEO4J_URI", "")
"""A server of one's own to run the tests on, its password in NEO4J_PASSWORD. Everything in it is deleted."""

START_SECONDS = 120

STOP_SECONDS = 60

SETTINGS = {
    "server.http.enabled": "false",
    "server.https.enabled": "false",
    "dbms.security.auth_enabled": "true",
    "dbms.usage_report.enabled": "false",
    "server.memory.heap.initial_size": "256m",
    "server.memory.heap.max_size": "768m",
    "server.memory.pagecache.size": "128m",
    "db.tx_log.preallocate": "false",
    "db.checkpoint.interval.time": "5m",
}

TLS = ROOT / "tests" / "data" / "tls"
"""A certificate that nobody signed but itself, for localhost and 127.0.0.1."""

TLS_SETTINGS = {
    "server.bolt.tls_level": "OPTIONAL",
    "dbms.ssl.policy.bolt.enabled": "true",
    "dbms.ssl.policy.bolt.base_directory": str(TLS),
    "dbms.ssl.policy.bolt.private_key": "key.pem",
    "dbms.ssl.policy.bolt.public_certificate": "certificate.pem",
    "dbms.ssl.policy.bolt.client_auth": "NONE",
}
"""The current version speaks TLS to whoever wants it, the older one to nobody: tests need both."""

SCHEMES = {VERSIONS["neo4j-current"]: "bolt", VERSIONS["neo4j-lts"]: "neo4j"}
"""By version: one server is asked directly, the other one for its routes first, so that both ways are tested."""

JVM = (
    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED",
    "-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote",
)  # fmt: skip
"""A short life: the quick compiler alone, no threads for garbage, no verifying of classes that were published."""

IDS = ("neo4j-given",) if GIVEN_URI else tuple(VERSIONS)

PARAMS = [pytest.param(name, id=name, marks=pytest.mark.neo4j) for name in IDS]
"""What tests are run on, marked so that they can be chosen or left out."""


def _die_with_parent() -> None:
    """Have the kernel end a server whose test run was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@dataclass
class Neo4jServer:
    """Run one server in a folder of its own, on a free port, behind a random password."""

    home: Path
    version: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    settings: Mapping[str, str] = field(default_factory=dict)
    jvm: tuple[str, ...] = JVM
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for name in ("conf", "data", "logs", "plugins", "import", "run", "licenses"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        atexit.register(self.kill)

    @property
    def uri(self) -> str:
        """Name the server."""
        return f"{SCHEMES[self.version]}://127.0.0.1:{self.port}"

    def classpath(self) -> str:
        """List the folders of jars."""
        folder = jars(self.version)
        return os.pathsep.join(str(part / "*") for part in (folder / "jars", folder / "modules") if part.is_dir())

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start with what was left in the folder, and wait until it answers."""
        lines = {
            **SETTINGS,
            "server.bolt.listen_address": f"127.0.0.1:{self.port}",
            "server.bolt.advertised_address": f"127.0.0.1:{self.port}",
            **(TLS_SETTINGS if self.version == VERSIONS["neo4j-current"] else {}),
            **self.settings,
            **(settings or {}),
        }
        (self.home / "conf" / "neo4j.conf").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        current = self.version.startswith("2")
        main = "org.neo4j.server.Neo4jCommunity" if current else "org.neo4j.server.CommunityEntryPoint"
        command = [java(), *self.jvm, "-cp", self.classpath(), main, f"--home-dir={self.home}"]
        with (self.home / "logs" / "console.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, f"--config-dir={self.home / 'conf'}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent,
            )  # fmt: skip
        self._wait()

    def admin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `neo4j-admin` of the same version on the server's folder."""
        command = [java(), *JVM, "-cp", self.classpath(), "org.neo4j.cli.AdminTool", *arguments]
        env = {**ENVIRON, "NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)

    def stop(self) -> None:
        """Ask the server to end, and end it once it has closed its databases: then it idles for another 10 seconds."""
        if self.process is not None:
            log = self.home / "logs" / "debug.log"
            seen = log.stat().st_size
            self.process.terminate()
            until = time.monotonic() + STOP_SECONDS
            while time.monotonic() < until and self.process.poll() is None and not _closed(log, seen):
                time.sleep(0.1)
            self.kill()

    def kill(self) -> None:
        """End the server at once, as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def remove(self) -> None:
        """End the server and delete its folder."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def log(self) -> str:
        """Give the end of what the server said."""
        return (self.home / "logs" / "console.log").read_text("utf-8", "replace")[-3000:]

    def _wait(self) -> None:
        from neo4j.exceptions import AuthError, ServiceUnavailable, TransientError

        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process is not None and self.process.poll() is None:
            try:
                self._run("neo4j", "RETURN 1")
            except (ServiceUnavailable, TransientError, OSError):
                time.sleep(0.1)
            except AuthError:
                change = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password"
                self._run("system", change, login="neo4j", password=self.password)
            else:
                return
        pytest.fail(f"Neo4j {self.version} did not start: {self.log()}")

    def _run(self, database: str, statement: str, *, login: str | None = None, **parameters: str) -> None:
        from neo4j import GraphDatabase

        with (
            GraphDatabase.driver(self.uri, auth=("neo4j", login or self.password)) as driver,
            driver.session(database=database) as session,
        ):
            session.run(statement, dict(parameters)).consume()


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
        """Start another server of that version, which whoever asked for it ends."""
        server = self.unstarted(name)
        server.settings = settings
        server.start()
        return server

    def unstarted(self, name: str) -> Neo4jServer:
        """Give another server of that version that has never run."""
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
    """Empty a server's database, and let whoever runs in this environment log in."""
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
    """Run one statement beside the store, as whoever the environment says."""
    from neo4j import GraphDatabase

    with GraphDatabase.driver(uri, auth=login(), notifications_min_severity="OFF") as driver:
        with driver.session(database=os.environ.get("NEO4J_DATABASE")) as session:
            return session.run(statement, parameters).values()


def _closed(log: Path, seen: int) -> bool:
    """Read from a server's log whether it closed its databases since the log was `seen` bytes long."""
    with log.open("rb") as file:
        file.seek(seen)
        return b"Shutting down Bolt server" in file.read()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
