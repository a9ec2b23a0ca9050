"""The level of a push in release notes: of its weights by their kind, of everything else by its facets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage_schemas.change import ChangeKind
from lineage_schemas.facet import Facet
from lineage_schemas.version_level import VersionLevel


class RowLevel(NamedTuple):
    """Hold the level of a push; `at_least` if it may be higher, because something was not judged."""

    level: VersionLevel | None
    at_least: bool


MAJOR_KINDS = frozenset({"reshaped", "removed"})
"""Kinds of weight changes after which code that loads the model may fail."""

BREAKING = frozenset({"architecture", "task", "base_model"})
"""Facets whose change breaks what was built on the model, unless they are declared for the first time."""


def level_of_row(kind: ChangeKind | None, facets: Iterable[Facet], *, unjudged: bool) -> RowLevel:
    """Return the level of what a push changed; None if nothing is known to have changed."""
    found = [facet for facet in facets if facet.state == "changed"]
    changed = {facet.name for facet in found}
    open_ended = unjudged or kind in ("replaced", "unknown")
    if kind in MAJOR_KINDS or any(facet.name in BREAKING and _differs(facet) for facet in found):
        return RowLevel("major", at_least=False)
    if kind not in (None, "unknown") or changed - {"documentation", "other", "library", "evaluation", "datasets"}:
        return RowLevel("minor", open_ended)
    return RowLevel("patch" if changed else None, open_ended)


def _differs(facet: Facet) -> bool:
    return bool(facet.more_changes) or any(change.kind != "added" for change in facet.changes)
