"""Fields of a card that name a version, with their values as they are written."""

from __future__ import annotations

import re
from typing import Any

from lineage.hub.bounds import BoundError
from lineage.hub.card import card_metadata

CARD_VERSION_FIELDS = ("version", "model_version", "model-version", "release", "model_release", "release_version")

CARD_BLOCK = "lineage"
"""The field with the block that `lineage suggest --card` prints."""

_NAME_PART = re.compile(r"version|release")
"""What every name of CARD_VERSION_FIELDS contains."""

_NUMBER = re.compile(
    rf"^({'|'.join(CARD_VERSION_FIELDS)})[ \t]*:[ \t]+([0-9]{{1,20}}(?:\.[0-9]{{1,20}})?)\b", re.MULTILINE
)
"""A version field with a number, as it is written."""


def version_fields(card: str) -> dict[str, str]:
    """Return the version fields of a card by name, with their texts.

    YAML reads `1.10` as the number 1.1: a number has the text that the card has for it. Broken metadata hold no field.
    Raises BoundError for metadata that are too large to be read; they are read only where they can hold a field,
    because a table of 3 MB takes seconds.
    """
    if not _NAME_PART.search(card):
        return {}
    metadata = card_metadata_of(card)
    if metadata is None:
        return {}
    numbers = {name: text for name, text in reversed(_NUMBER.findall(card))}
    found = {}
    for name in CARD_VERSION_FIELDS:
        value = metadata.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            as_written = isinstance(value, int | float) and name in numbers and float(numbers[name]) == value
            found[name] = numbers[name] if as_written else str(value)
    block = metadata.get(CARD_BLOCK)
    if isinstance(block, dict) and isinstance(block.get("version"), str):
        found[f"{CARD_BLOCK}.version"] = block["version"]
    return found


def card_metadata_of(card: str) -> dict[str, Any] | None:
    """Return the metadata of a card; None if they are broken.

    Raises BoundError for metadata that are too large to be read.
    """
    try:
        return card_metadata(card)[0] or {}
    except BoundError:
        raise
    except ValueError:
        return None
