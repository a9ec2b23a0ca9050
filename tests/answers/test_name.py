"""What `lineage name` answers about names of every kind."""

from __future__ import annotations

import pytest

from lineage.answers.name import read_names


def test_a_name_is_answered_with_its_parts() -> None:
    """Segments, convention, both kinds of versions, what is missing and the conforming name are all there."""
    (name,) = read_names(["org/Mistral-7B-v0.1-colours-v2"]).names
    assert [(segment.type, segment.text) for segment in name.segments] == [
        ("base-model", "Mistral"),
        ("size", "7B"),
        ("version", "v0.1…v2"),
        ("identifier", "colours"),
    ]
    assert name.convention == "{base-model}{size}{version}{identifier}"
    assert name.version is not None
    assert name.version.model_dump() == {"text": "v2", "kind": "major", "numbers": (2,), "of_base": False}
    assert [version.text for version in name.base_versions] == ["v0.1"]
    assert name.missing == ("training-mechanism",)
    assert name.conforming == "colours-Mistral-v0.1-7B-v2"
    assert name.problem is None


@pytest.mark.parametrize(
    ("model", "convention", "problem"),
    [
        ("", "", "it is empty"),
        ("./models/colours-7b", "{identifier}{size}", "it is a local path"),
        ("./models/colours-7b/", "{identifier}{size}", "it is a local path"),
        ("a" * 96, "{identifier}", None),
        ("a" * 97, "{identifier}", "it does not follow the form of a repository id"),
        ("org/цвета-7b", "{identifier}{size}", "it does not follow the form of a repository id"),
        ("colours", "{identifier}", None),
        ("a-" * 1000, "{others}", "it is longer than 193 characters"),
        ("\x1b[31m", "{identifier}{size}", "it does not follow the form of a repository id"),
    ],
)
def test_every_text_is_read_and_judged(model: str, convention: str, problem: str | None) -> None:
    """A text that cannot be the id of a model is read as far as it goes, with the reason why it cannot."""
    (name,) = read_names([model]).names
    assert (name.model, name.convention, name.problem) == (model, convention, problem)


def test_no_size_is_invented() -> None:
    """A name without a size has a conforming name without one, and the size is missing."""
    (name,) = read_names(["org/colours-llama-dpo"]).names
    assert name.conforming == "colours-llama-dpo"
    assert name.missing == ("size",)
