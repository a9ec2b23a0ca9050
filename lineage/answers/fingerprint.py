"""`lineage fingerprint`: reproducible digests of weights."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lineage.collect.budget import ReadBudget
from lineage.collect.measuring import Measured, measure_model, measure_path
from lineage.fingerprint.main_group import loader_of
from lineage.hub.target import PathTarget, parse_target
from lineage.unexpected import contained
from lineage_schemas.answers.fingerprint import FingerprintAnswer, FingerprintedGroup
from lineage_schemas.change import Unchecked
from lineage_schemas.level import LEVELS, Level
from lineage_schemas.tensor import Tensor
from lineage_schemas.weights import Cost

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage_schemas.snapshot import Snapshot


def fingerprint(session: Session, target_text: str, *, level: Level | None = None) -> FingerprintAnswer:
    """Measure every weight group of a file, a folder or a model; no store is needed.

    A path is read in full and a model on a remote Hub by its headers, unless `level` says otherwise. A group that
    cannot be read to that level is in `unchecked`, and in the answer with what the listing of files gives. Raises
    FormatError for a single file that violates its format, HubError for a model that cannot be read at all.
    """
    with contained(target_text):
        return _fingerprint(session, target_text, level)


def _fingerprint(session: Session, target_text: str, level: Level | None) -> FingerprintAnswer:
    """Measure the target, and write the answer."""
    target = parse_target(target_text)
    if isinstance(target, PathTarget):
        measured = measure_path(session.files_on_disk, target.path, level or "full", session.progress)
        wanted, command = level or "full", None
    else:
        wanted = ReadBudget(session.hub.is_local, level).least
        resolved = session.hub.resolve(target.model, target.revision)
        budget = ReadBudget(session.hub.is_local, wanted)
        measured = measure_model(session.hub, resolved, budget, session.progress, look_inside=wanted != "metadata")
        command = f"lineage fingerprint {target} --level {wanted}"
    hub = measured.hub.name if measured.hub else None
    return FingerprintAnswer(
        **session.header("fingerprint.v1", datetime.now(UTC) if hub else None, hub=hub),
        target=target_text,
        revision=measured.snapshot.commit if measured.snapshot else None,
        level=_reached(measured, wanted),
        cost=_total(measured),
        groups=tuple(_shown(group, measured.snapshot) for group in measured.groups),
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


def _total(measured: Measured) -> Cost:
    """Add up what all groups cost, and what it cost to find them."""
    costs = [*measured.grouping, *(group.cost for group in measured.groups)]
    return Cost(
        requests=sum(cost.requests for cost in costs),
        bytes_read=sum(cost.bytes_read for cost in costs),
        failed=sum(cost.failed for cost in costs),
        ranges=sum(cost.ranges for cost in costs),
        local=measured.hub is None or measured.hub.is_local,
    )


def _shown(found: GroupFingerprint, snapshot: Snapshot | None) -> FingerprintedGroup:
    """Write one group as the answer shows it; the files around it determine its loader."""
    rows = found.rows
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
    )
