"""What the project file changes in an answer: severities that it moves, and findings that it ignores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from lineage.hub.target import repository_id_problem
from lineage.rules.table import BY_NAME, movable_rules
from lineage.settings.project_file import find_project
from lineage.settings.vocabulary import Vocabulary
from lineage_schemas.answers.answer import Finding, Ignored, MovedRule, UsedIgnore, UsedSettings

if TYPE_CHECKING:
    from lineage.settings.project_file import Ignore, Project


def read_project(config: Path | None = None, *, start: Path | None = None, today: date | None = None) -> Project | None:
    """Read the project file of the folder `start` (the current one), or the file `config`; None if there is none.

    Raises InputError with the file and the line for everything in it that is not understood.
    """
    return find_project(_vocabulary, start=start, config=config, today=today)


def _vocabulary() -> Vocabulary:
    return Vocabulary(movable_rules(), repository_id_problem)


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
    """List the ignores that name a finding's rule and model."""
    model = finding.pointer.model
    return (each for each in project.ignores if each.rule == finding.id and each.is_about(model))


def used_settings(
    project: Project | None, findings: Sequence[Finding] = (), *, models: Sequence[str] = ()
) -> UsedSettings | None:
    """Report what an answer with these findings took from the project file; `models` are those that it checked."""
    if project is None:
        return None
    about = {ignore: None for finding in findings for ignore in _about(project, finding)}
    return UsedSettings(
        file=project.shown,
        rules=tuple(
            MovedRule(id=name, rule=BY_NAME[name].id, value=value) for name, value in sorted(project.moved.items())
        ),
        ignored=tuple(_used(each) for each in about if not each.has_expired(project.today)),
        expired=tuple(_used(each) for each in about if each.has_expired(project.today)),
        models=tuple(models),
    )


def _used(ignore: Ignore) -> UsedIgnore:
    return UsedIgnore(
        rule=BY_NAME[ignore.rule].id, id=ignore.rule, model=ignore.model, reason=ignore.reason, until=ignore.until,
        line=ignore.line,
    )  # fmt: skip
