"""Versions of pushes: those that were announced, and for other pushes those that their level gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from lineage.versioning.announced import Announced
from lineage.versioning.numbers import Number, next_number, read_number
from lineage_schemas.version_level import VersionLevel

FIRST = "1.0.0"
"""The version of a first upload that nothing announces."""


class Step(NamedTuple):
    """Hold one push: the positions from which on it is there, its date, and the level of what it changed.

    `level` is None for a first upload, and where the level is not known.
    """

    position: int
    date: datetime | None
    level: VersionLevel | None
    is_first: bool = False


class Versioned(NamedTuple):
    """Hold the version of a push; null if it is not known, as are those after it until one is announced."""

    version: str | None
    announced: bool


def versions_of(steps: Sequence[Step], announced: Sequence[Announced]) -> list[Versioned]:
    """Give each push a version: the first one announced before the next push, else the next one by its level.

    Of several that were announced at one commit it is the last; those that later commits announce, which changed no
    weights and no behaviour, are those from which the count goes on. A version that was announced before the first push
    is that from which the count starts. A push whose version is not later than the one before it was announced with
    that version: a publisher's number is shown as it is.
    """
    found: list[Versioned] = []
    current: Number | None = None
    for number, step in enumerate(steps):
        start = step.position if number else 0
        end = steps[number + 1].position if number + 1 < len(steps) else None
        named = [each for each in announced if start <= each.position and (end is None or each.position < end)]
        if named:
            own = [each for each in named if each.position == named[0].position]
            current = named[-1].number
            found.append(Versioned(own[-1].number.shown, announced=True))
        elif step.is_first and current is None:
            current = read_number(FIRST)
            found.append(Versioned(FIRST, announced=False))
        elif step.level is None or current is None:
            current = None
            found.append(Versioned(None, announced=False))
        else:
            shown = next_number(current, step.level, step.date)
            current = read_number(shown, needs_mark=False) or current
            found.append(Versioned(shown, announced=False))
    return found
