"""Compare a lock with the present: which models, commits, files and parents differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lineage_schemas.lock import LockDifference

if TYPE_CHECKING:
    from lineage_schemas.lock import Lock, LockedModel, LockedParent, LockField

_FIELDS: tuple[LockField, ...] = ("commit", "files_digest", "weights_digest", "licence", "incomplete")
"""Fields with one value, in the order in which differences are listed."""


def compare(locked: Lock, now: Lock) -> tuple[LockDifference, ...]:
    """List what differs between a lock and the present, by model, in the order of the lock file.

    A model is found by its Hub, its id and the revision that the sources ask for. A field that is null on one side
    differs from a value on the other: the caller decides whether unknown matters. No Hub and no store is read.
    """
    before, after = ({model.key: model for model in lock.model} for lock in (locked, now))
    return tuple(
        difference
        for key in sorted(before.keys() | after.keys())
        for difference in _of_model(before.get(key), after.get(key))
    )


def _of_model(locked: LockedModel | None, now: LockedModel | None) -> Iterator[LockDifference]:
    """List the differences of one model."""
    if locked is None or now is None:
        yield _made(locked or now, "model", None, _shown(locked), _shown(now))
        return
    names = [", ".join(sorted(model.names)) or None for model in (locked, now)]
    if names[0] != names[1]:
        yield _made(locked, "names", None, *names)
    for field in _FIELDS:
        before, after = getattr(locked, field), getattr(now, field)
        if before != after:
            yield _made(locked, field, None, before, after)
    yield from _of_maps(locked, "parent", _parents(locked), _parents(now))
    yield from _of_maps(locked, "file", locked.files, now.files)


def parent_differences(locked: LockedModel, now: LockedModel) -> tuple[LockDifference, ...]:
    """List the parents of a model that differ, by their relation, status or commit."""
    return tuple(_of_maps(locked, "parent", _parents(locked), _parents(now)))


def _of_maps(
    model: LockedModel, field: LockField, locked: Mapping[str, str], now: Mapping[str, str]
) -> Iterator[LockDifference]:
    for name in sorted(locked.keys() | now.keys()):
        if locked.get(name) != now.get(name):
            yield _made(model, field, name, locked.get(name), now.get(name))


def _parents(model: LockedModel) -> dict[str, str]:
    """Map the id of each parent to the rest of what is locked of it."""
    return {each.id.partition("@")[0]: _parent(each) for each in model.parents}


def _parent(parent: LockedParent) -> str:
    commit = parent.id.partition("@")[2]
    return ", ".join(
        (parent.relation or "no relation", parent.status, f"at {commit}" if commit else "commit not known")
    )


def _shown(model: LockedModel | None) -> str | None:
    return None if model is None else model.commit or "unknown commit"


def _made(
    model: LockedModel | None, field: LockField, name: str | None, locked: str | None, now: str | None
) -> LockDifference:
    assert model is not None
    return LockDifference(
        model=model.id, hub=model.hub, revision=model.revision, field=field, name=name, locked=locked, now=now
    )
