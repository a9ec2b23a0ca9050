"""Marks of finished checks: up to which commit a branch was checked, which is where `--since last` starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lineage.answers.findings import REPEATED, counting
from lineage.answers.lines import pick_line
from lineage.collect.recorded import recorded_refs
from lineage.errors import RevisionNotFoundError
from lineage_schemas.answers.check import CheckAnswer, CheckAnswers, CheckedRange
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.ids import model_key

if TYPE_CHECKING:
    from lineage.answers.findings import FailOn
    from lineage.answers.lines import RecordedLine
    from lineage.answers.session import Session
    from lineage.store.interface import StoreView
    from lineage.versioning.since import Since
    from lineage_schemas.answers.finding import Finding
    from lineage_schemas.ref import Ref


def confirm(session: Session, answer: CheckAnswer | CheckAnswers) -> None:
    """Record that the answer of a check was written in full: the next `--since last` starts where it ended.

    Call it after the answer was written, and not before: findings of an answer that was lost on the way (a full disk,
    a closed pipe, a signal) must be reported again. A mark stays where a range does not continue the range before it.
    Raises StoreError if the store cannot be written; then the next `--since last` reports these findings again.
    """
    answers = answer.answers if isinstance(answer, CheckAnswers) else (answer,)
    answers = tuple(each for each in answers if each.covers)
    if not answers:
        return
    with session.store.reading() as view:
        marked = [ref for each in answers for ref in _marked(session, view, each)]
    if marked:
        session.store.write(GraphBatch(refs=tuple(marked)))
    for each in answers:
        if each.covers and each.since == "last" and any(found.id not in REPEATED for found in each.findings):
            lasting = sorted({found.id for found in each.findings if found.id in REPEATED})
            again = " and will not report these findings again" if each.covers.until == each.head else ""
            again += f", except {' and '.join(lasting)}" if again and lasting else ""
            session.progress.note(f"{each.model}: the next --since last starts after {each.covers.until[:12]}{again}")


def _marked(session: Session, view: StoreView, answer: CheckAnswer) -> list[Ref]:
    """Return the ref of the checked branch with its new mark; nothing if the mark stays or the branch is gone."""
    key = answer.model if ":" in answer.model else model_key(answer.hub or session.hub.name, answer.model)
    try:
        recorded = pick_line(view, key, answer.branch)
    except RevisionNotFoundError:  # forgotten, or deleted on the Hub since
        return []
    ref = next((ref for ref in recorded_refs(view, key) if ref.name == answer.branch), None)
    if recorded is None or ref is None or answer.covers is None or not _continues(recorded, ref, answer.covers):
        return []
    return [ref.model_copy(update={"checked": answer.covers.until})]


def _continues(recorded: RecordedLine, ref: Ref, covers: CheckedRange) -> bool:
    """Return whether a range continues what earlier checks covered: a gap between the two was never checked.

    After a rewrite of the history, only a check of the whole branch replaces the mark.
    """
    end = recorded.line.position(covers.until)
    start = -1 if covers.after is None else recorded.line.position(covers.after)
    if ref.checked is None or end is None or start is None:
        return ref.checked is None and end is not None
    checked = recorded.line.position(ref.checked)
    return start < 0 if checked is None else start <= checked < end


def last_checked(view: StoreView, key: str, branch: str) -> str | None:
    """Return the commit up to which a branch was checked; None if it was not."""
    return next((ref.checked for ref in recorded_refs(view, key) if ref.name == branch), None)


def uncounted(findings: Sequence[Finding], fail_on: FailOn) -> Iterator[str]:
    """Give the commits of findings that did not count: ignored ones, and those less severe than `fail_on`.

    The next check must see them again: an ignore expires, and a later check may have a lower `fail_on`. Findings that
    every check reports need no commit.
    """
    for found in findings:
        if found.id not in REPEATED and not counting([found], fail_on) and found.pointer.revision:
            yield found.pointer.revision


def covered(
    view: StoreView, key: str, recorded: RecordedLine, start: Since, again: Iterable[str]
) -> CheckedRange | None:
    """Return the commits that a check of a range covers: up to the first one that must be checked `again`.

    Those are the commits of changes that were left undecided and of findings that did not count. None if the range
    covers nothing, or if the line does not end where its branch does.
    """
    line = recorded.line
    targets = [ref.target for ref in recorded_refs(view, key) if ref.name == line.branch]
    end = _settled_until(recorded, start, set(again))
    if targets != [line.commits[-1].id] or end < 0 or end < start.position:
        return None
    after = line.commits[start.position].id if start.position >= 0 else None
    return CheckedRange(after=after, until=line.commits[end].id)


def _settled_until(recorded: RecordedLine, start: Since, again: Collection[str]) -> int:
    """Return the position of the last commit before the first one of the range that must be checked again."""
    commits = recorded.line.commits
    for position, commit in enumerate(commits):
        if commit.id in again or (position > start.position and commit.changes is None):
            return position - 1
    return len(commits) - 1
