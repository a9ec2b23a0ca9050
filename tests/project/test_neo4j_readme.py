"""The README's commands for your own Neo4j server work as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.running import environment
from tests.support.hub_server import HubServer
from tests.support.neo4j_server import GIVEN_URI
from tests.support.shared import ROOT


def blocks() -> list[str]:
    """Return the shell blocks of the README's section."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## Use Neo4j")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_the_lines_are_five_each() -> None:
    """With compose and with your own server, five lines are enough."""
    assert [len(block.splitlines()) for block in blocks()] == [5, 5]


def test_the_compose_lines_name_what_is_there() -> None:
    """The services of the lines are in the compose file; its folder is entered first, the password created there."""
    import yaml

    services = yaml.safe_load((ROOT / "docker/compose.yml").read_text("utf-8"))["services"]
    block = blocks()[0]
    assert block.startswith("cd docker && sh password.sh\n")
    assert block.endswith('$(cat secrets/password)"\n')
    named = re.findall(r"docker compose (?:up|run) (?:--\w+ )*(\w+)", block)
    assert len(named) == 3
    assert set(named) <= set(services)


def test_the_lines_for_a_neo4j_server_work(neo4j_url: str, tmp_path: Path) -> None:
    """With only a server, its password and a Hub, exactly these lines collect, trace, back up and check."""
    here_it_is = neo4j_url if GIVEN_URI else f"neo4j://{neo4j_url.partition('://')[2]}"
    script = blocks()[1].replace("neo4j://localhost:7687", here_it_is)
    assert here_it_is in script
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    with HubServer() as hub:
        hub.fill(ROOT / "lineage/demo_data/hub", tmp_path / "work")
        hub.rename("otterhub/skiff-0.7m-manual", "Qwen/Qwen3-0.6B")
        env = environment(
            HOME=str(home), HF_ENDPOINT=hub.endpoint, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        )
        password = env.pop("NEO4J_PASSWORD")
        for name in ("LINEAGE_STORE", "LINEAGE_CACHE", "HF_HOME", "HF_HUB_CACHE", "XDG_DATA_HOME"):
            env.pop(name, None)
        done = subprocess.run(
            ["bash", "-c", script], cwd=here, env=env, input=f"{password}\n", capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skiffworks/skiff-0.7m" in done.stdout
    assert (here / "backup.jsonl").stat().st_size > 1000
    assert "error:" not in done.stderr
    assert password not in done.stdout + done.stderr
