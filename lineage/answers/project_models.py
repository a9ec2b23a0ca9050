"""The models that a project file lists, and how each of them is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.collect.pipeline import Target
from lineage.errors import InputError, with_hint
from lineage.hub.open import CACHE
from lineage.hub.target import ModelTarget, parse_target
from lineage_schemas.answers.incomplete import NamedAt

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.settings.project_file import Project


@dataclass(frozen=True)
class ProjectCheck:
    """Hold a model of the project file: the session on its Hub, what to check there, since when, and its line."""

    session: Session
    target: Target
    since: str | None
    named_at: NamedAt | None = None


def checks_of_project(session: Session, since: str | None) -> list[ProjectCheck]:
    """List the models of the session's project file; `since` and the Hub of the session take precedence over theirs.

    All Hubs are opened here, so that a folder that does not exist is an error before any model is read. Raises
    InputError for it, for a revision that cannot be one, and if no model is listed.
    """
    project = session.project
    if project is None or not project.file.models:
        where = f"{project.shown} lists none under [models]" if project else "there is no project file that lists any"
        raise InputError(f"no model was named, and {where}", hint="name a model: org/name")
    sessions: dict[str | None, Session] = {session.hub_selector: session}
    checks = []
    for model, how in project.file.models.items():
        selector = session.hub_selector or _selector(project, how.hub)
        if selector not in sessions:
            sessions[selector] = _opened(session, project, model, selector)
        place = NamedAt(file=project.shown, line=project.line("models", model))
        target = _target(project, model, how.revision)
        checks.append(ProjectCheck(sessions[selector], target, since or how.since, place))
    return checks


def _target(project: Project, model: str, revision: str | None) -> Target:
    """Make the target of a model; the reader of the file has checked the model's id."""
    if revision is None:
        return Target(model)
    try:
        parsed = parse_target(f"{model}@{revision}")
    except InputError as error:
        raise InputError(f"{project.at('models', model, 'revision')}: {error.message}", hint=error.hint) from error
    assert isinstance(parsed, ModelTarget)
    return Target(parsed.model, parsed.revision)


def _selector(project: Project, hub: str | None) -> str | None:
    """Return what `--hub` would be: a folder is relative to the file."""
    if hub is None or hub == CACHE or "://" in hub or hub.startswith("~"):
        return hub
    return str(project.folder / hub)


def _opened(session: Session, project: Project, model: str, selector: str | None) -> Session:
    """Open another Hub. Raises InputError that names the line which selects it."""
    other = session.at_hub(selector)
    try:
        assert other.hub
    except InputError as error:
        raise InputError(f"{project.at('models', model, 'hub')}: {with_hint(error.message, error.hint)}") from error
    return other
