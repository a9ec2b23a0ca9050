"""Who is hit by a change of a base: real histories, read by the real pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineage_cli.main import main
from tests.support.bare_repository import BareRepository
from tests.support.readings import WEIGHTS, weights

pytestmark = pytest.mark.slow

A_DAY = 86_400


def family(folder: Path, *, moves: bool) -> tuple[str, str]:
    """Make a base with an adapter and a fine-tune; the base changes silently between the two, if it moves."""
    base = BareRepository(folder / "hub/org/base.git")
    first = base.commit({WEIGHTS: weights(1)})
    if moves:
        base.commit({WEIGHTS: weights(2)}, later=5 * A_DAY)
    for name, relation, days in (("adapter", "adapter", 2), ("tuned", "finetune", 3), ("late", "finetune", 9)):
        card = f"---\nbase_model: org/base\nbase_model_relation: {relation}\n---\n".encode()
        child = BareRepository(folder / f"hub/org/{name}.git")
        child.commit({"README.md": card, WEIGHTS: weights(9 + days)}, later=days * A_DAY)
    return str(folder / "hub"), first


def ask(folder: Path, hub: str, *arguments: str) -> tuple[int, str]:
    """Collect the children, then run `lineage impact`."""
    options = ["--hub", hub, "--store", str(folder / "lineage.db"), "-q"]
    CliRunner().invoke(main, ["collect", "org/adapter", "org/tuned", "org/late", "--no-samples", *options])
    done = CliRunner().invoke(main, ["impact", *arguments, *options])
    return done.exit_code, done.stdout


def test_a_silent_change_hits_what_was_built_before_it(tmp_path: Path) -> None:
    """Adapters come first, a model that was built on the new weights is not hit, and the command exits with 1."""
    hub, first = family(tmp_path, moves=True)
    code, out = ask(tmp_path, hub, "org/base", "--format", "json")
    answer = json.loads(out)
    assert code == 1
    assert [(each["model"], each["relation"], each["depth"]) for each in answer["hit"]] == [
        ("org/adapter", "adapter", 1), ("org/tuned", "finetune", 1),
    ]  # fmt: skip
    assert answer["hit"][0]["built_on"] == {"revision": first, "how": "inferred"}
    assert answer["counts"] == {"adapter": 1, "finetune": 1}
    assert [change["verdict"] for change in answer["changes"]] == ["silent"]


def test_a_model_that_never_changed_says_so(tmp_path: Path) -> None:
    """Without a change nothing is hit, and the command exits with 0."""
    hub, _ = family(tmp_path, moves=False)
    code, out = ask(tmp_path, hub, "org/base")
    assert code == 0
    assert "Its weights never changed" in out


def test_a_limit_and_a_start(tmp_path: Path) -> None:
    """A limit is reported, and changes before the start do not count."""
    hub, _ = family(tmp_path, moves=True)
    code, out = ask(tmp_path, hub, "org/base", "--max-models", "1", "--format", "markdown")
    assert code == 1
    assert "1 more are hit" in out
    assert ask(tmp_path, hub, "org/base", "--since", "HEAD")[0] == 0
    assert ask(tmp_path, hub, "org/base", "--since", "no-such-tag")[0] == 2


def tagged_family(folder: Path) -> str:
    """Make a base whose second weights a tag announces as a patch, and two fine-tunes: before and after them."""
    base = BareRepository(folder / "hub/org/base.git")
    base.commit({WEIGHTS: weights(1)})
    base.tag("v1.0.0")
    base.commit({WEIGHTS: weights(2)}, later=5 * A_DAY)
    base.tag("v1.0.1")
    for name, days in (("tuned", 3), ("late", 9)):
        card = b"---\nbase_model: org/base\nbase_model_relation: finetune\n---\n"
        BareRepository(folder / f"hub/org/{name}.git").commit(
            {"README.md": card, WEIGHTS: weights(9 + days)}, later=days * A_DAY
        )
    return str(folder / "hub")


def test_an_understated_version_counts_if_it_is_asked_for(tmp_path: Path) -> None:
    """What an understated version announced is versioned and a warning: it counts with --fail-on warning only."""
    hub = tagged_family(tmp_path)
    code, out = ask(tmp_path, hub, "org/base", "--format", "json")
    answer = json.loads(out)
    assert (code, answer["fail_on"]) == (0, "error")
    assert [each["id"] for each in answer["findings"]] == ["understated-version"]
    assert [(each["model"], each["silent"], each["understated"]) for each in answer["hit"]] == [
        ("org/tuned", False, True)
    ]
    for fail_on in ("warning", "LW009"):
        assert ask(tmp_path, hub, "org/base", "--fail-on", fail_on)[0] == 1
    assert ask(tmp_path, hub, "org/base", "--fail-on", "warning", "--since", "v1.0.1")[0] == 0
    assert ask(tmp_path, hub, "org/base", "--fail-on", "no-such-rule")[0] == 2
    assert "understated-version" in ask(tmp_path, hub, "org/base", "--format", "markdown")[1]
