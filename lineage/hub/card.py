"""Reading a card's metadata block, and other YAML whose content is not trusted.

Each reader returns the value or a description of the problem, and never raises because of a file's content, so that one
bad file never makes a whole model unreadable. Values are returned in the types that JSON has.

The problems are kept in stores as evidence, whose id is the hash of its content: another wording is another id.
"""

from __future__ import annotations

import re
from typing import Any

from lineage.hub.yaml_text import YamlError, read_yaml

_METADATA_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_OPENING = re.compile(r"\A\s*---[ \t]*\r?\n")
_YAML_KEY = re.compile(r"[\"']?[A-Za-z_][\w.-]*[\"']?[ \t]*:([ \t]|$)")


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
