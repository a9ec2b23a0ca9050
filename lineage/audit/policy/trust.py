"""What others say of a model: the Hub's scans, verified publishers, and signatures of commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.policy.facts import ModelFacts, Problem

if TYPE_CHECKING:
    from lineage_schemas.answers.finding import Severity

MAX_FILES = 10
"""Files of one model that are named, each by a problem of its own; the last one says how many more there are."""

UNSAFE = frozenset({"unsafe", "malicious", "infected"})
"""Levels of the Hub that are errors; others, such as `suspicious`, are warnings."""


def about_trust(model: ModelFacts) -> Iterator[Problem]:
    """Find what the Hub's scans and accounts say, and commits without a signature; of used models only."""
    if not model.used or not model.is_readable:
        return
    yield from _scanned(model)
    if model.signed is False:
        yield Problem("unsigned-commit", f"the commit {model.commit} is not signed", model.pointer())
    if model.verified is False:
        yield Problem("publisher-unverified", f"{model.owner} is not verified by the Hub", model.pointer())


def _scanned(model: ModelFacts) -> Iterator[Problem]:
    scan = model.scan
    if scan is None:
        return
    asked = f"{scan.asked_at:%Y-%m-%d}"
    found = [each for each in scan.files if each[1] not in ("safe", "ok")]
    for number, (path, level) in enumerate(found[:MAX_FILES], 1):
        left = len(found) - MAX_FILES
        more = f"; {left} more files have issues" if number == MAX_FILES and left > 0 else ""
        severity: Severity | None = None if level in UNSAFE else "warning"
        message = f"the Hub's scan calls {path} {level} (asked on {asked}){more}"
        yield Problem("hub-scan-unsafe", message, model.pointer(path), severity=severity)
