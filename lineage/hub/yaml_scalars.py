"""Scalars of YAML: their types, by the patterns of PyYAML's safe loader, and their values, of bounded length."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any

from lineage.hub.bounds import MAX_NUMBER_CHARACTERS

_TAG = "tag:yaml.org,2002:"
STR, NULL, MERGE, BINARY = (_TAG + name for name in ("str", "null", "merge", "binary"))

MERGE_KEY: Any = object()
"""The key `<<`, under which entries of other mappings are copied; a text of any content is another key."""


def tag_of(event: Any) -> str:
    """Name the type of a scalar: what its tag names, or what an unquoted scalar looks like."""
    if event.tag not in (None, "!"):
        return str(event.tag)
    return plain_tag(event.value) if event.implicit[0] else STR


def plain_tag(text: str) -> str:
    """Name the type that an unquoted scalar has by its form; what is longer than any number is a text."""
    if len(text) <= MAX_NUMBER_CHARACTERS:
        for tag, pattern in _patterns().get(text[:1], ()):
            if pattern.match(text):
                return str(tag)
    return STR


def starts_of_types() -> frozenset[str]:
    """Return the first characters of unquoted scalars that may not be texts; empty for the empty scalar."""
    return frozenset(_patterns())


def value_and_key(tag: str, text: str) -> tuple[Any, Any]:
    """Give the value of a scalar in JSON's types, and how it is written as a key of an object."""
    if tag == MERGE:
        return text, MERGE_KEY
    value = _value(tag, text)
    return value, value if isinstance(value, str) else _key(value)


def _key(value: bool | float | None) -> str:
    """Write a value that is not a text as a key."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _value(tag: str, text: str) -> Any:
    """Give the value of a scalar; the text itself if it does not have the form of its type, or is too long for it."""
    import yaml

    if tag == NULL:
        return None
    if tag == BINARY:
        return _binary(text)
    read = _readers().get(tag)
    if read is None or len(text) > MAX_NUMBER_CHARACTERS:
        return text
    try:
        value = read(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, OverflowError):
        # PyYAML raises these for `!!int ""`, `!!float x`, `!!bool x`, `!!timestamp x` and the 13th month of a year.
        return text
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _binary(text: str) -> str:
    """Decode base64, as text; the text itself if it is something else."""
    try:
        return base64.decodebytes(text.encode("ascii")).decode(errors="backslashreplace")
    except (UnicodeEncodeError, binascii.Error):
        return text


@cache
def _patterns() -> Mapping[str, list[tuple[str, Any]]]:
    """Return the patterns of unquoted scalars, by the first character of the scalar."""
    import yaml

    found: Mapping[str, list[tuple[str, Any]]] = yaml.SafeLoader.yaml_implicit_resolvers
    return found


@cache
def _readers() -> dict[str, Callable[[Any], Any]]:
    """Return what reads numbers, truth values and dates, by tag."""
    from yaml.constructor import SafeConstructor

    constructor = SafeConstructor()
    return {
        _TAG + "int": constructor.construct_yaml_int,
        _TAG + "float": constructor.construct_yaml_float,
        _TAG + "bool": constructor.construct_yaml_bool,
        _TAG + "timestamp": constructor.construct_yaml_timestamp,
    }
