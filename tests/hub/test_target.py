"""Targets: what is a model, what is a path, and what is neither."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from lineage.hub.target import ModelTarget, PathTarget, parse_target, repository_id_problem
from tests.support.shared import ROOT


@pytest.mark.parametrize(
    ("text", "model", "revision"),
    [
        ("gpt2", "gpt2", None),
        ("openai-community/gpt2", "openai-community/gpt2", None),
        ("org/name@main", "org/name", "main"),
        ("org/name@v1.0", "org/name", "v1.0"),
        ("org/name@refs/pr/12", "org/name", "refs/pr/12"),
        ("org/name@feature/a@b", "org/name", "feature/a@b"),
        ("org/name@folder:0123456789abcdef", "org/name", "folder:0123456789abcdef"),
        ("a.b/c_d-e.F", "a.b/c_d-e.F", None),
        ("_a/b_", "_a/b_", None),
        ("Vext/labs-7B-v1.1-", "Vext/labs-7B-v1.1-", None),
    ],
)
def test_models_are_read_with_their_revision(text: str, model: str, revision: str | None) -> None:
    """Everything after the first @ is the revision, slashes and further @ included."""
    target = parse_target(text)
    assert target == ModelTarget(model, revision)
    assert str(target) == text


@pytest.mark.parametrize("text", ["./x", ".", "..", "/abs/path", "~", "~/models/x", "../x@y"])
def test_only_a_beginning_makes_a_path(text: str) -> None:
    """A path is what starts with a dot, a slash or a tilde; the tilde is expanded, an @ is part of it."""
    target = parse_target(text)
    assert target == PathTarget(Path(text).expanduser())
    assert "~" not in str(target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@main",
        "org/name@",
        "org/name@-x",
        "org/name@a b",
        "org/name@a..b",
        "org/name@a\nb",
        "a/b/c",
        "models/x/",
        "https://huggingface.co/org/name",
        "org//name",
        "-a/b",
        "a/.b",
        "a--b/c",
        "a..b",
        "a/b.git",
        "a b",
        "ü/x",
        "C:\\models",
        "a\\b",
        "x" * 97,
        "a/" + "x" * 97,
        "a/b\0",
        "~nobody-of-that-name/x",
        "./a\0b",
        "org/name@/x",
    ],
)
def test_nonsense_is_refused_with_a_reason(text: str) -> None:
    """What is neither is an error of ours that repeats what was typed, and never a traceback."""
    with pytest.raises(InputError) as refused:
        parse_target(text)
    assert repr(text) in refused.value.message


def test_a_copied_address_gets_the_right_words() -> None:
    """A person who pastes a URL is told what to write instead."""
    with pytest.raises(InputError) as refused:
        parse_target("https://huggingface.co/org/name/tree/main")
    assert refused.value.hint == "write org/name"


@given(st.text(alphabet=st.sampled_from("aZ09-_./\\:é~@ \n"), max_size=200))
def test_our_rules_are_the_clients(text: str) -> None:
    """What the Hub's client accepts as an id is what we accept, and a hyphen at the end, which real models have."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(re.sub(r"(?<=[A-Za-z0-9_.])-(?=/|$)", "_", text) if "--" not in text else text)
        valid = True
    except HFValidationError:
        valid = False
    assert (repository_id_problem(text) is None) == valid


@pytest.mark.parametrize("text", ["./adapter", "/mnt/models/x", "~/x", "models\\x", "C:/x", "a/b/c", "../x"])
def test_local_paths_are_called_so(text: str) -> None:
    """A declared name that is somebody's path is told apart from a mere misspelling."""
    assert repository_id_problem(text) == "it is a local path"


def test_reading_targets_loads_nothing_heavy() -> None:
    """Targets are read by every command, so their module stays within the start-up budget."""
    heavy = ("huggingface_hub", "pydantic", "yaml")
    code = f"import sys, lineage.hub.target; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
