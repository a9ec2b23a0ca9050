"""Reading JSON whose content is not trusted: configs, indexes, results.

`parse_json_object` returns the value or a description of the problem, and never raises because of a file's content, so
that one bad file never makes a whole model unreadable.

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

_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_JSON_EMPTY = re.compile(r"\[\s*+\]|\{\s*+\}")


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
