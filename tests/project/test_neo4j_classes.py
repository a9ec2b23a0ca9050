"""The archive of a server's classes is made once, used, and not needed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import neo4j_jars
from tools.neo4j_classes import class_archive
from tools.neo4j_jars import java

FLAGS = ("-XX:+UseSerialGC", "-Xshare:auto")


def run_java(flags: Sequence[str]) -> str:
    """Run Java for a moment; return what it printed."""
    command = [java(), *FLAGS, *flags, "--list-modules"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.slow
def test_an_archive_of_classes_is_made_once_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call makes nothing, and Java maps both archives; where none can be made, there are no flags."""
    monkeypatch.setitem(neo4j_jars.ENVIRON, "XDG_CACHE_HOME", str(tmp_path))
    made: list[Sequence[str]] = []

    def run(flags: Sequence[str]) -> None:
        made.append(flags)
        run_java(flags)

    flags = class_archive("1.0", FLAGS, run)
    assert class_archive("1.0", FLAGS, run) == flags
    assert len(made) == 1
    printed = run_java((*flags, "-Xlog:cds"))
    assert "Mapped static" in printed
    assert "Mapped dynamic" in printed
    (tmp_path / "lineage-tests" / "neo4j-2.0").write_text("no folder")
    assert class_archive("2.0", FLAGS, run) == ()
