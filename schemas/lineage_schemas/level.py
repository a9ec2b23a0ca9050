"""How deep weights are read: the levels and their order, without the records that carry them."""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["metadata", "header", "full"]
"""How deep weights were read. Between header and full a sample comes with derivation from weights."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""All levels, from shallow to deep."""


def is_deeper(level: Level, than: Level | None) -> bool:
    """Say whether a level is deeper than another one; every level is deeper than None, which is not read at all."""
    return than is None or LEVELS.index(level) > LEVELS.index(than)
