"""Recorded revisions, refs and changes that are gone because the history was rewritten."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lineage.store.records import record_of

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind, NodeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change
    from lineage_schemas.ref import Ref
    from lineage_schemas.revision import Revision


def vanished_revisions(view: StoreView, model: str, present: Collection[str]) -> Iterator[Revision]:
    """Yield the recorded revisions of a model that are not among the `present` keys, marked as vanished."""
    for row in _gone(view, "Revision", model, present):
        yield record_of("Revision", row)


def vanished_refs(view: StoreView, model: str, present: Collection[str]) -> Iterator[Ref]:
    """Yield the recorded refs of a model that are not among the `present` keys, marked as vanished."""
    for row in _gone(view, "Ref", model, present):
        yield record_of("Ref", row)


def vanished_changes(view: StoreView, model: str, present: Collection[str]) -> Iterator[Change]:
    """Yield the recorded changes of a model that are on no present line, marked as vanished."""
    for row in _gone(view, "Change", model, present):
        yield record_of("Change", row)


def _gone(view: StoreView, kind: NodeKind, model: str, present: Collection[str]) -> Iterator[NodeRow]:
    """Yield the rows of a model that are not among the `present` keys, marked as vanished."""
    for row in view.find(kind, {"model": model}):
        if row.key not in present:
            yield row._replace(properties={**row.properties, "vanished": True})
