"""What the project file changes in an answer: severities that it moves, and findings that it ignores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.collect.project_parents import ProjectParents
from lineage.fingerprint.weight_files import FORMATS
from lineage.hub.target import repository_id_problem
from lineage.rules.table import MOVABLE, movable_rules
from lineage.settings.project_file import find_project
from lineage.settings.vocabulary import Vocabulary
from lineage_schemas.answers.answer import MovedRule, UsedIgnore, UsedParent, UsedSettings
from lineage_schemas.answers.finding import Finding, Ignored

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.settings.project_file import Ignore, Project


def read_project(config: Path | None = None, *, start: Path | None = None, today: date | None = None) -> Project | None:
    """Read the project file of the folder `start` (the current one), or the file `config`; None if there is none.

    Raises InputError with the file and the line for everything in it that is not understood.
    """
    return find_project(_vocabulary, start=start, config=config, today=today)


def _vocabulary() -> Vocabulary:
    return Vocabulary(movable_rules(), repository_id_problem, FORMATS, _licence_meant)


def _licence_meant(name: str) -> str | None:
    from lineage.licences.misspelt import meant_instead

    return meant_instead(name)


def settled(project: Project | None, findings: Iterable[Finding]) -> list[Finding]:
    """Give findings the severity that the project moves their rules to, and mark those that it ignores."""
    if project is None:
        return list(findings)
    return [_settled(project, finding) for finding in findings]


def _settled(project: Project, finding: Finding) -> Finding:
    changes: dict[str, object] = {}
    severity = project.moved.get(finding.id)
    if severity is not None and severity != finding.severity:
        changes |= {"severity": severity, "moved_from": finding.severity}
    ignore = next((each for each in _about(project, finding) if not each.has_expired(project.today)), None)
    if ignore is not None:
        changes["ignored"] = Ignored(reason=ignore.reason, until=ignore.until)
    return finding.model_copy(update=changes)


def _about(project: Project, finding: Finding) -> Iterator[Ignore]:
    """List the ignores that name a finding's rule and model.

    A model that the file reads from another Hub is meant by its id, which an answer shows with that Hub.
    """
    model, bare = finding.pointer.model, finding.pointer.model.rpartition(":")[2]
    elsewhere = {name.lower() for name, how in project.file.models.items() if how.hub is not None}
    names = {model, bare} if bare.lower() in elsewhere else {model}
    return (each for each in project.ignores if each.rule == finding.id and any(map(each.is_about, names)))


def project_parents(project: Project | None) -> ProjectParents | None:
    """Return the parents that a project declares; None without a project file, so that stored ones stay."""
    return ProjectParents(project.name, project.file.parents) if project else None


def used_settings(
    project: Project | None,
    findings: Sequence[Finding] = (),
    *,
    models: Sequence[str] = (),
    about: Collection[str] = (),
) -> UsedSettings | None:
    """Report what an answer with these findings took from the project file.

    `models` are those that it checked because the file lists them, `about` those whose parents it shows.
    """
    if project is None:
        return None
    ignores = dict.fromkeys(ignore for finding in findings for ignore in _about(project, finding))
    return UsedSettings(
        file=project.shown,
        rules=tuple(
            MovedRule(id=name, rule=MOVABLE[name].id, value=value) for name, value in sorted(project.moved.items())
        ),
        ignored=tuple(_used(each) for each in ignores if not each.has_expired(project.today)),
        expired=tuple(_used(each) for each in ignores if each.has_expired(project.today)),
        models=tuple(models),
        parents=tuple(_parents(project, about)),
    )


def _parents(project: Project, about: Collection[str]) -> Iterator[UsedParent]:
    names = {model.lower() for model in about}
    for each in project.file.parents:
        if each.child.lower() in names:
            yield UsedParent(child=each.child, parent=each.parent, relation=each.relation, reason=each.reason)


def note_expired(session: Session, settings: UsedSettings | None) -> None:
    """Report on the progress listener which ignores have expired, so that their findings count again."""
    for each in settings.expired if settings else ():
        assert settings is not None
        session.progress.note(
            f"{settings.file}:{each.line}: the ignore of {each.id} for {each.model} ended on {each.until}, "
            "so its findings count again"
        )


def note_unknown_licences(session: Session) -> None:
    """Report on the progress listener which listed licences are not known, so that only their text counts."""
    from lineage.licences.misspelt import is_known
    from lineage.settings.project_problems import quoted

    project = session.project
    lists = project.file.licences if project else None
    for name in (*lists.allow, *lists.deny) if lists else ():
        if not is_known(name):
            session.progress.note(
                f"the licence {quoted(name)} of [licences] is not known; it means the models whose card has this text"
            )


def _used(ignore: Ignore) -> UsedIgnore:
    return UsedIgnore(
        rule=MOVABLE[ignore.rule].id, id=ignore.rule, model=ignore.model, reason=ignore.reason, until=ignore.until,
        line=ignore.line,
    )  # fmt: skip
