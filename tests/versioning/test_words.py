"""Words of titles and cards."""

from __future__ import annotations

import time

import pytest

from lineage.versioning.words import (
    announced_version,
    describes_change,
    describes_weights,
    is_training_title,
    name_version,
)


@pytest.mark.parametrize(
    ("title", "version"),
    [
        ("v1.1: retrained on more licences", "1.1"),
        ("Release v2", "2"),
        ("Version 3.0 of the model", "3.0"),
        ("Bump to 1.2.0", "1.2.0"),
        ("draft v2", "2"),
        ("tag v-1.0.0", "1.0.0"),
        ("1.1", "1.1"),
        ("2.0.1", "2.0.1"),
        ("v2", "2"),
        ("2.0-rc1", "2.0-rc1"),
        ("## [1.1]", "1.1"),
        ("- 1.1:", "1.1"),
        ("2", None),
        ("1.1 more data", None),
        ("Upload model-v2.safetensors", None),
        ("Upload model-00001-of-00162.safetensors with huggingface_hub", None),
        ("transformers v5 support", None),
        ("Update for transformers 4.36.2", None),
        ("Merge with mistralai/Mistral-7B-v0.1", None),
        ("Based on Llama-2-7b-chat-v1.5", None),
        ("Training in progress, step 500", None),
        ("Update README.md", None),
        ("Improve F1 by 3.5", None),
    ],
)
def test_announced_version(title: str, version: str | None) -> None:
    """A title announces a version of the model, not one of tools, files or other models."""
    assert announced_version(title) == version


@pytest.mark.parametrize(
    "title",
    [
        "Fix weights by putting the right value in `lm_head.weight`",
        "Added bf16 tensors",
        "update to float16 format",
        "remove previous, unreliable conversion",
        "add latest conversion results",
        "Upload new GPTQs with varied parameters",
        "Retrained with more data",
        "The model was re-trained on the cleaned set",
        "Replace corrupted checkpoint",
        "Retrained checkpoint, better grammar",
        "New checkpoint after 3 more epochs",
    ],
)
def test_titles_that_describe_weights(title: str) -> None:
    """Sentences about new, retrained or fixed weights document a change."""
    assert describes_weights(title)


@pytest.mark.parametrize(
    "title",
    [
        "Update README.md",
        "Upload model.safetensors with huggingface_hub",
        "Upload folder using huggingface_hub",
        "Update model.safetensors",
        "Upload LlamaForCausalLM",
        "Add model",
        "initial commit",
        "Fix typo in model card",
        "Fix typo in weights doc",
        "Fixed misspelled name of the new weights",
        "Corrected the spelling of retrained checkpoint",
        "Fix grammar in the section on new weights",
        "Fix README inconsistencies for the new model card",
        "Delete pytorch_model.bin",
        "Rename model.safetensors to old.safetensors",
        "Add library name transformers",
        "Fix max context length (#4)",
        "Adding `safetensors` variant of this model",
    ],
)
def test_titles_that_only_name_files_or_actions(title: str) -> None:
    """Titles of files and actions, typo fixes and work on documents document nothing."""
    assert not describes_weights(title)


def test_description_in_a_card_is_no_change() -> None:
    """A card that describes how the model was trained does not announce new weights."""
    assert not describes_change("This model was fine-tuned on the Alpaca data set for three epochs.")
    assert describes_change("2024-05-02: replaced the weights, the first ones were broken")


@pytest.mark.parametrize(
    ("title", "by_trainer"),
    [
        ("Training in progress, step 500", True),
        ("Training in progress, epoch 3", True),
        ("End of training", True),
        ("Model save", True),
        ("checkpoint-1500", True),
        ("Saving weights and logs of step 1000", True),
        ("epoch 4", True),
        ("Upload model", False),
        ("Best checkpoint of all runs", False),
    ],
)
def test_training_titles(title: str, *, by_trainer: bool) -> None:
    """Titles that trainers write by themselves differ from those of people."""
    assert is_training_title(title) is by_trainer


@pytest.mark.parametrize(
    ("model", "version"),
    [("org/name-v2", "2"), ("org/name-V1.5-base", "1.5"), ("org/deberta", None), ("org/name_v1.0.1", "1.0.1")],
)
def test_version_in_a_name(model: str, version: str | None) -> None:
    """A version in a name is between separators."""
    assert name_version(model) == version


def test_a_version_without_end_announces_nothing() -> None:
    """Digits beyond what any version has are not one, in a title or in a name; dates and times are."""
    assert announced_version("Release 20240131123000") == "20240131123000"
    assert announced_version("v" + "9" * 64) == "9" * 64
    assert announced_version("v" + "9" * 65) is None
    assert announced_version("version " + "1." * 400 + "0") is None
    assert name_version("org/model-v" + "1" * 80) is None


@pytest.mark.parametrize("flood", ["1.", "-", "1.0-", "v1.", "#", "@.", "a-b/", "new:", "fix a,", " "])
def test_floods_of_signs_cost_no_time(flood: str) -> None:
    """A title or line of a megabyte, made to send patterns back and forth, is read in well under a second."""
    text = flood * (1_000_000 // len(flood))
    start = time.process_time()
    announced_version(text)
    describes_weights(text)
    describes_change(text)
    assert time.process_time() - start < 1
