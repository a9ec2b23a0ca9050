"""Repositories that are the versions before and after a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.store.records import record_of
from lineage.versioning.next_versions import BASES, predecessor
from lineage_schemas.answers.history import OtherVersion
from lineage_schemas.ids import shown_id

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.next_version import NextVersion


def other_versions(view: StoreView, key: str, hub: str) -> Iterator[OtherVersion]:
    """List the repositories before a model, then those after it, each group by how well it is known."""
    for is_next, edges in ((False, _edges(view, key, is_next=False)), (True, _edges(view, key, is_next=True))):
        for edge in sorted(edges, key=lambda edge: (BASES.index(edge.basis), edge.model, edge.next)):
            pointer = edge.pointer
            yield OtherVersion(
                model=shown_id(edge.next if is_next else edge.model, hub),
                is_next=is_next,
                basis=edge.basis,
                confidence=edge.confidence,
                pointer=pointer and pointer.model_copy(update={"model": shown_id(pointer.model, hub)}),
            )


def version_before(view: StoreView, key: str) -> NextVersion | None:
    """Return the edge from the version before a model in another repository; None if none is known."""
    return predecessor(_edges(view, key, is_next=False), key)


def _edges(view: StoreView, key: str, *, is_next: bool) -> list[NextVersion]:
    rows = view.edges("NEXT_VERSION", [key], "out" if is_next else "in")
    return [record_of("NEXT_VERSION", row) for row in rows]
