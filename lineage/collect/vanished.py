"""Recorded revisions, refs and changes that are gone because the history was rewritten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from lineage.collect.recorded import recorded_refs
from lineage.store.records import record_of

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind, NodeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.change import Change
    from lineage_schemas.ref import Ref, RefKind
    from lineage_schemas.revision import Revision


def vanished_revisions(
    view: StoreView, model: str, present: Collection[str], *, unread: Collection[RefKind] = ()
) -> Iterator[Revision]:
    """Yield the recorded revisions of a model that are not among the `present` keys, marked as vanished.

    Commits that only refs of an `unread` kind reach may still be there: they stay as they are.
    """
    targets = [ref.target for ref in recorded_refs(view, model) if ref.kind in unread]
    kept = _reachable(view, model, targets) if targets else set()
    for row in _gone(view, "Revision", model, present):
        if row.properties["commit"] not in kept:
            yield record_of("Revision", row)


def vanished_refs(
    view: StoreView, model: str, present: Collection[str], *, unread: Collection[RefKind] = ()
) -> Iterator[Ref]:
    """Yield the recorded refs of a model that are not among the `present` keys, marked as vanished.

    Refs of an `unread` kind were not asked for: they stay as they are.
    """
    for row in _gone(view, "Ref", model, present):
        if row.properties["kind"] not in unread:
            yield record_of("Ref", row)


def _reachable(view: StoreView, model: str, targets: Iterable[str]) -> set[str]:
    """Find the commits that are reachable from some commits in what is recorded of a model."""
    parents = {row.properties["commit"]: row.properties["parents"] for row in view.find("Revision", {"model": model})}
    found: set[str] = set()
    waiting = list(targets)
    while waiting:
        commit = waiting.pop()
        if commit in parents and commit not in found:
            found.add(commit)
            waiting += parents[commit]
    return found


def vanished_changes(view: StoreView, model: str, present: Collection[str]) -> Iterator[Change]:
    """Yield the recorded changes of a model that are on no present line, marked as vanished."""
    for row in _gone(view, "Change", model, present):
        yield record_of("Change", row)


def _gone(view: StoreView, kind: NodeKind, model: str, present: Collection[str]) -> Iterator[NodeRow]:
    """Yield the rows of a model that are not among the `present` keys, marked as vanished."""
    for row in view.find(kind, {"model": model}):
        if row.key not in present:
            yield row._replace(properties={**row.properties, "vanished": True})
