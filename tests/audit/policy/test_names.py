"""Names that look like those of popular models."""

from __future__ import annotations

import pytest

from lineage.audit.policy.facts import ModelFacts
from lineage.audit.policy.names import about_name, looks_like, popular_owners


@pytest.mark.parametrize(
    ("name", "popular"),
    [
        ("meta-1lama/Llama-2-7b-hf", "meta-llama/Llama-2-7b-hf"),
        ("mistralia/Mistral-7B-v0.1", "mistralai/Mistral-7B-v0.1"),
        ("goog1e-bert/bert-base-uncased", "google-bert/bert-base-uncased"),
        ("stabilityal/anything", "stabilityai/"),
        ("openai-cornmunity/gpt2", "openai-community/gpt2"),
    ],
)
def test_a_look_alike_names_the_popular_model(name: str, popular: str) -> None:
    """A swapped letter, a digit for a letter and two letters for one are found, with the model that is meant."""
    found = looks_like(name)
    assert found is not None
    assert found[0].startswith(popular)


@pytest.mark.parametrize(
    "name",
    ["meta-llama/Llama-9-7b", "Meta-Llama/anything", "unsloth/llama-3-8b", "our-org/bert-base-uncased", "gpt2", "a/b"],
)
def test_other_names_are_not_look_alikes(name: str) -> None:
    """The popular owner itself, in any case, and other owners of models with popular names are left alone."""
    assert looks_like(name) is None


def test_popular_models_are_no_look_alikes_of_each_other() -> None:
    """No id of the table is found: two popular owners may differ by a character."""
    assert not [model for models in popular_owners().values() for model in models if looks_like(model)]


def test_only_used_models_and_their_other_names_are_compared() -> None:
    """An ancestor is not what the product typed; a name that the Hub redirects is."""
    used = ModelFacts(id="lab/x", used=True, state="present", named=("meta-1lama/x",))
    assert [each.rule for each in about_name(used)] == ["look-alike-name"]
    assert not list(about_name(ModelFacts(id="meta-1lama/x", used=False, state="present")))
