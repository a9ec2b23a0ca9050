"""`lineage fingerprint`: reproducible digests of weights."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.collect.budget import ReadBudget
from lineage.collect.measuring import Measured, measure_model, measure_path, read_once
from lineage.collect.samples import configs_of
from lineage.errors import LineageError
from lineage.fingerprint.main_group import loader_of
from lineage.fingerprint.sampling import GroupSample, plan_group, sample_file, sample_group, sketch_digest
from lineage.hub.target import ModelTarget, PathTarget, parse_target
from lineage.unexpected import contained
from lineage_schemas.answers.fingerprint import FingerprintAnswer, FingerprintedGroup, GroupSampled, SampleCoverage
from lineage_schemas.cost import Cost
from lineage_schemas.level import LEVELS, Level
from lineage_schemas.tensor import Tensor
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.fingerprint.measure import GroupFingerprint


def fingerprint(
    session: Session, target_text: str, *, level: Level | None = None, sample: bool = False
) -> FingerprintAnswer:
    """Measure every weight group of a file, a folder or a model; no store is needed.

    A path is read in full and a model on a remote Hub by its headers, unless `level` says otherwise. A group that
    cannot be read to that level is in `unchecked`, and in the answer with what the listing of files gives. With
    `sample` the values of a sample are read and digested, otherwise only what it covers and costs is worked out. Raises
    FormatError for a single file that violates its format, HubError for a model that cannot be read at all.
    """
    with contained(target_text):
        return _fingerprint(session, target_text, level, sample)


def _fingerprint(session: Session, target_text: str, level: Level | None, sample: bool) -> FingerprintAnswer:
    """Measure the target, and write the answer."""
    target = parse_target(target_text)
    if isinstance(target, PathTarget):
        measured = measure_path(session.files_on_disk, target.path, level or "full", session.progress)
        wanted, command = level or "full", None
    else:
        wanted = ReadBudget(session.hub.is_local, level).least
        read_once(session.hub, wanted)
        resolved = session.hub.resolve(target.model, target.revision)
        budget = ReadBudget(session.hub.is_local, wanted)
        measured = measure_model(session.hub, resolved, budget, session.progress, look_inside=wanted != "metadata")
        command = f"lineage fingerprint {target} --level {wanted}"
    hub = measured.hub.name if measured.hub else None
    sampled = _sampled(measured, target, read=sample)
    return FingerprintAnswer(
        **session.header("fingerprint.v1", datetime.now(UTC) if hub else None, hub=hub),
        target=target_text,
        revision=measured.snapshot.commit if measured.snapshot else None,
        level=_reached(measured, wanted),
        cost=_total(measured, sampled.values()),
        groups=tuple(_shown(group, measured, sampled.get(group.group.name)) for group in measured.groups),
        unchecked=(*measured.unchecked(command), *_nothing(measured, target_text)),
        notes=measured.notes,
    )


def _reached(measured: Measured, wanted: Level) -> Level:
    """Return the lowest level of all groups: the level of the answer as a whole."""
    return min((group.level for group in measured.groups), key=LEVELS.index, default=wanted)


def _nothing(measured: Measured, target: str) -> tuple[Unchecked, ...]:
    """Report that there are no weight files, if so."""
    if measured.groups or measured.gone:
        return ()
    return (Unchecked(what=target, reason=f"it has no weight file{measured.missing_note}"),)


def _sampled(measured: Measured, target: ModelTarget | PathTarget, *, read: bool) -> dict[str, GroupSample]:
    """Sample the groups of a target, or with `read` unset only work out what a sample covers and costs."""
    hub, snapshot = measured.hub, measured.snapshot
    files = {entry.path: entry for entry in snapshot.files} if snapshot else {}

    def read_text(path: str) -> bytes | None:
        try:
            return hub.read_text(snapshot.model, snapshot.commit, path, files[path].size) if hub and snapshot else None
        except LineageError:
            return None

    found: dict[str, GroupSample] = {}
    for group in measured.groups:
        if not group.headers:
            continue
        configs = configs_of(group, files, read_text)
        if not read:
            found[group.group.name] = plan_group(group, configs)
        elif hub is not None and snapshot is not None:
            found[group.group.name] = sample_group(hub, snapshot.model, snapshot.commit, group, configs)
        elif isinstance(target, PathTarget):
            found[group.group.name] = sample_file(target.path, group, configs)
    return found


def _total(measured: Measured, samples: Iterable[GroupSample]) -> Cost:
    """Add up what all groups and their samples cost, and what it cost to find them.

    On this machine the bytes of a sample are those of the files that were read anyway.
    """
    local = measured.hub is None or measured.hub.is_local
    costs = [*measured.grouping, *(group.cost for group in measured.groups)]
    return Cost.total([*costs, *(() if local else (each.cost for each in samples))], local=local)


def _sample_shown(sample: GroupSample | None) -> GroupSampled | None:
    """Write what a sample covers and costs."""
    if sample is None:
        return None
    return GroupSampled(
        arch=sample.arch,
        digest=sketch_digest(sample.sketch) if sample.sketch.tiles else None,
        **{f"{kind}s": SampleCoverage(taken=taken, offered=offered) for kind, taken, offered in sample.covered()},
        bytes=sample.plan.bytes if sample.plan else 0,
        requests=sample.plan.requests if sample.plan else 0,
        method=sample.method,
        unread=dict(sample.unread),
        problem=sample.problem,
        scale_problem=sample.scale_problem,
    )


def _shown(found: GroupFingerprint, measured: Measured, sample: GroupSample | None) -> FingerprintedGroup:
    """Write one group as the answer shows it; the files around it determine its loader."""
    rows, snapshot = found.rows, measured.snapshot
    paths = {entry.path for entry in snapshot.files} if snapshot and found.group.main else ()
    return FingerprintedGroup(
        group=found.group.name,
        format=found.group.format,
        main=found.group.main,
        loader=loader_of(found.group.name, paths) if paths else None,
        files=found.files,
        digests=found.digests,
        tensors=None
        if rows is None
        else tuple(
            Tensor.model_construct(name=row.name, dtype=row.dtype, shape=row.shape, file=row.file, digest=row.digest)
            for row in rows
        ),
        tensor_count=found.tensor_count,
        parameter_count=found.parameter_count,
        dtypes=found.dtypes,
        declares=found.declares,
        flags=found.flags,
        sample=_sample_shown(sample),
        unread=found.unread,
        calls=found.calls,
    )
