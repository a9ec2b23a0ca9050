"""How deep weights are read: the levels and their order, in a module without pydantic."""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["metadata", "header", "full"]
"""How deep weights were read. A `sample` level between header and full will come with derivation from weights."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""All levels, from shallow to deep."""


def is_deeper(level: Level, than: Level | None) -> bool:
    """Return whether a level is deeper than another one; every level is deeper than None, which means not read."""
    return than is None or LEVELS.index(level) > LEVELS.index(than)
