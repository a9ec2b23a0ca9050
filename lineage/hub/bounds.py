"""The bounds of what is read from repositories, of numbers above all: one place that names them.

Each number is checked where it is parsed. One that is beyond its bound is neither cut nor rounded: it is unknown, or
what holds it is refused with the reason. So all backends of the store get the same numbers, and each can keep them.
"""

from __future__ import annotations

from lineage_schemas.bounded import LARGEST

MAX_SIZE = LARGEST
"""The largest size or count that is kept: a signed integer of 64 bits, which SQLite and Neo4j have in common."""

MAX_INDEX_DIGITS = 9
"""Digits of a number that counts things: shards, splits, pull requests, layers. With more it is not such a number."""

MAX_NUMBER_CHARACTERS = 100
"""Characters of a number in a card or recipe. A longer one stays the text that it is: no real field has one, and a
number of a million digits takes minutes to compute."""

MAX_VERSION_CHARACTERS = 64
"""Characters of a version in a title or changelog. A longer run of digits and dots does not announce a version."""

MAX_DEPTH = 100
"""Containers inside containers, in YAML and JSON."""

MAX_VALUES = 1_000_000
"""Values of one YAML or JSON text. A few anchors that refer to each other can expand to more than fit into memory."""

MAX_CONTAINERS = 300_000
"""Lists and mappings of one YAML text, which cost most to read. Benchmark results of 5 MB have 250,000 at most."""

MAX_YAML_CHARACTERS = 5_000_000
"""YAML beyond this is not read, though other texts may be longer: a second reads about two million characters. The
largest real cards hold benchmark tables of 3 MB."""


class BoundError(ValueError):
    """Report a text that is longer, deeper or holds more values than is read: its content is unknown."""


def too_many_values() -> BoundError:
    """Make the error for a text of too many values."""
    return BoundError(f"more than {MAX_VALUES} values")


def too_deep() -> BoundError:
    """Make the error for a text that is nested too deeply."""
    return BoundError("nested too deeply")


def index_of(digits: str | None) -> int | None:
    """Read a number that counts things; None if there is none, or it has too many digits, leading zeros apart."""
    # Example: "00012" is 12, and "1000000000" is not the number of a shard.
    if digits is None or not (digits.isascii() and digits.isdigit()):
        return None
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) <= MAX_INDEX_DIGITS else None


def known_index(value: object) -> int | None:
    """Return a number that counts things and is a number already; None if it is not one, or has too many digits."""
    size = known_size(value)
    return size if size is not None and size < 10**MAX_INDEX_DIGITS else None


def size_of(digits: str | bytes) -> int | None:
    """Read a size in bytes that a text gives in decimal; None if it is not one, or is too large to be kept."""
    text = digits.decode("ascii", "replace") if isinstance(digits, bytes) else digits
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_SIZE)):
        return None
    return known_size(int(text))


def known_size(size: object) -> int | None:
    """Return a size or a count that another program gives; None if it is not one, or is too large to be kept."""
    return size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= MAX_SIZE else None
