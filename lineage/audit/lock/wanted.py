"""Which models a lock has entries for: those that the sources use, each at the revision that they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.hub.revisions import is_default, is_full_id
from lineage_schemas.answers.incomplete import NamedAt

if TYPE_CHECKING:
    from lineage_schemas.lock import Lock, LockedModel
    from lineage_schemas.reference import Reference

USED = ("certain", "likely")
"""Grades of references that are locked: a model that is only mentioned is not used."""


@dataclass(frozen=True)
class Wanted:
    """Hold a model as the sources name it: its revision, None for the default branch, its Hub, and where it is used.

    `hub` is what the project file writes for the model, None for the Hub of the command.
    """

    name: str
    revision: str | None = None
    hub: str | None = None
    places: tuple[NamedAt, ...] = ()

    def is_named(self, name: str) -> bool:
        """Return whether a name, in any case, is that of the sources."""
        return self.name.lower() == name.lower()


def wanted_models(references: Iterable[Reference], hubs: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Gather the references that use a model, one for each name and revision, in order of these.

    `hubs` maps the lower-case names of models to the Hubs that the project file names for them. A reference that does
    not say which model it means is not locked: `unresolved_places` lists it.
    """
    found: dict[tuple[str, str | None], list[NamedAt]] = {}
    for each in references:
        name = each.canonical or each.model
        if name is not None and each.grade in USED:
            place = NamedAt(file=each.file, line=each.line)
            found.setdefault((name, _revision(each.revision)), []).append(place)
    ordered = sorted(found, key=lambda key: (key[0], key[1] or ""))
    return tuple(
        Wanted(name, revision, hubs.get(name.lower()), tuple(dict.fromkeys(found[name, revision])))
        for name, revision in ordered
    )


def unresolved_places(references: Iterable[Reference]) -> Iterator[tuple[NamedAt, str]]:
    """List the places that load a model and do not say which one, each with its expression."""
    for each in references:
        if each.model is None and each.unresolved is not None:
            yield NamedAt(file=each.file, line=each.line), each.unresolved


def entry_of(lock: Lock, wanted: Wanted) -> LockedModel | None:
    """Find the entry of a lock for a model that the sources name, by its id or another of its names."""
    return next((model for model in lock.model if is_entry_of(model, wanted)), None)


def is_entry_of(model: LockedModel, wanted: Wanted) -> bool:
    """Return whether a locked model is the one that the sources name, on the same Hub and at the same revision."""
    same_place = (model.hub, model.revision) == (wanted.hub, wanted.revision)
    return same_place and any(map(wanted.is_named, (model.id, *model.names)))


def _revision(revision: str | None) -> str | None:
    """Write a revision as the lock does: a commit in lower case, nothing for the default branch."""
    if revision is None or is_default(revision):
        return None
    return revision.lower() if is_full_id(revision) else revision
