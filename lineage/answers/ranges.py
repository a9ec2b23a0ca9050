"""Changes of a range that begins or ends inside a push: the push is cut there and compared again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lineage.answers.looked_up import hub_to_read
from lineage.collect.comparing import Comparer
from lineage.collect.headers import HeadersAlong
from lineage.collect.weights import WeightReader
from lineage.versioning.changes import line_changes
from lineage.versioning.contents import FileHash
from lineage.versioning.groups import PlacedGroup
from lineage.versioning.indexes import is_watched
from lineage.versioning.line import pushes
from lineage.versioning.measured import Measurement, Measurer
from lineage.versioning.since import Since, in_range
from lineage.versioning.tags import first_targets, with_first_targets
from lineage_schemas.change import Change, GroupChange

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.answers.looked_up import Asked
    from lineage.answers.session import Session
    from lineage.collect.options import CollectOptions

WHOLE = Since(-1, None)
"""The range of a whole line."""


def changes_in_range(
    session: Session, asked: Asked, recorded: RecordedLine, since: Since, options: CollectOptions
) -> list[Change]:
    """Return the changes of a line after the start of a range, each with what happened in the range alone.

    An announcement before the start does not announce the weights after it, and the first own weights of a branch
    replace those that it had at a commit that the user names. Everything else comes from the record, except the changes
    of a pull request, which are not kept.
    """
    recorded_changes = in_range(recorded.line, recorded.changes, since)
    replaces = since.position >= 0 and not since.by_date and _has_own_first_weights(recorded, recorded_changes)
    worked_out = replaces or recorded.ends_inside or not recorded.is_recorded
    if not (worked_out or _is_inside_push(recorded, since.position)):
        return recorded_changes
    hub, model = hub_to_read(session, asked.target), recorded.history.model
    weights = WeightReader(hub, model, session.store, options, session.progress)
    report = line_changes(
        with_first_targets(recorded.history, first_targets(recorded.tags)),
        recorded.line,
        asked.key,
        lambda commit, path, size: hub.read_text(model, commit, path, size),
        RecordedComparer(recorded.changes, Comparer(weights, remote=recorded.is_default)),
        HeadersAlong(hub, model, options.level, is_default=recorded.is_default),
        own_from=None if replaces else recorded.own_from,
        cuts=(since.position + 1,),
    )
    known = {
        change.revisions: change for change in recorded_changes if not (replaces and change.kind == "first_upload")
    }
    return [known.get(change.revisions, change) for change in in_range(recorded.line, report.changes, since)]


def _is_inside_push(recorded: RecordedLine, position: int) -> bool:
    """Return whether a push continues after a position of the line."""
    cuts = () if recorded.own_from is None else (recorded.own_from,)
    return any(push.first <= position < push.last for push in pushes(recorded.line, is_watched, cuts))


def _has_own_first_weights(recorded: RecordedLine, changes: Iterable[Change]) -> bool:
    """Return whether the changes include the first own weights of a branch that was made from the default branch."""
    if recorded.own_from is None:
        return False
    own = {commit.id for commit in recorded.line.commits[recorded.own_from :]}
    return any(change.kind == "first_upload" and change.revisions[0] in own for change in changes)


class RecordedComparer(Measurer):
    """Take comparisons of weights from the record, and make only those that are not in it."""

    def __init__(self, changes: Iterable[Change], comparer: Measurer) -> None:
        self._known: dict[tuple[str, str | None, str | None], GroupChange] = {
            (group.group, group.before, group.after): group
            for change in changes
            for group in change.groups
            if group.before and group.after
        }
        self._comparer = comparer

    def sha256(self, commit: str, path: str, size: int) -> FileHash:
        """Hash a file: hashes of single files are not in the record."""
        return self._comparer.sha256(commit, path, size)

    def compare(self, before: PlacedGroup, after: PlacedGroup) -> Measurement:
        """Return the recorded comparison of the same weights; `replaced` if their kind comes from a training run."""
        known = self._known.get((after.group.name, before.digest, after.digest))
        if known is None or known.kind == "first_upload":
            return self._comparer.compare(before, after)
        kind = "replaced" if known.kind == "checkpoint" else known.kind
        return Measurement(kind, known.tensors_changed, known.tensors_total, known.note)
