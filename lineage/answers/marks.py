"""Marks of finished checks: up to which commit a branch was checked, which is where `--since last` starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.collect.recorded import recorded_refs
from lineage_schemas.answers.check import CheckAnswer, CheckAnswers, CheckedRange
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import model_key

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView
    from lineage.versioning.since import Since
    from lineage_schemas.change import Change
    from lineage_schemas.ref import Ref


def confirm(session: Session, answer: CheckAnswer | CheckAnswers) -> None:
    """Record that the answer of a check was written in full: the next `--since last` starts where it ended.

    Call it after the answer was written, and not before: findings of an answer that was lost on the way (a full disk,
    a closed pipe, a signal) must be reported again. Does nothing for an answer that covers no further commits. Raises
    StoreError if the store cannot be written; then the next `--since last` reports these findings again.
    """
    answers = answer.answers if isinstance(answer, CheckAnswers) else (answer,)
    answers = tuple(each for each in answers if each.covers)
    if not answers:
        return
    with session.store.reading() as view:
        marked = [ref for each in answers for ref in _marked(session, view, each)]
    session.store.write(GraphBatch(refs=tuple(marked)))
    for each in answers:
        if each.covers and each.since == "last" and each.findings:
            session.progress.note(
                f"{each.model}: the next --since last starts after {each.covers.until[:12]}"
                + (" and will not report these findings again" if each.covers.until == each.head else "")
            )


def _marked(session: Session, view: StoreView, answer: CheckAnswer) -> list[Ref]:
    """Return the ref of the checked branch with its new mark; nothing if the branch has been forgotten since."""
    covers = answer.covers
    if covers is None:
        return []
    key = answer.model if ":" in answer.model else model_key(session.hub.name, answer.model)
    refs = [ref for ref in recorded_refs(view, key) if ref.name == answer.branch]
    return [ref.model_copy(update={"checked": covers.until}) for ref in refs]


def last_checked(view: StoreView, key: str, branch: str) -> str | None:
    """Return the commit up to which a branch was checked; None if it was not."""
    return next((ref.checked for ref in recorded_refs(view, key) if ref.name == branch), None)


def covered(
    view: StoreView, key: str, recorded: RecordedLine, start: Since, undecided: Sequence[Change]
) -> CheckedRange | None:
    """Return the commits that this check covers if its mark may replace the earlier one; None if that one stays.

    The range ends before the first commit that was left undecided. It is recorded only for a whole branch, and only if
    it continues what earlier checks covered: a gap between the two was never checked.
    """
    line = recorded.line
    ref = next((ref for ref in recorded_refs(view, key) if ref.name == line.branch), None)
    end = _decided_until(recorded, start, undecided)
    if ref is None or ref.target != line.commits[-1].id or end <= start.position:
        return None
    if ref.checked is not None:
        checked = line.position(ref.checked)
        if checked is None:  # the history was rewritten: only a check of the whole branch replaces the mark
            checked = -1 if start.position < 0 else end
        if not start.position <= checked < end:
            return None
    return CheckedRange(after=start.commit, until=line.commits[end].id)


def _decided_until(recorded: RecordedLine, start: Since, undecided: Sequence[Change]) -> int:
    """Return the position of the last commit before the first one that was left undecided."""
    commits = recorded.line.commits
    open_ones = {commit for change in undecided for commit in change.revisions}
    for position, commit in enumerate(commits):
        if commit.id in open_ones or (position > start.position and commit.changes is None):
            return position - 1
    return len(commits) - 1
