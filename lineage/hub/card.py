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
from collections.abc import Iterable
from datetime import date
from typing import Any

MAX_YAML_CHARACTERS = 5_000_000
"""YAML beyond this is not read, though other texts may be longer: a second reads less than a million characters. The
largest real cards hold benchmark tables of 3 MB."""

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""A few anchors that refer to each other can expand to more values than fit into memory."""

MAX_NODES = 2 * MAX_VALUES
"""Keys count beside values where nodes are counted."""

_METADATA_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


_OPENING = re.compile(r"\A\s*---[ \t]*\r?\n")
_YAML_KEY = re.compile(r"[\"']?[A-Za-z_][\w.-]*[\"']?[ \t]*:([ \t]|$)")

MAX_SHOWN = 60
"""Characters of a value that a problem quotes."""


class RepeatedKeyError(ValueError):
    """Report which key an object has more than once, and with which values."""


class BoundError(ValueError):
    """Report a text that is longer, deeper or holds more values than is read: its content is unknown."""


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
    value, repeated = _load_yaml(text)
    plain = _Plain().value(value)
    if plain is None:
        return {}, None
    if not isinstance(plain, dict):
        raise ValueError("the metadata are no mapping")
    kept = {key: item for key, item in plain.items() if key not in repeated}
    return kept, "; ".join(repeated.values()) or None


def parse_json_object(data: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """Read a JSON file that should hold an object: (object, None) or (None, problem).

    `NaN` and `Infinity`, which Python writes and JSON does not have, are kept as those texts: real configs
    have them in fields that nothing here computes with. A file in which a key occurs twice in one object is not read:
    JSON readers differ on which value counts.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=str, object_pairs_hook=unique_pairs)
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


def unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the dictionary of a JSON object; raises RepeatedKeyError where a key occurs twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (key, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise RepeatedKeyError(_repeated(key, [value for name, value in pairs if name == key]))
    return found


def refuse_repeated_keys(node: Any, seen: set[int] | None = None) -> None:
    """Raise RepeatedKeyError where a mapping anywhere in a composed YAML document has a key twice.

    `seen` are the ids of nodes that were checked already: aliases let thousands of fields share one large value.
    """
    import yaml

    waiting, seen = [node], set() if seen is None else seen
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for found in _repeats(node).values():
                raise RepeatedKeyError(found)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _repeats(mapping: Any) -> dict[str, str]:
    """Describe the keys that one YAML mapping has more than once, by key."""
    import yaml

    values: dict[tuple[str, str], list[Any]] = {}
    for key, value in mapping.value:
        if isinstance(key, yaml.ScalarNode):
            values.setdefault((key.tag, key.value), []).append(value)
    return {
        key: _repeated(key, [node.value if isinstance(node, yaml.ScalarNode) else [] for node in nodes])
        for (_, key), nodes in values.items()
        if len(nodes) > 1
    }


def _repeated(key: str, values: list[Any]) -> str:
    """Report that a key occurs twice, and quote both values if they are short texts."""
    texts = [value if isinstance(value, str) else "…" for value in values[:3]]
    shown = " and ".join(f"“{text[:MAX_SHOWN] + '…' if len(text) > MAX_SHOWN else text}”" for text in texts)
    return _text(f"the key {key[:MAX_SHOWN]} occurs {'twice' if len(values) == 2 else f'{len(values)} times'}: {shown}")


def _load_yaml(text: str) -> tuple[Any, dict[str, str]]:
    """Load YAML safely: the value, and what is wrong with each key that occurs twice or has such a key below it.

    Raises ValueError with a description of the problem, BoundError as `yaml_loader` does.
    """
    import yaml

    try:
        loader = yaml_loader(text)
        try:
            node = loader.get_single_node()
            repeated = _repeats_by_field(node)  # before construction, which writes `<<` out into its mapping
            return loader.construct_document(node) if node else None, repeated
        finally:
            loader.dispose()
    except BoundError:
        raise
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"the YAML is broken{place}: {error.problem or 'it cannot be parsed'}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("the YAML is broken") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        # The constructors of dates, numbers and keys let their own errors through: 2024-13-45, 0x, [a]: b
        raise ValueError(f"the YAML holds an impossible value: {error}") from error


def yaml_loader(text: str) -> Any:
    """Make a safe loader of a YAML text that is within our bounds. Raises BoundError, or PyYAML's errors.

    The events are walked first: libyaml's composer recurses in C, and a few kB of `[` would end the process. What
    aliases stand for is one value that several places share, and is bounded by the code that walks it; only merge keys
    (`<<: *a`) are copied while they are loaded.
    """
    import yaml

    if len(text) > MAX_YAML_CHARACTERS:
        raise BoundError(f"the YAML is longer than {MAX_YAML_CHARACTERS} characters")
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _YamlBounds().check(yaml.parse(text, Loader=kind))
    return kind(text)


def _repeats_by_field(root: Any) -> dict[str, str]:
    """Describe the fields of a document that occur twice, or that hold a mapping in which a key does."""
    import yaml

    if not isinstance(root, yaml.MappingNode):
        return {}
    found = _repeats(root)
    seen: set[int] = set()
    for key, value in root.value:
        if isinstance(key, yaml.ScalarNode) and key.value not in found:
            try:
                refuse_repeated_keys(value, seen)
            except RepeatedKeyError as error:
                found[key.value] = f"under {key.value[:MAX_SHOWN]} {error}"
    return found


class _YamlBounds:
    """Hold events of YAML to bounds on depth and number before anything is made of them."""

    def __init__(self) -> None:
        self._open: list[tuple[str | None, int]] = []
        self._sizes: dict[str, int] = {}
        self._nodes = 0
        self._unfolded = 0
        self._merges = False

    def check(self, events: Iterable[Any]) -> None:
        """Raise BoundError for what is nested too deeply, or has too many nodes once its merges are made."""
        import yaml

        for event in events:
            if isinstance(event, yaml.NodeEvent):
                self._count(event, is_alias=isinstance(event, yaml.AliasEvent))
                if isinstance(event, yaml.CollectionStartEvent):
                    self._open.append((event.anchor, self._unfolded))
                if len(self._open) > MAX_DEPTH:
                    raise BoundError("nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = self._open.pop()
                if anchor:
                    self._sizes[anchor] = self._unfolded - before + 1

    def _count(self, event: Any, *, is_alias: bool) -> None:
        """Count a node; an alias counts as many nodes as its anchor has."""
        self._nodes += 1
        self._unfolded = min(self._unfolded + (self._sizes.get(event.anchor, 1) if is_alias else 1), MAX_NODES + 1)
        self._merges = self._merges or getattr(event, "value", None) == "<<"
        if (self._unfolded if self._merges else self._nodes) > MAX_NODES:
            raise BoundError(f"more than {MAX_VALUES} values")


class _Plain:
    """Turn what a parser gave into JSON values, within bounds on depth and number."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def value(self, value: Any, depth: int = 0) -> Any:
        """Copy a value; raises BoundError beyond the bounds (a list that holds itself runs into them)."""
        self.left -= 1
        if self.left < 0:
            raise BoundError(f"more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise BoundError("nested too deeply")
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
