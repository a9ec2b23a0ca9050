"""The README's lines for a Neo4j server of one's own work as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from lineage.store.open import open_store
from tests.cli.running import environment
from tests.support.graphs import FAMILY
from tests.support.shared import ROOT


def blocks() -> list[str]:
    """Give the shell blocks of the README's section."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## Use Neo4j")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_the_lines_are_five_each() -> None:
    """With compose and with a server of one's own, it takes five lines."""
    assert [len(block.splitlines()) for block in blocks()] == [5, 5]


def test_the_compose_lines_name_what_is_there() -> None:
    """Services that the lines start are in the compose file, and its folder is entered first."""
    import yaml

    services = yaml.safe_load((ROOT / "docker/compose.yml").read_text("utf-8"))["services"]
    block = blocks()[0]
    assert block.startswith("cd docker && ")
    named = re.findall(r"docker compose (?:up|run) (?:--\w+ )*(\w+)", block)
    assert len(named) == 3
    assert set(named) <= set(services)


def test_the_lines_for_a_neo4j_server_work(neo4j_url: str, tmp_path: Path) -> None:
    """Copying the default store, asking, backing up and checking run in a shell, on the real server."""
    default = tmp_path / ".local/share/lineage/lineage.db"
    default.parent.mkdir(parents=True)
    with open_store(str(default)) as store:
        store.write(FAMILY)
    (tmp_path / ".neo4j-password").write_text(os.environ["NEO4J_PASSWORD"] + "\n", "utf-8")
    script = blocks()[1].replace("neo4j://localhost:7687", neo4j_url).replace("Qwen/Qwen3-0.6B", "you/tuned")
    env = environment(
        HOME=str(tmp_path), HF_HUB_OFFLINE="1", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    )
    for name in ("NEO4J_PASSWORD", "LINEAGE_STORE", "XDG_DATA_HOME"):
        env.pop(name, None)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert "both hold the same" in done.stdout
    assert "org/base" in done.stdout
    assert (tmp_path / "backup.jsonl").stat().st_size > 1000
    assert done.returncode == 1, done.stderr  # the family of the tests has faults: its texts do not hash to their keys
    assert "attachment-content" in done.stdout
    assert "error:" not in done.stderr
