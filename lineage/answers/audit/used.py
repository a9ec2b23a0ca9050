"""The models that a product uses, out of its references: which are asked for, on which Hub, and at what revisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.answers.project_models import checks_of_project
from lineage.audit.policy.facts import Asked, RevisionKind, places_of
from lineage.collect.recorded import recorded_meaning, recorded_refs
from lineage.errors import HubError, ModelNotFoundError, RevisionNotFoundError
from lineage.hub.revisions import is_default, is_full_id, may_be_id
from lineage.hub.target import repository_id_problem
from lineage.store.aliases import key_of_alias
from lineage_schemas.answers.audit import AuditUnchecked
from lineage_schemas.ids import revision_key, split_model_key
from lineage_schemas.reference import Reference

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView

DEFAULT_NAMES = ("main", "master")
"""What a source calls the default branch of a model that is a plain folder, which has no branches."""

GRADES = ("certain", "likely")
"""The grades of references that are asked for."""


@dataclass(frozen=True)
class Used:
    """Hold one model as a product names it, the session on the Hub that has it, and the references that name it."""

    model: str
    session: Session
    references: tuple[Reference, ...]

    @property
    def hub(self) -> Hub:
        """The Hub that has the model."""
        return self.session.hub

    def by_revision(self) -> dict[str | None, tuple[Reference, ...]]:
        """Group the references by the revision that they ask for, in order of their places."""
        found: dict[str | None, list[Reference]] = {}
        for each in self.references:
            found.setdefault(each.revision, []).append(each)
        return {revision: tuple(references) for revision, references in found.items()}


def used_models(session: Session, references: Iterable[Reference]) -> tuple[list[Used], list[AuditUnchecked]]:
    """List the models to ask for, in order of their ids, and references whose names no model can have."""
    sessions = _sessions(session)
    named: dict[str, list[Reference]] = {}
    unchecked = []
    for each in references:
        if each.model is not None and each.grade in GRADES:
            problem = repository_id_problem(each.model)
            if problem is None:
                named.setdefault(each.canonical or each.model, []).append(each)
            else:
                unchecked.append(AuditUnchecked(what=each.model, reason=problem, places=places_of((each,))))
    used = [Used(model, sessions.get(model.lower(), session), tuple(named[model])) for model in sorted(named)]
    return used, unchecked


def _sessions(session: Session) -> Mapping[str, Session]:
    """Return the sessions of the models that the project file reads from another Hub, by the id in lower case."""
    project = session.project
    if project is None or not any(each.hub for each in project.file.models.values()):
        return {}
    return {each.target.model.lower(): each.session for each in checks_of_project(session, None)}


def key_of(view: StoreView, used: Used) -> str:
    """Return the key of a used model in the store, under the name that its Hub gives it."""
    return key_of_alias(view, used.hub.name, used.model) or used.hub.key(used.model)


@dataclass(frozen=True)
class UsedModel:
    """Hold a used model at one commit: its key, the Hub that has it, and the revisions that mean this commit.

    `names` are ids under which the product names it and that are not its own. `commit` is None for revisions that mean
    no known commit.
    """

    key: str
    hub: Hub
    commit: str | None
    asked: tuple[Asked, ...]
    names: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references that ask for this commit."""
        return tuple(reference for each in self.asked for reference in each.references)


def known_models(session: Session, used: Iterable[Used]) -> list[UsedModel]:
    """Find the used models in the store, one for each commit that is asked for; several names of one model are one."""
    named: dict[str, list[Used]] = {}
    found = []
    with session.store.reading() as view:
        for each in used:
            named.setdefault(key_of(view, each), []).append(each)
        for key in sorted(named):
            model, on = split_model_key(key)[1], named[key][0].session
            names = tuple(each.model for each in named[key] if each.model.lower() != model.lower())
            same = Used(model, on, tuple(reference for each in named[key] for reference in each.references))
            commits: dict[str | None, list[Asked]] = {}
            for asked in asked_revisions(view, key, same, offline=session.offline):
                commits.setdefault(asked.commit, []).append(asked)
            found += [UsedModel(key, on.hub, commit, tuple(each), names) for commit, each in commits.items()]
    return found


def asked_revisions(view: StoreView, key: str, each: Used, *, offline: bool) -> Iterator[Asked]:
    """Say of each revision that a product asks for what it is, and which commit it means now.

    A commit that no recorded history has costs a request, because only the Hub knows whether it has it.
    """
    refs = recorded_refs(view, key)
    node = view.nodes("Model", [key]).get(key) or {}
    head = next((ref.target for ref in refs if ref.is_default), None) or node.get("head")
    for revision, references in sorted(each.by_revision().items(), key=lambda item: item[0] or ""):
        if revision is None:
            yield Asked(None, "none", head, references)
            continue
        if is_default(revision) or (not refs and revision in DEFAULT_NAMES):
            yield Asked(revision, "branch", head, references)
            continue
        meaning = recorded_meaning(view, key, revision)
        only = meaning.only
        commit = only.commit if only else None
        if is_full_id(revision):
            row = view.nodes("Revision", [revision_key(key, revision.lower())]).get(revision_key(key, revision.lower()))
            vanished = bool(row and row.get("vanished"))
            known = commit or vanished or not node.get("head")
            unread = None if known else _elsewhere(each, revision, offline=offline)
            yield Asked(revision, "commit", commit, references, vanished, unread)
        else:
            yield Asked(
                revision, _kind(revision, only.ref if only else None, found=only is not None), commit, references
            )


def _elsewhere(each: Used, revision: str, *, offline: bool) -> str | None:
    """Say why a commit that is in no recorded history was not read; None if the Hub does not have it."""
    if offline and not each.hub.is_local:
        return "it is not in the store, and the Hub is not asked, because of --offline"
    try:
        each.hub.resolve(each.model, revision)
    except (RevisionNotFoundError, ModelNotFoundError):
        return None
    except HubError as error:
        return error.in_one_line
    return "it is on no branch or tag, as a commit of a pull request is"


def _kind(revision: str, ref: str | None, *, found: bool) -> RevisionKind:
    if ref is not None:
        return "tag" if ref.startswith("refs/tags/") else "branch" if ref.startswith("refs/heads/") else "ref"
    return "short" if found and may_be_id(revision) else "unknown"
