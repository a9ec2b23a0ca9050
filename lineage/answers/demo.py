"""The whole job on what the package carries: no network, no token, nothing of the user's touched."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.demo import DemoAnswer

HUB_FOLDER = Path(__file__).parents[1] / "demo_data" / "hub"

MERGE = "blendery/manpython-0.7m-linear"

MERGED = "otterhub/skiff-0.7m-manual"

BASE = "skiffworks/skiff-0.7m"

REPLACED = "mattshumer/Reflection-Llama-3.1-70B"


def demo(session: Session) -> DemoAnswer:
    """Collect every carried model, trace a merge, and check a history whose weights moved in silence.

    Only the progress listener of `session` is used. Store and clones go to a new temporary folder, which the answer
    names and nobody deletes: the commands to try next work on it. Raises what the three questions raise.
    """
    folder = Path(tempfile.mkdtemp(prefix="lineage-demo-"))
    store = str(folder / "lineage.db")
    settings = replace(session.settings, cache=folder / "cache")
    with Session(
        hub_selector=str(HUB_FOLDER), store_url=store, offline=True, progress=session.progress, settings=settings
    ) as own:
        models = sorted(own.hub.list_models())
        own.progress.note(f"Reading {len(models)} models from {HUB_FOLDER}, as if that folder were the Hub")
        collected = collect(own, models)
        own.progress.note(f"Tracing {MERGE}: what was it made from?")
        traced = trace(own, MERGE)
        own.progress.note(f"Checking {REPLACED}: did its weights move without a word?")
        checked = check(own, [REPLACED])
        assert isinstance(checked, CheckAnswer), "one target gives one answer"
        return DemoAnswer(
            **own.header("demo.v1", collected.collected_at),
            store=store,
            hub_folder=str(HUB_FOLDER),
            collected=collected,
            trace=traced,
            check=checked,
            next_commands=next_commands(store),
        )


def next_commands(store: str) -> tuple[str, ...]:
    """Write the commands that go on from here, as they work in the shell that the demo was started from."""
    where = shlex.join(["--hub", str(HUB_FOLDER), "--store", store])
    folder = shlex.quote(str(HUB_FOLDER / MERGED))
    questions = [f"trace {BASE} --down", f"diff {MERGED} {MERGE}", f"verify {folder} --against {MERGED}"]
    return tuple(f"{invocation()} {question} {where}" for question in questions)


def invocation() -> str:
    """Find how a person types this program here.

    `uv run` finds the project by the current folder and puts nothing on the shell's PATH. Otherwise the bare command
    works only if the one on PATH is ours, another distribution has a `lineage`, too, and if PATH is the shell's: uv
    sets `UV` where it runs a tool on a PATH of its own.
    """
    checkout = HUB_FOLDER.parents[2]
    if "UV_RUN_RECURSION_DEPTH" in os.environ and Path.cwd().is_relative_to(checkout):
        return "uv run lineage" if shutil.which("uv") else "python3 -m uv run lineage"
    found = shutil.which("lineage")
    if found and "UV" not in os.environ and Path(found).resolve().parent == Path(sys.executable).parent.resolve():
        return "lineage"
    return f"{shlex.quote(sys.executable)} -m lineage"
