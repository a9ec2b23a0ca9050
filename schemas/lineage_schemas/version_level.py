"""Levels of versions: how much of what a user relies on a change may break."""

from __future__ import annotations

from typing import Literal

VersionLevel = Literal["major", "minor", "patch"]

VERSION_LEVELS: tuple[VersionLevel, ...] = ("patch", "minor", "major")
"""In rising order."""

MeasuredLevel = Literal["major", "minor", "patch", "none", "unjudged"]
"""None: nothing differs. Unjudged: nothing is known to differ, and something could not be compared."""

AnnouncedVerdict = Literal["matches", "understated", "overstated", "bump_without_change", "first", "unjudged"]
"""What an announced number is for the change that came with it; the first one on a line has none before it."""
