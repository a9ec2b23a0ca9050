"""The demo: the real pipeline on models that come with the package, without access to the user's store."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.demo import HUB_FOLDER, demo, invocation
from lineage.answers.session import Session
from lineage.settings.environment import Settings
from lineage_schemas.answers.demo import DemoAnswer
from lineage_schemas.export import json_schema
from tests.support.shared import ROOT, SHARED, needs_shared
from tools.make_demo import AUTHOR, FAMILY, bundle

BUNDLE = HUB_FOLDER / "mattshumer" / "Reflection-Llama-3.1-70B.bundle"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def answer(home: Path) -> DemoAnswer:
    environ = {"LINEAGE_STORE": str(home / "own.db"), "LINEAGE_CACHE": str(home / "cache"), "HF_HOME": str(home / "hf")}
    with pytest.MonkeyPatch.context() as patch, Session(settings=Settings.from_environment(environ)) as session:
        for name in ("UV", "UV_RUN_RECURSION_DEPTH"):  # these tests may themselves run under `uv run`
            patch.delenv(name, raising=False)
        return demo(session)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack everything in the bundle of the package."""
    folder = tmp_path_factory.mktemp("carried")
    git(folder, "init", "--quiet", "--bare")
    git(folder, "fetch", "--quiet", str(BUNDLE), "+refs/*:refs/*")
    return folder


@pytest.mark.slow
def test_it_finds_the_replaced_shards_as_one_silent_change(answer: DemoAnswer) -> None:
    """162 shards in 162 commits without a tag are one push, one change, one finding."""
    counts = answer.check.counts
    assert (counts.after_first_upload, counts.silent) == (1, 1)
    assert answer.check.verdict == "findings"
    assert len(answer.check.findings) == 1
    (change,) = [change for change in answer.check.weight_changes if change.counts]
    assert (change.kind, change.verdict) == ("replaced", "silent")
    (group,) = change.groups
    assert len([file for file in group.files if file.endswith(".safetensors")]) == 162
    assert (change.end - change.start).total_seconds() < 2 * 3600
    assert change.start.date().isoformat() == "2024-09-06"


def test_it_confirms_a_merge_by_its_weights(answer: DemoAnswer) -> None:
    """The trace has both parents of the merge, with their shares, and the base that the card of one leaves out."""
    edges = {(edge.child, edge.parent): edge for edge in answer.trace.derivations}
    manual, python = "otterhub/skiff-0.7m-manual", "magpie-ml/python-max-0.7m"
    assert set(edges) == {
        (answer.trace.root, manual),
        (answer.trace.root, python),
        (manual, "skiffworks/skiff-0.7m"),
        (python, "skiffworks/skiff-0.7m"),
    }
    merged = [edges[answer.trace.root, parent] for parent in (manual, python)]
    assert {(edge.relation, edge.method, edge.status) for edge in merged} == {("merge", "linear", "confirmed")}
    assert [any("share 0." in (each.value or "") for each in edge.evidence) for edge in merged] == [True, True]
    assert edges[manual, "skiffworks/skiff-0.7m"].status == "confirmed"
    assert edges[python, "skiffworks/skiff-0.7m"].status == "inferred"
    assert {each.rule for each in answer.trace.findings} == {"LD004"}
    assert answer.trace.unmeasured == ()


def test_it_contradicts_a_false_card(answer: DemoAnswer) -> None:
    """The parent on the card shares no weights with the model, and the measured one is not on the card."""
    edges = {edge.parent: edge for edge in answer.contradicted.derivations if edge.child == answer.contradicted.root}
    assert {parent: edge.status for parent, edge in edges.items()} == {
        "plover-lab/plover-0.7m": "contradicted",
        "otterhub/skiff-0.7m-manual": "inferred",
    }
    assert {"LD002", "LD004"} <= {each.rule for each in answer.contradicted.findings}


def test_it_reads_every_carried_model_from_the_carried_hub(answer: DemoAnswer) -> None:
    """All models are read from the folder in the package, and weights in it are fingerprinted in full."""
    models = {model.id: model for model in answer.collected.models if model.outcome == "collected"}
    assert set(models) == {*FAMILY, "mattshumer/Reflection-Llama-3.1-70B"}
    assert answer.hub is not None
    assert answer.hub.startswith("dir-hub-")
    assert models["otterhub/skiff-0.7m-manual"].level == "full"


def test_it_audits_a_product_that_uses_them(answer: DemoAnswer) -> None:
    """The last step finds the false parent, models without a pin, and a commit without a signature."""
    assert answer.audit.verdict == "findings"
    assert {each.severity for each in answer.audit.findings} == {"error", "warning", "info"}
    assert {"LD002", "LA001"} <= {each.rule for each in answer.audit.findings}
    assert answer.product_folder == str(HUB_FOLDER.with_name("product"))


def test_it_leaves_the_users_store_alone(answer: DemoAnswer, home: Path) -> None:
    """The demo has its own store; neither the user's store nor the user's cache of clones is created or changed."""
    assert Path(answer.store).is_file()
    assert not Path(answer.store).is_relative_to(home)
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_the_suggested_commands_work_as_printed(answer: DemoAnswer, tmp_path: Path) -> None:
    """Each of the three commands works in a shell in another folder."""
    assert len(answer.next_commands) == 3
    for command in answer.next_commands:
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert "skiff" in done.stdout or "Reflection" in done.stdout


@pytest.mark.slow
def test_the_command_prints_answers_and_stays_under_five_seconds(tmp_path: Path) -> None:
    """The README's first command is quick, and its JSON is valid under its schema."""
    env = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "lineage", "demo", "--format", "json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
    written = json.loads(done.stdout)
    jsonschema.validate(written, json_schema("demo.v1"))
    assert Path(written["store"]).is_relative_to(tmp_path)


def test_the_carried_history_is_the_recorded_one(carried: Path) -> None:
    """It has 355 commits by a neutral author, of which 130 on the default branch change nothing."""
    assert len(git(carried, "rev-list", "--all").split()) == 355
    assert set(git(carried, "log", "--all", "--format=%an <%ae>|%cn <%ce>").split("\n")) == {
        f"{AUTHOR.decode()}|{AUTHOR.decode()}",
        "",
    }
    log = git(carried, "log", "refs/heads/main", "--format=%x00", "--name-only").split("\0")[1:]
    assert sum(not names.strip() for names in log) == 130
    pointer = git(carried, "show", "refs/heads/main:model-00001-of-00162.safetensors")
    assert pointer.startswith("version https://git-lfs.github.com/spec/v1\noid sha256:")


@needs_shared
def test_the_bundle_can_be_made_again(carried: Path, tmp_path: Path) -> None:
    """The recorded history gives exactly the commits in the package, LFS pointers included."""
    recorded = SHARED / "data" / "histories" / "MiMiGame-1__Reflection-Llama-3.1-70B.json.gz"
    history = json.loads(gzip.decompress(recorded.read_bytes()))
    bundle(history, tmp_path / "again.bundle")
    heads = git(tmp_path, "bundle", "list-heads", str(tmp_path / "again.bundle"))
    assert heads == git(tmp_path, "bundle", "list-heads", str(BUNDLE))
    pointers = {change["new"] for commit in history["commits"] for change in commit["changes"] if change.get("lfs")}
    objects = git(carried, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    assert pointers <= set(objects.split())


@pytest.mark.parametrize(("uv", "prefix"), [("/opt/uv", "uv run lineage"), (None, "python3 -m uv run lineage")])
def test_commands_are_written_for_uv_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uv: str | None, prefix: str
) -> None:
    """`uv run` puts nothing on the shell's PATH, and uv finds the project only from inside it."""
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setenv("UV", "/opt/uv")
    monkeypatch.setattr("shutil.which", lambda name: uv)
    monkeypatch.chdir(ROOT / "docs")
    assert invocation() == prefix
    monkeypatch.chdir(tmp_path)
    assert invocation() == f"{sys.executable} -m lineage"


def test_commands_are_written_for_the_command_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The bare name is used only if it is this installation's: another project has a command of that name."""
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert invocation() == "lineage"
    monkeypatch.setenv("UV", "/opt/uv")
    assert invocation() == f"{sys.executable} -m lineage"
    monkeypatch.delenv("UV")
    other = tmp_path / "lineage"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert invocation() == f"{sys.executable} -m lineage"


def test_the_carried_hub_is_a_folder_of_the_checkout() -> None:
    """The data of the demo is inside the package, beside its code."""
    assert HUB_FOLDER.is_relative_to(ROOT / "lineage")
    assert BUNDLE.is_file()
