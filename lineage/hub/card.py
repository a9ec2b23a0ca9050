"""Reading the small texts of a repository: a card's metadata block, a JSON or YAML file that strangers wrote.

Nothing here raises for what a file says: each reader gives the value or the problem in words, so that one bad file
makes one thing unreadable and never a whole model. Values come back as JSON would hold them.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date
from typing import Any

MAX_METADATA_CHARACTERS = 5_000_000
"""The largest real cards hold benchmark tables of 3 MB."""

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""A few anchors that name each other can stand for more values than memory holds."""

_METADATA_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def read_card(data: bytes) -> tuple[str | None, dict[str, Any] | None, str | None]:
    """Read a card: its text, its metadata, and the problem where one of them cannot be read.

    Bytes that are no UTF-8 become U+FFFD as long as a metadata block stands out among them: old editors wrote names
    in Latin-1. Without one nobody can say what the text declares, and it is unreadable.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
        if _METADATA_BLOCK.match(text.removeprefix("\ufeff")) is None:
            return None, None, "it is no UTF-8 text"
    return text, *parse_card(text)


def parse_card(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Read the metadata block of a card: (metadata, None), or (None, problem) where it cannot be read.

    A card without a block has neither; an empty block is an empty mapping.
    """
    block = _METADATA_BLOCK.match(text.removeprefix("\ufeff"))
    if block is None:
        return None, None
    return parse_yaml_mapping(block[1])


def parse_yaml_mapping(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Read YAML that should be a mapping: (mapping, None) or (None, problem)."""
    if len(text) > MAX_METADATA_CHARACTERS:
        return None, f"the metadata are longer than {MAX_METADATA_CHARACTERS} characters"
    try:
        value = _load_yaml(text)
        plain = _Plain().value(value)
    except ValueError as error:
        return None, str(error)
    if plain is None:
        return {}, None
    return (plain, None) if isinstance(plain, dict) else (None, "the metadata are no mapping")


def parse_json_object(data: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """Read a JSON file that should hold an object: (object, None) or (None, problem).

    `NaN` and `Infinity`, which Python writes and JSON does not know, are kept as those words: real configs
    have them in fields that nobody here computes with.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=str)
        plain = _Plain().value(value)
    except UnicodeDecodeError:
        return None, "it is no UTF-8 text"
    except RecursionError:
        return None, "it is nested too deeply"
    except ValueError as error:  # json's own error is one; so is an integer of thousands of digits
        return None, f"it is no JSON: {error}"
    return (plain, None) if isinstance(plain, dict) else (None, "it holds no object")


def _load_yaml(text: str) -> Any:
    """Load YAML safely; raises ValueError with the problem in words.

    The events are walked first: libyaml's composer recurses in C, and a few kB of `[` would end the process.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if not _is_deep(yaml.parse(text, Loader=loader)):
            return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are the safe ones
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"the YAML is broken{place}: {error.problem or 'it cannot be parsed'}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("the YAML is broken") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        # The constructors of dates, numbers and keys let their own errors through: 2024-13-45, 0x, [a]: b
        raise ValueError(f"the YAML holds an impossible value: {error}") from error
    raise ValueError("nested too deeply")


def _is_deep(events: Any) -> bool:
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


class _Plain:
    """Turn what a parser gave into JSON values, within bounds on depth and number."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def value(self, value: Any, depth: int = 0) -> Any:
        """Copy a value; raises ValueError beyond the bounds (a list that holds itself runs into them)."""
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if isinstance(value, dict):
            return {_text(key): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [self.value(item, depth + 1) for item in value]
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return _text(value)


def _text(value: Any) -> str:
    """Write a scalar as text that UTF-8 can hold: dates as ISO 8601, lone surrogates as question marks."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, (bool, type(None))):
        return json.dumps(value)
    return str(value).encode(errors="replace").decode()
