"""What a product's source tree names: references, and what could not be read of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.discovery.discover import Discovery, Listed, discover
from lineage_schemas.answers.audit import AuditUnchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.settings.project_file import Project
    from lineage_schemas.reference import Reference


class FoundReferences(NamedTuple):
    """Hold the references of a product, the weights in its tree, and what was not read of it."""

    references: tuple[Reference, ...]
    weights: tuple[str, ...]
    unchecked: tuple[AuditUnchecked, ...]


def find_references(session: Session, root: Path, exclude: Sequence[str]) -> FoundReferences:
    """Read a source tree and the list of the project file. Raises InputError if the root is not a folder."""
    found: Discovery = discover(root, exclude=exclude, listed=_listed(session.project, root))
    unchecked = tuple(AuditUnchecked(what=each.file, reason=f"it was not read: {each.reason}") for each in found.unread)
    return FoundReferences(found.references, tuple(each.path for each in found.weights), unchecked)


def _listed(project: Project | None, root: Path) -> list[Listed]:
    """List the models of the project file, with the file's path from the root."""
    if project is None:
        return []
    name = Path(project.shown).name
    file = Path(os.path.relpath(project.folder / name, root)).as_posix()
    return [
        Listed(model, each.revision, file, project.line("models", model) or 1)
        for model, each in project.file.models.items()
    ]
