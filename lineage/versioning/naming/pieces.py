"""The pieces of a name: what stands between `-`, `_` and the other separators."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lineage_schemas.model_name import SegmentType

Role = SegmentType | Literal["filler", "merge", "number", "unknown"]
"""What a piece is, before the grammar joins pieces into segments."""

_LETTERS = r"[^-_.\s/+,()\[\]]+"

PIECE = re.compile(rf"{_LETTERS}(?:(?<=[0-9])\.(?=[0-9]){_LETTERS})*")
"""A run of characters without separators; a dot between digits separates nothing."""


@dataclass(slots=True)
class Piece:
    """One piece of a name: its place, its text in lower case as vocabularies write it, and its role."""

    text: str
    low: str
    start: int
    end: int
    role: Role = "unknown"

    @property
    def is_number(self) -> bool:
        """Return whether it is digits only."""
        return self.text.isascii() and self.text.isdigit()


def pieces(name: str) -> list[Piece]:
    """Split a name at its separators, in linear time."""
    return [Piece(text := match[0], text.casefold(), match.start(), match.end()) for match in PIECE.finditer(name)]
