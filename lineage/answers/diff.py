"""`lineage diff`: what differs between two revisions or models: weights by tensor, config, card, tokenizer."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage.answers.collect import as_target
from lineage.answers.lines import pick_line
from lineage.answers.looked_up import hub_to_read, look_up, read_date
from lineage.answers.project import used_settings
from lineage.answers.sides import Listed, read_sides
from lineage.answers.starts import moved_tag_note
from lineage.collect.budget import ReadBudget
from lineage.collect.comparing import UNKNOWN_TENSORS
from lineage.collect.measuring import Measured, measure_model, recorded_weights
from lineage.collect.options import CollectOptions
from lineage.errors import InputError
from lineage.fingerprint.cast import CastCheck, Placed
from lineage.fingerprint.compare import WeightsComparison, compare_layouts, compare_tensors, compare_weights
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint
from lineage.fingerprint.tied import may_be_tied
from lineage.unexpected import contained
from lineage.versioning.facets.fields import field_diffs
from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.weights import Decided
from lineage.versioning.licence import licence_diff
from lineage.versioning.loaded import rival_sets
from lineage_schemas.answers.diff import DiffAnswer, DiffSide, RenamedTensor, TensorsDiff, WeightsDiff
from lineage_schemas.ids import shown_id
from lineage_schemas.level import Level
from lineage_schemas.snapshot import ResolvedRevision, Snapshot
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.hub.interface import Hub


NOT_HERE = "bytes or shards of the weights are not here, or are not those that their ids name"


@dataclass(frozen=True)
class MeasuredSide:
    """Hold one side: where it is read, and what was measured of its main group."""

    hub: Hub
    resolved: ResolvedRevision
    measured: Measured

    @property
    def snapshot(self) -> Snapshot:
        """Return what the revision lists."""
        assert self.measured.snapshot is not None, "a model was measured, not a single file"
        return self.measured.snapshot

    @property
    def listed(self) -> Listed:
        """Return what the facets need of this side."""
        return Listed(self.hub, self.snapshot, self.measured.groups)

    @property
    def shown(self) -> GroupFingerprint | None:
        """Return the main group as far as it was measured."""
        return self.measured.main

    def placed(self, found: GroupFingerprint) -> Placed:
        """Pair a measured group with the revision that it belongs to."""
        return Placed(self.hub, self.resolved.model, self.resolved.commit, found)


def diff(session: Session, a: str, b: str | None = None, *, level: Level | None = None) -> DiffAnswer:
    """Compare `a` with `b`, or without `b` the states before and after the last change of the weights of `a`.

    The last change is the last one that counts, else the last one that touched weights, else the last commit. Weights
    are read to `level`; without it, in full if the Hub is local or they are small, else by their headers, which
    `unchecked` then reports. Weights in the store are not read again; offline, no others are read.
    Raises InputError if there is nothing to compare, HubError if a side cannot be read.
    """
    with contained(a if b is None else f"{a} and {b}"):
        return _diff(session, a, b, level)


def _diff(session: Session, a: str, b: str | None, level: Level | None) -> DiffAnswer:
    """Find the two sides, measure and compare them."""
    hubs = _last_change(session, a) if b is None else tuple(_resolved(session, text) for text in (a, b))
    before, after = (measure_side(session, hub, resolved, level) for hub, resolved in hubs)
    command = f"lineage diff {' '.join(shlex.quote(text) for text in (a, b) if text)} --level full"
    weights, undecided = compare_main(before, after, None if level == "full" else command)
    sides = read_sides(before.listed, after.listed)
    fields, unreadable = field_diffs(*sides)
    licences = licence_diff((before.resolved, before.snapshot), (after.resolved, after.snapshot))
    relation = licences.relation if licences else None
    by_facet = judge(*sides, decided=as_decided(weights, undecided), relation=relation)
    dates = [read_date(session, side.hub, side.resolved.model) for side in (before, after)]
    problems = [item for side in (before, after) for item in (*side.measured.unchecked(), *_rivals(side))]
    moved = filter(None, (moved_tag_note(session, side.hub, side.resolved) for side in (before, after)))
    return DiffAnswer(
        **session.header("diff.v1", max(filter(None, dates), default=None), settings=used_settings(session.project)),
        a=_written(session, before),
        b=_written(session, after),
        weights=weights,
        facets=fields,
        by_facet=by_facet,
        licences=licences,
        unchecked=tuple(dict.fromkeys((*problems, *undecided, *unreadable))),
        notes=tuple(dict.fromkeys((*moved, *before.measured.notes, *after.measured.notes))),
    )


def _resolved(session: Session, text: str) -> tuple[Hub, ResolvedRevision]:
    """Resolve a target to a commit."""
    with contained(text):
        target = as_target(session, text, on_disk=True)
        hub = hub_to_read(session, target)
        return hub, hub.resolve(target.model, target.revision)


def _last_change(session: Session, text: str) -> tuple[tuple[Hub, ResolvedRevision], ...]:
    """Find the commits before and after the last change of a model's weights."""
    target = as_target(session, text)
    hub = hub_to_read(session, target)
    asked = look_up(session, target, CollectOptions(refresh=True, by_refs=True, parents=False))
    with session.store.reading() as view:
        recorded = pick_line(view, asked.key, target.revision)
    if recorded is None:
        why = f": {asked.not_looked_up.reason}" if asked.not_looked_up else ""
        raise InputError(
            f"no history of {text} is known{why}", hint=f"lineage diff {text} OTHER compares it with another model"
        )
    changes = [change for change in recorded.changes if change.base is not None]
    counting = [change for change in changes if change.counts]
    if changes:
        last = (counting or changes)[-1]
        commits = [last.base, last.revisions[-1]]
    else:
        commits = [commit.id for commit in recorded.line.commits[-2:]]
    if len(commits) < 2:
        raise InputError(
            f"{text} has only one revision: there is nothing to compare",
            hint=f"lineage diff {text} OTHER compares it with another model",
        )
    return tuple((hub, hub.resolve(target.model, commit)) for commit in commits)


def measure_side(
    session: Session, hub: Hub, resolved: ResolvedRevision, level: Level | None, *, all_groups: bool = False
) -> MeasuredSide:
    """Measure the main group of one side, or all groups, to the requested level or to what the budget allows."""
    budget = ReadBudget(hub.is_local, level)
    recorded = recorded_weights(lambda: session.store, hub)
    with contained(resolved.model):
        measured = measure_model(
            hub, resolved, budget, session.progress, only=lambda g: all_groups or g.main, recorded=recorded
        )
    return MeasuredSide(hub, resolved, measured)


def _rivals(side: MeasuredSide) -> Iterator[Unchecked]:
    """Say that the names leave open which of two complete sets of shards is the main group."""
    files = side.snapshot.files
    for one, other in rival_sets(weight_groups(files), [entry.path for entry in files]):
        if one.main or other.main:
            yield Unchecked(
                what=f"which shards of {side.resolved.model} are loaded at {side.resolved.commit[:12]}",
                reason=f"two complete sets have the same name, {one.name} and {other.name}, and no index lists one of "
                "them",
            )


def _written(session: Session, side: MeasuredSide) -> DiffSide:
    """Write one side as the answer shows it."""
    main = side.shown
    return DiffSide(
        model=shown_id(side.hub.key(side.resolved.model), session.hub.name),
        revision=side.resolved.commit,
        group=main.group.name if main else None,
        digests=main.digests if main else None,
    )


def compare_main(before: MeasuredSide, after: MeasuredSide, command: str | None) -> tuple[WeightsDiff, list[Unchecked]]:
    """Compare the main groups; return what was not decided with its reason and the command that decides it."""
    old, new = before.shown, after.shown
    if old is None or new is None:
        without = [side for side in (before, after) if side.shown is None]
        missing = [f"{side.resolved.model}: no weight file{side.measured.missing_note}" for side in without]
        reason = Unchecked(what="weights", reason="; ".join(dict.fromkeys(missing)))
        return WeightsDiff(kind="unknown", tensors=None), [reason]
    if not (old.is_whole and new.is_whole):
        reason = Unchecked(
            what=f"values of {new.group.name}", reason="not all files that hold its tensors are known or here"
        )
        return WeightsDiff(kind="unknown", tensors=None), [reason]
    if any(_is_doubted(side, shown) for side, shown in ((before, old), (after, new))):
        return WeightsDiff(kind="unknown", tensors=None), []
    again = ReadBudget(is_local=False, asked=None if command else "full")
    check = CastCheck(before.placed(old), after.placed(new), again.afford)
    compared = compare_weights(old, new, check, lambda: may_be_tied(after.placed(new)))
    offline = before.hub.offline or after.hub.offline
    undecided = [_undecided(old, new, compared, command, offline=offline)] if compared.kind == "replaced" else []
    if undecided and check.problem:
        undecided = [undecided[0].model_copy(update={"reason": check.problem, "decide_with": command})]
    return WeightsDiff(kind=compared.kind, tensors=_tensors(old, new)), undecided


def _is_doubted(side: MeasuredSide, main: GroupFingerprint) -> bool:
    """Say whether the files of a side's weights prove nothing: bytes or shards are not here, or are not what ids say.

    The measurement has the reason under what was not checked.
    """
    without = side.snapshot.without_bytes
    broken = main.group.name in side.measured.problems and main.digests.files is None
    return broken or main.group.complete is False or any(entry.path in without for entry in main.files)


def as_decided(found: WeightsDiff, undecided: Sequence[Unchecked]) -> Decided:
    """Pass on to the facets what was found out about the main groups, and why it is not more."""
    return Decided(found.kind, reason=undecided[0].reason if undecided else NOT_HERE)


def _undecided(
    old: GroupFingerprint, new: GroupFingerprint, compared: WeightsComparison, command: str | None, *, offline: bool
) -> Unchecked:
    """Describe what was not compared, what is unknown because of that, and the command that decides it."""
    note = f" ({compared.note})" if compared.note else ""
    decide_with = None
    if old.rows is None or new.rows is None:
        why = next((f" ({side.group.name}: {side.unread})" for side in (old, new) if side.unread), note)
        reason = f"their tensors were not read{why}, so it is not known what changed in them"
        decide_with = command if offline else None
    elif old.level == new.level == "full" and not (old.digests.weights and new.digests.weights):
        reason = f"{UNKNOWN_TENSORS}{note}"
    elif old.digests.weights and new.digests.weights:
        reason = f"their tensors are stored in different types{note}: one side may be the other, rounded or quantised"
    else:
        reason = f"only headers were compared{note}: a cast cannot be distinguished from retraining"
        decide_with = command
    return Unchecked(what=f"values of {new.group.name}", reason=reason, decide_with=decide_with)


def _tensors(old: GroupFingerprint, new: GroupFingerprint) -> TensorsDiff | None:
    """Sort the tensors of both sides, by their bytes if all were read, else by dtype and shape."""
    if old.rows is None or new.rows is None:
        return None
    if all(row.digest for row in (*old.rows, *new.rows)):
        found = compare_tensors(old.rows, new.rows)
        return TensorsDiff(
            compared="bytes",
            equal=found.equal,
            changed=tuple(found.changed),
            added=tuple(found.added),
            removed=tuple(found.removed),
            renamed=tuple(RenamedTensor(before=was, after=now) for was, now in found.renamed),
        )
    layout = compare_layouts(old.rows, new.rows)
    return TensorsDiff(
        compared="layout",
        equal=layout.equal,
        changed=tuple(sorted((*layout.retyped, *layout.grown, *layout.reshaped))),
        added=tuple(layout.added),
        removed=tuple(layout.removed),
        renamed=(),
    )
