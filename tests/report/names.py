"""Answers about names for the renderers: what the real question answers."""

from __future__ import annotations

from lineage.answers.name import read_names
from lineage_schemas.answers.answer import Answer


def names() -> Answer:
    """Read names with and without a version, and two that are no ids of a model."""
    return read_names(["org/colours-7b-v2", "org/bert-base-finetuned-squad", "./colours-7b/", ""])


def one_name() -> Answer:
    """Read one name that has all minimal segments, and the version of its base."""
    return read_names(["org/Mistral-7B-v0.1-colours-dpo-v2"])


NAMES = {"names": names, "names-one": one_name}
