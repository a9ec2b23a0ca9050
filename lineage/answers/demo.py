"""The main commands on models that come with the package: no network, no token, no access to the user's store."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from lineage.answers.audit.audit import audit
from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.demo import DemoAnswer

HUB_FOLDER = Path(__file__).parents[1] / "demo_data" / "hub"

PRODUCT_FOLDER = HUB_FOLDER.with_name("product")

MERGE = "blendery/manpython-0.7m-linear"

FALSE_CARD = "quillworks/notary-0.7m"

MERGED = "otterhub/skiff-0.7m-manual"

BASE = "skiffworks/skiff-0.7m"

REPLACED = "mattshumer/Reflection-Llama-3.1-70B"


def demo(session: Session) -> DemoAnswer:
    """Collect every model in the package, trace a merge and a false card, check a silent change, audit a product.

    Only the progress listener of `session` is used. Store and clones go to a new temporary folder, which the answer
    names. It is not deleted, because the suggested commands use it. Raises the errors of the questions.
    """
    folder = Path(tempfile.mkdtemp(prefix="lineage-demo-"))
    store = str(folder / "lineage.db")
    settings = session.settings._replace(cache=folder / "cache")
    with Session(
        hub_selector=str(HUB_FOLDER), store_url=store, offline=True, progress=session.progress, settings=settings
    ) as own:
        models = sorted(own.hub.list_models())
        own.progress.note(f"Reading {len(models)} models from {HUB_FOLDER}, as if that folder were the Hub")
        collected = collect(own, models)
        own.progress.note(f"Tracing {MERGE}: what was it made from?")
        traced = trace(own, MERGE)
        own.progress.note(f"Tracing {FALSE_CARD}: does its card name its parent?")
        contradicted = trace(own, FALSE_CARD)
        own.progress.note(f"Checking {REPLACED}: did its weights change without an announcement?")
        checked = check(own, [REPLACED])
        assert isinstance(checked, CheckAnswer), "one target gives one answer"
        own.progress.note(f"Auditing {PRODUCT_FOLDER}: what is wrong with the models that a product uses?")
        audited = audit(own, PRODUCT_FOLDER)
        return DemoAnswer(
            **own.header("demo.v1", collected.collected_at),
            store=store,
            hub_folder=str(HUB_FOLDER),
            collected=collected,
            trace=traced,
            contradicted=contradicted,
            check=checked,
            product_folder=str(PRODUCT_FOLDER),
            audit=audited,
            next_commands=next_commands(store),
        )


def next_commands(store: str) -> tuple[str, ...]:
    """Write the commands to try next, as they work in the shell that started the demo."""
    where = shlex.join(["--hub", str(HUB_FOLDER), "--store", store])
    folder = shlex.quote(str(HUB_FOLDER / MERGED))
    questions = [f"trace {BASE} --down", f"diff {MERGED} {MERGE}", f"verify {folder} --against {MERGED}"]
    return tuple(f"{invocation()} {question} {where}" for question in questions)


def invocation() -> str:
    """Find how the user can start this program in the current shell.

    `uv run` finds the project by the current folder and puts nothing on the shell's PATH. Otherwise the bare command
    works only if the `lineage` on PATH is ours (another distribution has one too), and if PATH is the shell's: uv
    sets `UV` when it runs a tool with a PATH of its own.
    """
    checkout = HUB_FOLDER.parents[2]
    if "UV_RUN_RECURSION_DEPTH" in os.environ and Path.cwd().is_relative_to(checkout):
        return "uv run lineage" if shutil.which("uv") else "python3 -m uv run lineage"
    found = shutil.which("lineage")
    if found and "UV" not in os.environ and Path(found).resolve().parent == Path(sys.executable).parent.resolve():
        return "lineage"
    return f"{shlex.quote(sys.executable)} -m lineage"
