"""Reading the small texts of a repository: a card's metadata block, a JSON or YAML file whose content is not trusted.

Each reader returns the value or a description of the problem, and never raises because of a file's content, so that one
bad file never makes a whole model unreadable. Values are returned in the types that JSON has.

The problems are kept in stores as evidence, whose id is the hash of its content: another wording is another id.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

from lineage.hub.bounds import MAX_DEPTH, MAX_VALUES, BoundError, too_deep, too_many_values
from lineage.hub.repeated_keys import RepeatedKeyError, repeated_key
from lineage.hub.yaml_text import YamlError, read_yaml

_METADATA_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_OPENING = re.compile(r"\A\s*---[ \t]*\r?\n")
_YAML_KEY = re.compile(r"[\"']?[A-Za-z_][\w.-]*[\"']?[ \t]*:([ \t]|$)")

_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_JSON_EMPTY = re.compile(r"\[\s*+\]|\{\s*+\}")


def read_card(data: bytes) -> tuple[str | None, dict[str, Any] | None, str | None]:
    """Read a card: its text, its metadata, and the problem where one of them cannot be read.

    Bytes that are not UTF-8 become U+FFFD if the text has a metadata block: old editors wrote names in Latin-1.
    Without one it is unknown what the text declares, and it is unreadable.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
        if _METADATA_BLOCK.match(text.removeprefix("\ufeff")) is None:
            return None, None, "it is no UTF-8 text"
    return text, *parse_card(text)


def parse_card(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Read the metadata block of a card: (metadata, None), or a problem where it cannot be read, or not whole.

    A card without a block has neither; an empty block is an empty mapping. With a problem, metadata are returned
    only if keys occur twice: `parse_yaml_mapping`.
    """
    try:
        return card_metadata(text)
    except ValueError as error:
        return None, str(error)


def card_metadata(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Read the metadata block of a card as `parse_card` does.

    Raises ValueError with the problem if nothing of it can be read, BoundError if it is too large to be read.
    """
    text = text.removeprefix("\ufeff")
    block = _METADATA_BLOCK.match(text)
    if block is None:
        return None, _unended(text)
    return _yaml_mapping(block[1])


def _unended(text: str) -> str | None:
    """Report a metadata block that is opened and never closed; None if `---` is a horizontal rule above prose.

    It is a block if the first line that is neither blank nor a comment has the form `key:`.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return None
    lines = (line.strip() for line in text[opening.end() :].splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return "its metadata block begins with --- and never ends" if _YAML_KEY.match(first) else None


def parse_yaml_mapping(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Read YAML that should be a mapping: (mapping, None) or (None, problem).

    Where a key occurs twice it is unknown which value is meant: the key is left out, the others are given, and the
    problem quotes its values. A key under which another one occurs twice is left out too.
    """
    try:
        return _yaml_mapping(text)
    except ValueError as error:
        return None, str(error)


def _yaml_mapping(text: str) -> tuple[dict[str, Any], str | None]:
    documents = read_yaml(text, unfold=True)
    if len(documents) > 1:
        raise YamlError(f"the YAML is broken in line {documents[1].line}: but found another document")
    if not documents or documents[0].value is None:
        return {}, None
    value, repeated = documents[0].value, documents[0].repeats.by_field
    if not isinstance(value, dict):
        raise ValueError("the metadata are no mapping")
    kept = {key: item for key, item in value.items() if key not in repeated}
    return kept, "; ".join(repeated.values()) or None


def parse_json_object(data: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """Read a JSON file that should hold an object: (object, None) or (None, problem).

    `NaN` and `Infinity`, which Python writes and JSON does not have, are kept as those texts: real configs
    have them in fields that nothing here computes with. A file in which a key occurs twice in one object is not read:
    JSON readers differ on which value counts.
    """
    try:
        text = data.decode("utf-8-sig")
        refuse_many_values(text)
        value = json.loads(text, parse_constant=str, object_pairs_hook=unique_pairs)
        plain = _Plain().value(value)
    except UnicodeDecodeError:
        return None, "it is no UTF-8 text"
    except RecursionError:
        return None, "it is nested too deeply"
    except (RepeatedKeyError, BoundError) as error:
        return None, str(error)
    except ValueError as error:  # json's own error is one; so is an integer of thousands of digits
        return None, f"it is no JSON: {error}"
    return (plain, None) if isinstance(plain, dict) else (None, "it holds no object")


def load_json(data: bytes) -> Any:
    """Parse JSON as `json.loads` does, within the bound on values. Raises ValueError and RecursionError."""
    text = data.decode(json.detect_encoding(data), "surrogatepass")
    refuse_many_values(text)
    return json.loads(text)


def unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the dictionary of a JSON object; raises RepeatedKeyError where a key occurs twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (key, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise RepeatedKeyError(repeated_key(key, [value for name, value in pairs if name == key]))
    return found


def refuse_many_values(text: str) -> None:
    """Raise BoundError for JSON of more values than are read, before memory is used for them."""
    # Each value but the first follows `[`, `,` or the key that follows `{` or `,`.
    if _separators(text) >= MAX_VALUES:
        outside = _JSON_STRING.sub('"', text)
        if _separators(outside) - len(_JSON_EMPTY.findall(outside)) >= MAX_VALUES:
            raise too_many_values()


def _separators(text: str) -> int:
    """Count what may precede a value."""
    return text.count(",") + text.count("[") + text.count("{")


class _Plain:
    """Copy what the JSON parser gave, within bounds on depth and number, and without what JSON cannot hold."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def value(self, value: Any, depth: int = 0) -> Any:
        """Copy a value; raises BoundError beyond the bounds."""
        self.left -= 1
        if self.left < 0:
            raise too_many_values()
        if depth > MAX_DEPTH:
            raise too_deep()
        if isinstance(value, dict):
            return {_text(key): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    """Write lone surrogates, which JSON can spell and UTF-8 cannot hold, as question marks."""
    return text if text.isascii() else text.encode(errors="replace").decode()
