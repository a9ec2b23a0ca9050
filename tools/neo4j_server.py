"""A real Neo4j server as a separate process, without Docker: for tests and benchmarks."""

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tools.neo4j_classes import DUMP_SECONDS, class_archive
from tools.neo4j_jars import ENVIRON, VERSIONS, fetched, java

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

TLS = Path(__file__).parents[1] / "tests" / "data" / "tls"
"""A self-signed certificate for localhost and 127.0.0.1."""

TLS_SETTINGS = {
    "server.bolt.tls_level": "OPTIONAL",
    "dbms.ssl.policy.bolt.enabled": "true",
    "dbms.ssl.policy.bolt.base_directory": str(TLS),
    "dbms.ssl.policy.bolt.private_key": "key.pem",
    "dbms.ssl.policy.bolt.public_certificate": "certificate.pem",
    "dbms.ssl.policy.bolt.client_auth": "NONE",
}
"""The current version offers TLS to clients that ask for it, the older one does not: tests need both."""

SCHEMES = {VERSIONS["neo4j-current"]: "bolt", VERSIONS["neo4j-lts"]: "neo4j"}
"""By version: one server is asked directly, the other one for its routes first, so that both ways are tested."""

JVM = (
    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED",
    "-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote",
)  # fmt: skip
"""Flags for a short run: only the fast compiler, no garbage collection threads, no verification of classes."""

USUAL = (
    "CREATE CONSTRAINT usual IF NOT EXISTS FOR (n:Usual) REQUIRE n.key IS UNIQUE",
    "UNWIND range(1, 9) AS key MERGE (n:Usual {key: key}) SET n.text = toString(key)",
    "MATCH (n:Usual), (m:Usual {key: n.key + 1}) MERGE (n)-[:NEXT]->(m)",
    "MATCH (n:Usual {key: 1})-[:NEXT*1..4]->(m) WITH m ORDER BY m.key RETURN collect(m.text), count { (m)-->() }",
    "MATCH (n:Usual) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 2 ROWS",
    "DROP CONSTRAINT usual",
)
"""Statements of the kinds that tests send: their classes are in the archive too."""


class ServerError(RuntimeError):
    """A server that could not be fetched or did not start."""


def _die_with_parent() -> None:
    """Make the kernel end a server whose test run was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@dataclass
class Neo4jServer:
    """Run one server in its own folder, on a free port, with a random password."""

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
        folder = fetched(self.version)
        if isinstance(folder, str):
            raise ServerError(folder)
        return os.pathsep.join(str(part / "*") for part in (folder / "jars", folder / "modules") if part.is_dir())

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start with the existing data in the folder, and wait until the server responds."""
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
        flags = (*self.jvm, *(_archive(self.version) if self.jvm == JVM else ()))
        command = [java(), *flags, "-cp", self.classpath(), main, f"--home-dir={self.home}"]
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
        """Stop the server, and kill it once it has closed its databases: it would idle for another 10 seconds."""
        if self.process is not None:
            log = self.home / "logs" / "debug.log"
            seen = log.stat().st_size
            self.process.terminate()
            until = time.monotonic() + STOP_SECONDS
            while time.monotonic() < until and self.process.poll() is None and not _closed(log, seen):
                time.sleep(0.1)
            self.kill()

    def kill(self) -> None:
        """Kill the server at once, like a power cut."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def remove(self) -> None:
        """End the server and delete its folder."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def log(self) -> str:
        """Return the end of the server's log."""
        return (self.home / "logs" / "console.log").read_text("utf-8", "replace")[-3000:]

    def _wait(self) -> None:
        from neo4j.exceptions import AuthError, ServiceUnavailable, TransientError

        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process is not None and self.process.poll() is None:
            try:
                self.run("neo4j", "RETURN 1")
            except (ServiceUnavailable, TransientError, OSError):
                time.sleep(0.1)
            except AuthError:
                change = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password"
                self.run("system", change, login="neo4j", password=self.password)
            else:
                return
        raise ServerError(f"Neo4j {self.version} did not start: {self.log()}")

    def run(self, database: str, statement: str, *, login: str | None = None, **parameters: str) -> None:
        """Run a statement in a transaction of its own."""
        from neo4j import GraphDatabase

        with (
            GraphDatabase.driver(self.uri, auth=("neo4j", login or self.password)) as driver,
            driver.session(database=database) as session,
        ):
            session.run(statement, dict(parameters)).consume()


@cache
def _archive(version: str) -> tuple[str, ...]:
    """Return the flags of the archive of a version's classes, which the first server of a machine makes."""

    def run(flags: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory(prefix="neo4j-classes-") as home:
            server = Neo4jServer(Path(home), version, jvm=(*JVM, *flags))
            try:
                server.start()
                for statement in USUAL:
                    server.run("neo4j", statement)
                assert server.process is not None
                server.process.terminate()
                server.process.wait(DUMP_SECONDS)
            finally:
                server.kill()

    try:
        return class_archive(version, JVM, run)
    except ServerError:
        return ()


def _closed(log: Path, seen: int) -> bool:
    """Read from a server's log whether it closed its databases since the log was `seen` bytes long."""
    with log.open("rb") as file:
        file.seek(seen)
        return b"Shutting down Bolt server" in file.read()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
