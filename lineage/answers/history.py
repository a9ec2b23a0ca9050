"""`lineage history`: every push to a model's branches, and what each did to the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from lineage.answers.announced_findings import AnnouncedLine
from lineage.answers.collect import as_target
from lineage.answers.commit_counts import classified_commits
from lineage.answers.judged_versions import moved_levels
from lineage.answers.lines import (
    RecordedLine,
    count_changes,
    pick_line,
    recorded_lines,
    recount,
    unknown_commits,
    weight_change,
    why_no_line,
)
from lineage.answers.looked_up import hub_to_read, look_up, read_at
from lineage.answers.other_versions import other_versions
from lineage.answers.project import settled, used_settings
from lineage.answers.ranges import WHOLE, changes_in_range
from lineage.answers.release_notes import announced_on, rows_of, stored_cards
from lineage.answers.releases import releases_of
from lineage.collect.options import CollectOptions
from lineage.errors import ModelNotFoundError
from lineage.fingerprint.weight_files import is_weight_file
from lineage.unexpected import contained
from lineage.versioning.line import UNDATED, PushTrees, pushes
from lineage.versioning.signals import tags_by_commit
from lineage.versioning.tags import TAGS, other_targets
from lineage_schemas.answers.history import HistoryAnswer, HistoryLine, ListedPush, MovedTag
from lineage_schemas.change import Change
from lineage_schemas.ref import FormerTarget
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage_schemas.ref import Ref
    from lineage_schemas.version_level import VersionLevel


@dataclass(frozen=True)
class Wanted:
    """Hold what to show of each line: its commits classified, all pushes instead of the notes, its releases.

    `before` are repositories that are the version before, `moved` the levels to which a project moves rules.
    """

    commits: bool = False
    pushes: bool = False
    releases: bool = False
    before: tuple[str, ...] = ()
    moved: Mapping[str, VersionLevel] = field(default_factory=dict)


def history(
    session: Session, target: str, *, all_branches: bool = False, commits: bool = False, pushes: bool = False,
    releases: bool = False,
) -> HistoryAnswer:  # fmt: skip
    """List the pushes of the default branch, of the branch that the target names, or of all branches.

    Pushes after which a user gets something different are release notes, with a version that was announced or is
    reconstructed; with `pushes` these are left out. With `commits` each commit is classified by what it changes, with
    `releases` the declared releases are listed.
    Raises ModelNotFoundError if no commit of the model has been read, RevisionNotFoundError for an unknown branch.
    """
    with contained(target):
        return _history(session, target, Wanted(commits, pushes, releases), all_branches=all_branches)


def _history(session: Session, target: str, wanted: Wanted, *, all_branches: bool) -> HistoryAnswer:
    """Look the model up, and list the pushes of the lines in question."""
    options = CollectOptions(refresh=True, by_refs=True, parents=False)
    asked = look_up(session, as_target(session, target), options)
    with session.store.reading() as view:
        picked = pick_line(view, asked.key, asked.target.revision)
        if picked and not picked.is_recorded:
            picked = replace(picked, changes=tuple(changes_in_range(session, asked, picked, WHOLE, options)))
        lines = recorded_lines(view, asked.key) if all_branches else [picked] if picked else []
        date = read_at(view, asked.key)
        reason = asked.not_looked_up.reason if asked.not_looked_up else why_no_line(view, asked.key)
        others = tuple(other_versions(view, asked.key, session.hub.name))
        cards = [stored_cards(view, recorded) for recorded in lines]
        versions = [AnnouncedLine(session, view, asked, recorded) for recorded in lines]
        findings = settled(session.project, [found for each in versions for found in each.findings()])
        notes = tuple(dict.fromkeys(note for each in versions for note in each.notes()))
    if not lines:
        raise ModelNotFoundError(
            f"{asked.shown} has no history: {reason}",
            model=asked.shown,
            hint="`lineage fingerprint` and `lineage trace` need no history",
        )
    hub = hub_to_read(session, asked.target)
    before = [other.model for other in others if not other.is_next]
    wanted = replace(wanted, before=tuple(before), moved=moved_levels(session.project))
    shown = tuple(_line(hub, *pair, wanted) for pair in zip(lines, cards, strict=True))
    return HistoryAnswer(
        **session.header("history.v1", date, settings=used_settings(session.project, findings)),
        model=asked.shown,
        source=lines[0].history.source,
        lines=shown,
        unchecked=tuple(_unchecked(lines, shown, asked.not_looked_up)),
        moved_tags=tuple(moved for tag in lines[0].tags if (moved := _moved(tag))),
        other_versions=others,
        findings=tuple(dict.fromkeys(findings)),
        notes=notes,
    )


def _moved(tag: Ref) -> MovedTag | None:
    """Describe a tag that moved or was removed, as far as is known; None for one that is where it was recorded."""
    former = other_targets(tag)
    if tag.vanished:
        former = [*former, FormerTarget(target=tag.target, first_read=tag.since)]
    if not former:
        return None
    return MovedTag(name=tag.name.removeprefix(TAGS), target=None if tag.vanished else tag.target, former=tuple(former))


def _unchecked(
    lines: list[RecordedLine], shown: Iterable[HistoryLine], not_looked_up: Unchecked | None
) -> list[Unchecked]:
    """List what could not be read of the lines, without repetitions."""
    found = [not_looked_up] if not_looked_up else []
    found += [item for recorded in lines for item in unknown_commits(recorded)]
    found += [item for recorded in lines for change in recorded.changes for item in change.unchecked]
    found += [item for each in shown for row in each.rows or () for item in row.unjudged]
    found += [item for each in shown for release in each.releases or () for item in release.unjudged]
    return list(dict.fromkeys(found))


def _line(hub: Hub, recorded: RecordedLine, cards: Mapping[str, str], wanted: Wanted) -> HistoryLine:
    announced = announced_on(recorded, cards)
    line, tags = recorded.line, tags_by_commit(recorded.history)
    by_start = {change.revisions[0]: change for change in recorded.changes}
    cuts = () if recorded.own_from is None else (recorded.own_from,)
    return HistoryLine(
        branch=line.branch,
        default=recorded.is_default,
        head=line.commits[-1].id,
        commits=len(line.commits),
        pushes=tuple(_push(recorded, push, tags, by_start) for push in pushes(line, is_weight_file, cuts)),
        counts=count_changes(recorded.changes),
        paper_definition=recount(recorded, line.commits),
        classified_commits=classified_commits(line) if wanted.commits else None,
        rows=None if wanted.pushes else rows_of(hub, recorded, announced, wanted.moved),
        releases=releases_of(hub, recorded, announced, cards, wanted.before) if wanted.releases else None,
    )


def _push(
    recorded: RecordedLine, push: PushTrees, tags: dict[str, list[str]], by_start: dict[str, Change]
) -> ListedPush:
    commits = recorded.line.commits[push.first : push.last + 1]
    change = by_start.get(push.push.revisions[0])
    return ListedPush(
        revisions=push.push.revisions,
        titles=tuple(commit.title for commit in commits),
        start=_dated(push.push.start),
        end=_dated(push.push.end),
        tags=tuple(tag for commit in commits for tag in tags.get(commit.id, ())),
        files_changed=len({change.path for commit in commits for change in commit.changes or ()}),
        change=weight_change(change) if change else None,
    )


def _dated(moment: datetime) -> datetime | None:
    """Return the date of a push, None if the source has none."""
    return None if moment == UNDATED else moment
