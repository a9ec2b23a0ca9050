"""Join what is locked of a commit with what is seen of it now: unknown is not no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage_schemas.lock import LockedModel, LockedParent

_MEASURED = ("confirmed", "indirect", "contradicted")
"""Statuses that rest on weights: where these were not compared, an edge is only declared."""


def settled(locked: LockedModel, now: LockedModel) -> LockedModel:
    """Return the entry of a commit that was locked before, with what is known now.

    What this machine cannot see (a gated model's files, weights that were not read, a parent that only a larger store
    finds) stays as it was locked. Where both are known and differ, the present counts. Entries of two commits have
    nothing in common: `now` is returned as it is.
    """
    if locked.commit is None or locked.commit != now.commit:
        return now
    files = {path: locked.files.get(path, known) if known == "unknown" else known for path, known in now.files.items()}
    return now.model_copy(
        update={
            "files": files or locked.files,
            "files_digest": now.files_digest or locked.files_digest,
            "weights_digest": now.weights_digest or locked.weights_digest,
            "licence": now.licence or locked.licence,
            "incomplete": now.incomplete if locked.incomplete else None,
            "parents": settled_parents(locked, now),
        }
    )


def settled_parents(locked: LockedModel, now: LockedModel) -> tuple[LockedParent, ...]:
    """Return the parents that are known now, and of those that were locked what this machine cannot see."""
    return tuple(_parents(locked, now))


def _parents(locked: LockedModel, now: LockedModel) -> Iterator[LockedParent]:
    """Keep what was measured and is only declared now, commits that are not known now, and parents found elsewhere."""
    before = {_name(each): each for each in locked.parents}
    for each in now.parents:
        was = before.pop(_name(each), None)
        if was is None:
            yield each
        elif each.status == "declared" and was.status in _MEASURED:
            yield was
        else:
            yield each if "@" in each.id else each.model_copy(update={"id": was.id})
    yield from (each for each in before.values() if each.status == "inferred" or now.incomplete)


def _name(parent: LockedParent) -> str:
    return parent.id.partition("@")[0]
