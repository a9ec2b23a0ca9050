"""`lineage suggest`: which version the changes of a model deserve, and whether announced versions fit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lineage.answers.collect import as_target
from lineage.answers.diff import MeasuredSide, as_decided, compare_main, measure_side
from lineage.answers.judged_versions import JudgedLine, moved_levels, written
from lineage.answers.lines import RecordedLine, pick_line
from lineage.answers.looked_up import Asked, hub_to_read, look_up, read_date
from lineage.answers.other_versions import version_before
from lineage.answers.project import used_settings
from lineage.answers.release_notes import announced_on, stored_cards
from lineage.answers.sides import read_sides
from lineage.answers.suggest_flips import flips_of
from lineage.answers.suggested_rules import fired_rules, unjudged_rules
from lineage.collect.options import CollectOptions
from lineage.collect.pipeline import Target
from lineage.errors import InputError, RevisionNotFoundError
from lineage.hub.revisions import is_commit_id
from lineage.hub.target import PathTarget, parse_target
from lineage.unexpected import contained
from lineage.versioning.announced import Announced, current_version, other_tags
from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.side import CARD
from lineage.versioning.licence import licence_diff
from lineage.versioning.numbers import Number, next_number, read_number
from lineage.versioning.signals import tags_by_commit
from lineage.versioning.since import commits_meant
from lineage.versioning.suggest.fired import Between, Suggestion
from lineage.versioning.suggest.judged import Judged, judge_number, measured_level
from lineage.versioning.suggest.level import suggest as suggest_level
from lineage_schemas.answers.suggest import (
    CurrentVersion,
    JudgedVersion,
    SuggestAnswer,
    SuggestSide,
)
from lineage_schemas.ids import shown_id, split_model_key

if TYPE_CHECKING:
    from datetime import datetime

    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage_schemas.level import Level
    from lineage_schemas.snapshot import ResolvedRevision

FIRST_VERSION = "1.0.0"
"""Where numbering begins: the first upload of a model without any announced version."""


class Where(NamedTuple):
    """Hold a revision that is compared: the Hub that it is read from, and the commit."""

    hub: Hub
    resolved: ResolvedRevision


@dataclass(frozen=True)
class _Line:
    """Hold the line of a model with its announced versions, and where the question starts and ends on it."""

    asked: Asked
    recorded: RecordedLine
    announced: list[Announced]
    hub: Hub

    def at(self, commit: str) -> Where:
        """Resolve a commit of the model."""
        return Where(self.hub, self.hub.resolve(self.asked.target.model, commit))

    def position(self, text: str) -> int:
        """Find a revision on the line. Raises RevisionNotFoundError for one that is not on it."""
        meant = commits_meant(self.recorded.history, text).commits
        positions = [
            i for i, arrived in enumerate(self.recorded.line.arrived) if any(each.id in meant for each in arrived)
        ]
        if len(positions) != 1:
            raise RevisionNotFoundError(
                f"{text} is not one commit of {self.recorded.line.branch} of {self.asked.shown}",
                model=self.asked.shown,
                hint=f"`lineage history {self.asked.shown} --pushes` lists its commits",
            )
        return positions[0]

    @property
    def first_upload(self) -> int:
        """Return the position at which the first weights were complete, or the first commit without any."""
        first = next((each.revisions[-1] for each in self.recorded.changes if each.kind == "first_upload"), None)
        return (self.recorded.line.position(first) if first else None) or 0


@dataclass(frozen=True)
class _Question:
    """Hold the two sides and the version of the earlier one; `line` is that of the model whose version it is."""

    model: str
    before: Where
    after: Where
    line: _Line | None
    current: Announced | None
    notes: tuple[str, ...] = ()
    folder: str | None = None


def suggest(
    session: Session,
    target: str,
    other: str | None = None,
    *,
    since: str | None = None,
    to: str | None = None,
    announce: str | None = None,
    evals: tuple[str, str] | None = None,
    level: Level | None = None,
    card: bool = False,
) -> SuggestAnswer:
    """Suggest the version that the changes of `target` deserve, from the revision `since` up to `to`.

    Without `since` it is the last announced version up to `to`, without any the first upload of weights. A folder is
    compared with the model that `since` names; with `other`, `target` is the earlier model. `announce` is a planned
    number, which is judged. `evals` are per-instance results of both sides. With `card` the answer has a block for the
    card. Raises InputError for a number that is not a version, and where there is nothing to compare with.
    """
    planned = read_number(announce, needs_mark=False) if announce is not None else None
    if announce is not None and planned is None:
        raise InputError(f"{announce!r} is not a version", hint="write 1.2.0, or a date such as 2024.09")
    if other is not None and (since is not None or to is not None):
        raise InputError("--from and --to do not go with two models", hint="write each as ORG/NAME@REVISION")
    with contained(target):
        asked = _two_models(session, target, other) if other is not None else _one_model(session, target, since, to)
        return _answer(session, asked, planned, announce, evals, level, card=card)


def _one_model(session: Session, text: str, since: str | None, to: str | None) -> _Question:
    """Find the sides of one model, or of a folder and the model that it will update."""
    if since is not None and isinstance(parse_target(text), PathTarget) and _names_model(since):
        if to is not None:
            raise InputError("--to does not go with a folder", hint="the folder is what is compared")
        return _folder(session, text, since)
    target = as_target(session, text)
    line = _line(session, target)
    if line is None:
        hint = f"lineage suggest {shlex.quote(text)} --from ORG/NAME compares it with a model on the Hub"
        if line_problem := _why_no_history(text, target):
            hint = line_problem
        raise InputError(f"{text} has no history to compare with", hint=hint)
    end = line.position(to) if to is not None else len(line.recorded.line.commits) - 1
    current = current_version(line.announced, end)
    if since is not None:
        start = line.position(since)
        if start > end:
            raise InputError(f"{since} is later than {to or 'the head'}", hint="exchange --from and --to")
        current = current_version(line.announced, start)
    else:
        start = current.position if current else min(line.first_upload, end)
    commits = line.recorded.line.commits
    revision = current.revision if current and since is None else commits[start].id
    notes = _notes(line, current)
    if since is None and start == end and (current is None or current.by == "name"):
        before = _other_repository(session, line)
        if before is not None:
            return before
    return _Question(line.asked.shown, line.at(revision), line.at(commits[end].id), line, current, notes)


def _why_no_history(text: str, target: Target) -> str | None:
    """Say how to find out why a model has no history; None for a folder, which may have none."""
    return None if target.hub is not None else f"`lineage check {shlex.quote(text)}` reports why"


def _names_model(text: str) -> bool:
    """Return whether a text names a model and not a revision of a folder's own history."""
    return "/" in text and not text.startswith("refs/")


def _folder(session: Session, text: str, since: str) -> _Question:
    """Compare the files of a folder with the model that they will update."""
    line = _line(session, as_target(session, since))
    folder = as_target(session, text, on_disk=True)
    assert folder.hub is not None, "a path is opened as a Hub"
    after = Where(folder.hub, folder.hub.resolve(folder.model))
    if line is None:
        raise InputError(f"{since} has no history", hint="name a model on the Hub: --from ORG/NAME")
    commits = line.recorded.line.commits
    current = current_version(line.announced, len(commits) - 1)
    notes = _notes(line, current)
    if line.asked.target.revision is not None:
        before = line.at(commits[-1].id)
    else:
        start = current.revision if current else commits[line.first_upload].id
        before = line.at(start)
        if start != commits[-1].id:
            head = commits[-1].id[:12]
            notes = (*notes, f"{since} is at {head} now: what it changed since the last version counts as well")
    return _Question(line.asked.shown, before, after, line, current, notes, folder=text)


def _two_models(session: Session, old: str, new: str) -> _Question:
    """Compare two repositories; the version is that of the earlier one."""
    line = _line(session, as_target(session, old))
    target = as_target(session, new, on_disk=True)
    hub = hub_to_read(session, target)
    after = Where(hub, hub.resolve(target.model, target.revision))
    model = shown_id(hub.key(after.resolved.model), session.hub.name)
    if line is None:
        folder = as_target(session, old, on_disk=True)
        hub = hub_to_read(session, folder)
        return _Question(model, Where(hub, hub.resolve(folder.model, folder.revision)), after, None, None)
    end = len(line.recorded.line.commits) - 1
    current = current_version(line.announced, end)
    return _Question(model, line.at(line.recorded.line.commits[end].id), after, line, current, _notes(line, current))


def _other_repository(session: Session, line: _Line) -> _Question | None:
    """Compare a model that only its name gives a version with the repository that is the version before it."""
    with session.store.reading() as view:
        edge = version_before(view, line.asked.key)
    if edge is None:
        return None
    model = split_model_key(edge.model)[1]
    earlier = _line(session, Target(model, hub=line.asked.target.hub))
    if earlier is None:
        return None
    end = len(earlier.recorded.line.commits) - 1
    current = current_version(earlier.announced, end)
    note = f"{model} is the version before in another repository (known by: {edge.basis})"
    head = line.at(line.recorded.line.commits[-1].id)
    before = earlier.at(earlier.recorded.line.commits[end].id)
    return _Question(line.asked.shown, before, head, earlier, current, (note, *_notes(earlier, current)))


def _line(session: Session, target: Target) -> _Line | None:
    """Read a model's history again, and find its line and the versions that it announced."""
    asked = look_up(session, target, CollectOptions(refresh=True, by_refs=True, parents=False))
    with session.store.reading() as view:
        recorded = pick_line(view, asked.key, target.revision)
        if recorded is None or not recorded.line.commits:
            return None
        announced = announced_on(recorded, stored_cards(view, recorded))
    return _Line(asked, recorded, announced, hub_to_read(session, target))


def _notes(line: _Line, current: Announced | None) -> tuple[str, ...]:
    """Say how the current version was read."""
    items = {item.what for change in line.recorded.changes for item in change.unchecked if item.what.startswith(CARD)}
    found = (
        [f"cards that were not read: {len(items)}; a version that only these announce is not known"] if items else []
    )
    if current is None:
        found.append(f"no tag, name or card that was read announces a version: numbering begins with {FIRST_VERSION}")
    elif current.number.coerced:
        found.append(f"{current.source} is read as {current.number.shown}")
    if line.asked.not_looked_up:
        found.append(f"the history is that of the store: {line.asked.not_looked_up.reason}")
    return tuple(found)


def _answer(
    session: Session,
    asked: _Question,
    planned: Number | None,
    announce: str | None,
    evals: tuple[str, str] | None,
    level: Level | None,
    *,
    card: bool,
) -> SuggestAnswer:
    """Compare the sides, and judge the line's versions."""
    sides = [
        measure_side(session, each.hub, each.resolved, level, all_groups=each.hub.is_local)
        for each in (asked.before, asked.after)
    ]
    between = between_sides(*sides)
    flips = flips_of(session, evals, between.after.pointer()) if evals else ()
    found = suggest_level(between, moved=moved_levels(session.project), flips=flips)
    current = asked.current.number if asked.current else _first_number()
    suggested = _suggested(current, found, _date(asked))
    judged = _announced(session, asked.line)
    plan = judge_number(current, planned, found) if planned else None
    if planned and plan:
        judged = (*judged, _planned(planned, announce or "", plan, asked))
    dates = [read_date(session, each.hub, each.resolved.model) for each in (asked.before, asked.after)]
    answer = SuggestAnswer(
        **session.header("suggest.v1", max(filter(None, dates), default=None), settings=used_settings(session.project)),
        model=asked.model,
        from_=_side(session, asked.before),
        to=_side(session, asked.after),
        current=current.shown,
        current_version=_current(asked.current),
        suggested=suggested,
        level=measured_level(found),
        rules=tuple(fired_rules(found)),
        unjudged=tuple(unjudged_rules(found)),
        announced=judged,
        verdict=plan.verdict if plan else None,
        other_tags=tuple(other_tags(tags_by_commit(asked.line.recorded.history))) if asked.line else (),
        commands=tuple(_commands(asked, planned.shown if planned else suggested, current)),
        unchecked=tuple(dict.fromkeys(each for side in sides for each in side.measured.unchecked())),
        notes=asked.notes,
    )
    if not card:
        return answer
    from lineage.answers.card_block import block_of

    return answer.model_copy(update={"card": block_of(answer, sides[1])})


def between_sides(before: MeasuredSide, after: MeasuredSide) -> Between:
    """Judge the facets of two measured sides."""
    weights, undecided = compare_main(before, after, None)
    old, new = read_sides(before.listed, after.listed)
    licences = licence_diff((before.resolved, before.snapshot), (after.resolved, after.snapshot))
    relation = licences.relation if licences else None
    facets = judge(old, new, decided=as_decided(weights, undecided), relation=relation)
    return Between(old, new, facets, relation)


def _first_number() -> Number:
    found = read_number(FIRST_VERSION)
    assert found is not None
    return found


def _suggested(current: Number, found: Suggestion, date: datetime | None) -> str | None:
    """Return the number for the level; None if nothing is known to differ and not all was judged."""
    level = measured_level(found)
    return None if level == "unjudged" else next_number(current, level, date)


def _date(asked: _Question) -> datetime | None:
    """Return the date of the later side, for calendar versions: of its commit, or now for a folder."""
    if asked.folder is None and asked.line is not None:
        commits = {each.id: each.date for each in asked.line.recorded.history.commits}
        if asked.after.resolved.commit in commits:
            return commits[asked.after.resolved.commit]
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _announced(session: Session, line: _Line | None) -> tuple[JudgedVersion, ...]:
    """Judge the versions of a line."""
    if line is None or not line.announced:
        return ()
    with session.store.reading() as view:
        judged = JudgedLine(view, line.hub, line.recorded, line.announced, moved_levels(session.project))
        return written(judged.judged())


def _planned(planned: Number, text: str, plan: Judged, asked: _Question) -> JudgedVersion:
    return JudgedVersion(
        version=planned.shown, revision=asked.after.resolved.commit, by="user", text=text,
        announced_level=plan.announced, measured_level=plan.measured, verdict=plan.verdict, note=plan.note,
    )  # fmt: skip


def _side(session: Session, where: Where) -> SuggestSide:
    key = where.hub.key(where.resolved.model)
    return SuggestSide(model=shown_id(key, session.hub.name), revision=where.resolved.commit)


def _current(found: Announced | None) -> CurrentVersion:
    if found is None:
        return CurrentVersion(by="start")
    return CurrentVersion(
        by=found.by, text=found.source, revision=found.revision, coerced=found.number.coerced,
        calendar=found.number.scheme == "calendar",
    )  # fmt: skip


def _commands(asked: _Question, version: str | None, current: Number) -> Iterator[str]:
    """Give the commands that publish a version: of a folder after its upload, of a commit by its id."""
    if version is None or version == current.shown:
        return
    marked = asked.current is None or asked.current.by != "tag" or not asked.current.source[0].isdigit()
    tag = shlex.quote(f"v{version}" if marked else version)
    model = shlex.quote(asked.model)
    if asked.folder is not None:
        yield f"hf upload {model} {shlex.quote(asked.folder)} . --commit-message {shlex.quote(f'Release {version}')}"
        yield f"hf repos tag create {model} {tag}"
        return
    commit = asked.after.resolved.commit
    if not is_commit_id(commit):  # a folder without a history: its commit is that of its upload
        yield f"hf repos tag create {model} {tag}"
        return
    yield f"git tag {tag} {commit} && git push origin {tag}"
    yield f"hf repos tag create {model} {tag} --revision {commit}"


def exit_code(answer: SuggestAnswer) -> int:
    """Return 1 if a planned number does not match, 2 if it could not be judged, else 0."""
    if answer.verdict is None:
        return 0
    return {"matches": 0, "unjudged": 2}.get(answer.verdict, 1)
