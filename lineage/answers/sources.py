"""The sources of a product: the models that they and its project file name, and what of them was not read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.audit.discovery.discover import Discovery, Listed, discover
from lineage.audit.discovery.names import read_name
from lineage.audit.discovery.references import reference
from lineage_schemas.ids import DEFAULT_HUB
from lineage_schemas.lock import LOCK_FILE
from lineage_schemas.reference import Place, Reference

if TYPE_CHECKING:
    from lineage.answers.session import Session


def search_sources(session: Session, path: Path, exclude: Sequence[str], unlisted: Sequence[str] = ()) -> Discovery:
    """Find the models that sources use, with those that the project file lists; the lock file repeats them only.

    `unlisted` are patterns of further files that repeat them. Raises InputError for a path that is not a folder.
    """
    # a folder of that name is a folder like any other
    ours = (LOCK_FILE, f"!{LOCK_FILE}/", *unlisted)
    found = discover(path, exclude=exclude, unlisted=ours, listed=tuple(_listed(session, path)))
    own = session.settings.endpoint.partition("://")[2].lower() + "/"
    return found._replace(references=tuple(_on_own_hub(each, own) for each in found.references))


def _on_own_hub(each: Reference, own: str) -> Reference:
    """Read an address of the endpoint that is asked as one of the Hub; it names a model of another Hub otherwise.

    `own` is the endpoint without its scheme, in lower case and with a slash at its end.
    """
    scheme, _, address = (each.unresolved or "").partition("://")
    if each.model is not None or scheme.lower() not in ("http", "https") or not address.lower().startswith(own):
        return each
    name = read_name(f"https://{DEFAULT_HUB}/{address[len(own) :]}")
    place = Place(file=each.file, line=each.line, column=each.column, cell=each.cell)
    return each if name is None else reference(name, place, "certain")


def hubs_of_project(session: Session) -> dict[str, str]:
    """Map the lower-case names of the project file's models to the Hubs that it names for them."""
    models = session.project.file.models if session.project else {}
    return {name.lower(): how.hub for name, how in models.items() if how.hub is not None}


def _listed(session: Session, path: Path) -> Iterator[Listed]:
    """List the models of the project file with their lines, the file named as it is from the searched folder."""
    project = session.project
    if project is None:
        return
    file = (project.folder / project.name).resolve()
    root = path.resolve()
    shown = Path(os.path.relpath(file, root)).as_posix()
    for model, how in project.file.models.items():
        yield Listed(model, how.revision, shown, project.line("models", model) or 1)
