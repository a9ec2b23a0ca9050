"""Parse a TOML text that other people wrote: every problem is an InputError with the file and the line."""

from __future__ import annotations

import re
from typing import Any

from lineage.errors import InputError

MAX_DEPTH = 50
"""Parts of a key beyond which a file is refused: Python's parser needs quadratic time for them."""

TOO_DEEP = "has keys of too many parts, or lists that nest too deep"


def parse_toml(text: str, shown: str, *, hint: str) -> dict[str, Any]:
    """Parse a text; `shown` is how messages name its file. Raises InputError with `hint` for what is not TOML."""
    import tomllib

    if _nests_too_deep(text):
        raise InputError(f"{shown} {TOO_DEEP}", hint=hint)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError(f"{shown} {TOO_DEEP}", hint=hint) from error
    except ValueError as error:  # also for an integer of thousands of digits
        raise InputError(f"{shown}{_syntax(str(error), text)}", hint=hint) from error


def _nests_too_deep(text: str) -> bool:
    """Return whether a key has so many parts that the parser would need hours; most texts need no scan for that."""
    if all(line.count(".") <= MAX_DEPTH for line in text.split("\n")):
        return False
    from lineage.settings.toml_lines import toml_lines

    return toml_lines(text).depth > MAX_DEPTH


def _syntax(message: str, text: str) -> str:
    """Write the line and the message of the TOML parser."""
    if "integer string conversion" in message:
        return " is not valid: an integer has thousands of digits"
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", message)
    number = int(found[1]) if found and found[1] else text.rstrip().count("\n") + 1
    return f":{number}: this is not valid TOML: {message[: found.start()] if found else message}"
