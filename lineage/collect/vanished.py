"""Recorded revisions, refs and changes that are gone because the history was rewritten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from lineage.collect.recorded import recorded_refs
from lineage.store.records import record_of
from lineage_schemas.ids import change_key

if TYPE_CHECKING:
    from lineage.store.graph import NodeKind, NodeRow
    from lineage.store.interface import StoreView
    from lineage.versioning.line import Line
    from lineage_schemas.change import Change
    from lineage_schemas.history_ref import RefKind
    from lineage_schemas.ref import Ref
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


def vanished_changes(view: StoreView, model: str, lines: Iterable[Line], commits: Collection[str]) -> Iterator[Change]:
    """Yield what is lost of the recorded changes of a model, marked as vanished.

    A change is lost if a commit of it is off its branch, though a tag or another branch may still hold that commit. If
    only the later commits of a push were rewritten, say A, B into A, C, the change that starts at A is there again and
    takes the record of the old one: what is lost gets a record that starts at B.

    `commits` are all that the Hub has of the model: what was before the end of a line that is cut may be any of them.
    """
    held = {line.branch: _held(line) | set(commits if line.cut else ()) for line in lines}
    found: dict[str, Change] = {}
    for row in view.find("Change", {"model": model}):
        revisions, branch = row.properties["revisions"], row.properties["branch"]
        lost = [commit for commit in revisions if commit not in held.get(branch, ())]
        if not lost:
            continue
        change = record_of("Change", row).model_copy(update={"vanished": True})
        if lost[0] == revisions[0]:
            found[row.key] = change
        else:
            base, key = revisions[revisions.index(lost[0]) - 1], change_key(model, branch, lost[0])
            found.setdefault(key, change.model_copy(update={"key": key, "base": base, "revisions": tuple(lost)}))
    yield from found.values()


def _held(line: Line) -> set[str]:
    """Return the commits that a branch reaches, merged ones too."""
    return {commit.id for arrived in line.arrived for commit in arrived}


def _gone(view: StoreView, kind: NodeKind, model: str, present: Collection[str]) -> Iterator[NodeRow]:
    """Yield the rows of a model that are not among the `present` keys, marked as vanished."""
    for row in view.find(kind, {"model": model}):
        if row.key not in present:
            yield row._replace(properties={**row.properties, "vanished": True})
