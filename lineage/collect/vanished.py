"""What a rewritten history took away: recorded revisions, refs and changes that are there no longer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lineage_schemas.change import Change
from lineage_schemas.ref import Ref
from lineage_schemas.revision import Revision

if TYPE_CHECKING:
    from lineage.store.interface import StoreView


def vanished_revisions(view: StoreView, model: str, present: Collection[str]) -> Iterator[Revision]:
    """Give the recorded revisions of a model that are not among the `present` keys, marked as vanished."""
    for row in view.find("Revision", {"model": model}):
        if row.key not in present:
            yield Revision.model_validate({**row.properties, "key": row.key, "vanished": True})


def vanished_refs(view: StoreView, model: str, present: Collection[str]) -> Iterator[Ref]:
    """Give the recorded refs of a model that are not among the `present` keys, marked as vanished."""
    for row in view.find("Ref", {"model": model}):
        if row.key not in present:
            yield Ref.model_validate({**row.properties, "key": row.key, "vanished": True})


def vanished_changes(view: StoreView, model: str, present: Collection[str]) -> Iterator[Change]:
    """Give the recorded changes of a model that no present line makes, marked as vanished."""
    for row in view.find("Change", {"model": model}):
        if row.key not in present:
            yield Change.model_validate({**row.properties, "key": row.key, "vanished": True})
