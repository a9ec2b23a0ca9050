"""How the licence differs between two revisions or models: narrower, wider, other or unknown, and in which terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lineage.licences.compare import compare
from lineage.licences.parse import Licences, parse
from lineage_schemas.answers.diff import LicenceDiff
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage_schemas.snapshot import ResolvedRevision, Snapshot

    Side = tuple[ResolvedRevision, Snapshot]

FIELDS = ("license", "license_name", "license_link")
"""The fields of a card that declare a licence, in the order of `parse`."""

_TEXT_FILE = re.compile(r"(licen[cs]e|copying)([-._][^/]*)?", re.IGNORECASE)
"""Names of files at the root of a repository that hold the text of a licence."""


def licence_diff(before: Side, after: Side) -> LicenceDiff | None:
    """Compare the licences that two cards declare; None if nothing differs, or if a card could not be read.

    Where the declarations are equal, the files with a licence's text are compared by their hash: if one is another
    file, the licence may be another one too, and the relation is unknown. An added or removed text says so only where
    the declaration itself does not identify the licence.
    """
    if any("README.md" in snapshot.unreadable for _, snapshot in (before, after)):
        return None
    declared = [_declared(snapshot) for _, snapshot in (before, after)]
    old, new = (parse(*fields) for fields in declared)
    if declared[0] != declared[1]:
        field = next(name for name, *values in zip(FIELDS, *declared, strict=True) if values[0] != values[1])
        side = before if declared[1] == (None, None, None) else after
        return _written(old, new, _pointer(side, "README.md", field), **compare(old, new).model_dump())
    path = _changed_text(before[1], after[1], either=not old.is_known)
    if path is None:
        return None
    side = after if after[1].has(path) else before
    reason = f"the card declares the same licence, but {path} differs, and its text is not compared"
    return _written(old, new, _pointer(side, path), relation="unknown", reason=reason)


def _declared(snapshot: Snapshot) -> tuple[Any, ...]:
    """Take what a card declares."""
    card = snapshot.card or {}
    return tuple(card.get(name) for name in FIELDS)


def _changed_text(before: Snapshot, after: Snapshot, *, either: bool) -> str | None:
    """Find a licence file whose bytes differ, with `either` also one that only one side has."""
    old, new = (
        {entry.path: entry.identity or f"size:{entry.size}" for entry in side.files if _TEXT_FILE.fullmatch(entry.path)}
        for side in (before, after)
    )
    paths = old.keys() | new.keys() if either else old.keys() & new.keys()
    return next((path for path in sorted(paths) if old.get(path) != new.get(path)), None)


def _pointer(side: Side, path: str, field: str | None = None) -> Pointer:
    return Pointer(model=side[0].model, revision=side[0].commit, file=path, field=field)


def _written(old: Licences, new: Licences, pointer: Pointer, **found: Any) -> LicenceDiff:
    return LicenceDiff(before=old.text, after=new.text, pointer=pointer, **found)
