"""Where the range of a check starts: at a commit, a date, the last check, or where a tag was first recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from lineage.answers.marks import last_checked
from lineage.answers.ranges import WHOLE
from lineage.collect.recorded import recorded_tags
from lineage.errors import InputError, RevisionNotFoundError
from lineage.hub.revisions import is_full_id
from lineage.versioning.since import Since, find_since, parse_date
from lineage.versioning.tags import TAGS, first_target, first_targets, with_first_targets
from lineage_schemas.change import Change
from lineage_schemas.history_ref import HistoryRef
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.answers.looked_up import Asked
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub
    from lineage.store.interface import StoreView
    from lineage_schemas.history import History
    from lineage_schemas.ref import Ref
    from lineage_schemas.snapshot import ResolvedRevision


class Start(NamedTuple):
    """Hold the start of a range, why it is not the one asked for, and what the user should know about it.

    `is_lost` means that the user named a start which the branch does not have: then no range is checked.
    """

    since: Since = WHOLE
    problem: Unchecked | None = None
    note: str | None = None
    is_lost: bool = False


def find_start(session: Session, view: StoreView, asked: Asked, recorded: RecordedLine, since: str | None) -> Start:
    """Find the start of the range; a start that the user named and the branch does not have leaves nothing to check.

    After a rewrite that lost the commit of the last check the whole branch is checked. Raises InputError for a date in
    the future.
    """
    if since is None:
        return Start()
    if since != "last":
        return _named(asked, recorded, since)
    checked = last_checked(view, asked.key, recorded.line.branch)
    if checked is None:
        session.progress.note(f"{asked.shown} was not checked before, so its whole history is checked")
        return Start()
    if session.offline:
        reason = "changes since the last check cannot be looked up offline"
        return Start(problem=Unchecked(what="--since last", reason=reason))
    try:
        return Start(find_since(recorded.line, recorded.history, checked))
    except RevisionNotFoundError as error:
        reason = f"{error.message}; the whole history was checked"
        return Start(problem=Unchecked(what=f"--since {since}", reason=reason))


def _named(asked: Asked, recorded: RecordedLine, since: str) -> Start:
    """Find the start that the user names; a tag means the commit at which it was first recorded."""
    tag = _tag_elsewhere(recorded, since)
    try:
        start = find_since(recorded.line, _history(recorded, since, tag), since)
    except RevisionNotFoundError as error:
        problem = _lost(asked, recorded, since, tag) if tag else _not_found(asked, since, error)
        return Start(problem=problem, is_lost=True)
    note = None
    if tag is not None and start.commit == (first := first_target(tag)).commit:
        now = "no longer exists" if tag.vanished else f"points at {tag.target} now"
        note = (
            f"the tag {since.removeprefix(TAGS)} {now}; the range starts at {first.commit}, where the tag was first "
            f"recorded{f' on {first.read:%Y-%m-%d}' if first.read else ''}"
        )
    return Start(start, out_of_order(asked, recorded, start, since), note)


def _tag_elsewhere(recorded: RecordedLine, text: str) -> Ref | None:
    """Find the tag that a text names, if it was removed or first recorded at another commit than now."""
    if is_full_id(text):
        return None
    full = text if text.startswith("refs/") else TAGS + text
    tag = next((tag for tag in recorded.tags if tag.name == full), None)
    return tag if tag and (tag.vanished or first_target(tag).commit != tag.target) else None


def _history(recorded: RecordedLine, text: str, tag: Ref | None) -> History:
    """Return the history with its tags at their first recorded commits; a removed tag is among them if it is named.

    A branch that has the name of a removed tag is left out then: it may have been made to take the tag's place, and
    the range from the tag is the one that hides nothing. `refs/heads/NAME` names the branch.
    """
    history = with_first_targets(recorded.history, first_targets(recorded.tags))
    if tag is None or not tag.vanished:
        return history
    removed = HistoryRef(name=tag.name, kind="tag", target=first_target(tag).commit)
    kept = [ref for ref in history.refs if ref.name != f"refs/heads/{text}"]
    return history.model_copy(update={"refs": (*kept, removed)})


def _lost(asked: Asked, recorded: RecordedLine, since: str, tag: Ref) -> Unchecked:
    """Report that the commit at which a tag was first recorded is not on the branch."""
    first = first_target(tag).commit
    is_on_line = not tag.vanished and any(commit.id == tag.target for commit in recorded.line.commits)
    return Unchecked(
        what=f"--since {since}",
        reason=(
            f"the tag was first recorded at {first[:12]}, which is not on {recorded.line.branch}; nothing was checked"
        ),
        decide_with=f"lineage check {asked.shown} --since {tag.target}" if is_on_line else None,
    )


def _not_found(asked: Asked, since: str, error: RevisionNotFoundError) -> Unchecked:
    """Report that the branch does not have the start that the user named."""
    return Unchecked(
        what=f"--since {since}",
        reason=f"{error.in_one_line}; nothing was checked",
        decide_with=f"lineage check {asked.shown}",
    )


def refuse_future(since: str) -> None:
    """Raise InputError if the start of a range is a date in the future, in which nothing can have changed yet."""
    moment = parse_date(since)
    if moment is None or moment <= datetime.now(UTC) or since == f"{datetime.now().astimezone():%Y-%m-%d}":
        return
    raise InputError(
        f"--since {since} is in the future",
        hint="give a date that is over, such as yesterday or 7d; a tag of this name is written refs/tags/NAME",
    )


def may_be_silent(change: Change) -> bool:
    """Return whether what is unchecked of a change could make it a finding: not if the change was announced."""
    return change.verdict == "silent" or (change.verdict is None and change.kind != "checkpoint")


def out_of_order(asked: Asked, recorded: RecordedLine, start: Since, since: str) -> Unchecked | None:
    """Report that a date does not decide whether silent changes are in the range, and how to name a commit instead."""
    changes = (change for change in recorded.changes if may_be_silent(change))
    open_questions = (change for change in changes if change.verdict == "silent" or change.unchecked)
    matter = {revision for change in open_questions for revision in change.revisions}
    doubtful = [commit for commit in start.doubtful if commit in matter]
    if not doubtful:
        return None
    ids = [commit.id for commit in recorded.line.commits]
    position = ids.index(doubtful[0])
    number = len(doubtful)
    return Unchecked(
        what=f"--since {since}",
        reason=(
            f"the dates of {recorded.line.branch} are out of order: {number} commit{'s' if number > 1 else ''} that "
            f"changed weights, the first of them {doubtful[0][:12]}, may belong to this range despite their dates"
        ),
        decide_with=f"lineage check {asked.shown}" + (f" --since {ids[position - 1]}" if position else ""),
    )


def moved_tag_note(session: Session, hub: Hub, resolved: ResolvedRevision) -> str | None:
    """Say that a target names a tag which was first recorded at another commit than the one that is read."""
    if resolved.ref is None or not resolved.ref.startswith(TAGS):
        return None
    with session.store.reading() as view:
        tags = recorded_tags(view, [hub.key(resolved.model)])
    tag = next((tag for tag in tags if tag.name == resolved.ref), None)
    first = first_target(tag) if tag is not None else None
    if first is None or first.commit == resolved.commit:
        return None
    read = f" on {first.read:%Y-%m-%d}" if first.read else ""
    return (
        f"the tag {resolved.ref.removeprefix(TAGS)} is at {resolved.commit} now, which is compared; it was first "
        f"recorded at {first.commit}{read}, which is {resolved.model}@{first.commit}"
    )
