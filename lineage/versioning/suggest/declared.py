"""Rules on what the card declares: the licence, and facts that change nothing for a user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.versioning.suggest.fired import Between, Found, Open, fire, still_open

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetChange

_LICENCE = {
    "narrower": "licence-narrowed", "other": "licence-narrowed", "wider": "licence-widened", "same": "metadata-change",
    "unknown": "metadata-change", None: "documentation-change",
}  # fmt: skip


def licence(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire by what the later licence permits relative to the earlier one; unknown terms stay open."""
    for number, change in enumerate(facet.changes):
        yield fire("metadata-change" if number and between.licence else _LICENCE[between.licence], change)
    if between.licence == "unknown" and facet.changes:
        reason = "not all terms of the two licences are known, so it is not known whether one permits less"
        yield Open("licence", facet.changes[0].pointer, reason, "major", "licence-narrowed")
    for change in facet.changes:
        if change.pointer.field is None and _may_narrow(between, change):
            reason = f"the text of {change.field} differs, and what it permits was not compared"
            yield Open("licence", change.pointer, reason, "major", "licence-narrowed")
    yield from still_open(facet, "major")


def _may_narrow(between: Between, change: FacetChange) -> bool:
    """Return whether the text of a licence may permit less: a new one has the terms that the card names, if it does."""
    if change.kind == "removed" or change.field.upper().startswith("NOTICE"):
        return False
    named = (between.after.snapshot.card or {}).get("license")
    is_named = isinstance(named, str) and named.lower() not in ("other", "unknown")
    return change.kind != "added" or not is_named or change.field.lower().startswith("use_policy")


def documentation(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for texts that people read."""
    for change in facet.changes:
        yield fire("documentation-change", change)
    yield from still_open(facet, "patch")


def metadata(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for data sets, results of evaluations and libraries."""
    for change in facet.changes:
        yield fire("metadata-change", change)
    yield from still_open(facet, "patch")
