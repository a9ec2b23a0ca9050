"""`lineage verify`: check whether local weights are those of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lineage.answers.collect import as_target
from lineage.answers.lacking import groups_lacking
from lineage.answers.looked_up import hub_to_read, read_date
from lineage.answers.other_revisions import other_revisions
from lineage.answers.search import search, unchecked_of
from lineage.collect.budget import ReadBudget
from lineage.collect.measuring import Measured, measure_model, measure_path, recorded_weights
from lineage.errors import InputError
from lineage.fingerprint.cast import CastCheck, OnDisk, Placed
from lineage.fingerprint.compare import FLOATS, compare_layouts, compare_tensors, tensors_in_short
from lineage.fingerprint.places import same_places
from lineage.hub.target import PathTarget, parse_target
from lineage.unexpected import contained
from lineage_schemas.answers.verify import Difference, VerifyAnswer, VerifyVerdict
from lineage_schemas.digests import Digests
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from pathlib import Path

    from lineage.answers.session import Session
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage_schemas.file import FileEntry

MAX_DIFFERENCES = 1_000
"""Files and tensors that are listed; an unrelated model differs in all of them."""


@dataclass(frozen=True)
class _Outcome:
    """Hold the result of comparing one group."""

    verdict: VerifyVerdict
    differences: tuple[Difference, ...] = ()
    reason: str | None = None
    summary: str | None = None


def verify(session: Session, path: str, *, against: str | None = None) -> VerifyAnswer:
    """Compare local weights with a model, or without `against` find the recorded revision that has them.

    Files are compared by hash first; if they differ, parameters are compared by weights digest, which comes from the
    store, a local Hub or a small download. If none of them has it, the verdict is `unchecked`, with the command that
    decides it. Raises InputError if the path holds no weights, HubError if the model cannot be read at all.
    """
    with contained(path):
        return _verify(session, path, against)


def _verify(session: Session, path: str, against: str | None) -> VerifyAnswer:
    """Measure the local weights, and look for them in the model or in the store."""
    target = parse_target(path if path.startswith((".", "/", "~")) else f"./{path}")
    assert isinstance(target, PathTarget)
    local = measure_path(session.files_on_disk, target.path, "full", session.progress)
    if not local.groups:
        hint = "fetch the missing files too" if local.gone else "name a weight file, or the folder of a model"
        raise InputError(f"{path} holds no weight file{local.missing_note}", hint=hint)
    return search(session, path, local) if against is None else _against(session, target.path, path, local, against)


def _against(session: Session, path: Path, shown: str, local: Measured, against: str) -> VerifyAnswer:
    """Compare every local group with its counterpart in a model; `shown` is the path as the user wrote it."""
    with contained(against):
        return _compared(session, path, shown, local, against)


def _compared(session: Session, path: Path, shown: str, local: Measured, against: str) -> VerifyAnswer:
    """Read the model's groups as deep as the comparison needs, and compare."""
    target = as_target(session, against, on_disk=True)
    hub = hub_to_read(session, target)
    resolved = hub.resolve(target.model, target.revision)
    listed = measure_model(hub, resolved, ReadBudget(hub.is_local, "metadata"), session.progress)
    pairs = [(group, _counterpart(group, listed.groups)) for group in local.groups]
    wanted = {other.group.name for group, other in pairs if other and not _same_files(group, other)}
    recorded = recorded_weights(lambda: session.store, hub)
    read = measure_model(
        hub, resolved, ReadBudget(hub.is_local), session.progress,
        only=lambda group: group.name in wanted, recorded=recorded,
    )  # fmt: skip
    deeper = {group.group.name: group for group in read.groups}
    again = ReadBudget(is_local=False)
    outcomes = {}
    for group, other in pairs:
        theirs = deeper.get(other.group.name, other) if other else None
        outcome = _doubted(local, group, theirs, listed) or _compare(session, group, theirs, local.hub is None)
        if outcome.verdict == "different" and theirs is not None:
            sides = Placed(hub, resolved.model, resolved.commit, theirs), _placed(local, group, path)
            outcome = replace(outcome, summary=_of_types(*sides, again) or outcome.summary)
        outcomes[group.group.name] = outcome
    differing = [
        group
        for group, _ in pairs
        if outcomes[group.group.name].verdict in ("different", "unchecked") and local.doubt(group.group.name) is None
    ]
    verdicts = [outcome.verdict for outcome in outcomes.values()]
    lacking = tuple(groups_lacking(shown, local, {other.group.name for _, other in pairs if other}, listed))
    unsure = bool(local.problems or local.gone or local.by_names or listed.by_names or lacking)
    return VerifyAnswer(
        **session.header("verify.v1", read_date(session, hub, resolved.model)),
        path=shown,
        against=resolved.model,
        revision=resolved.commit,
        verdict=_strongest(verdicts + ["unchecked"] * unsure),
        digests=_digests(local),
        matches=other_revisions(session, hub, resolved, differing),
        summary="; ".join(_summaries(outcomes)) or None,
        differences=tuple(d for outcome in outcomes.values() for d in outcome.differences)[:MAX_DIFFERENCES],
        unchecked=(
            *unchecked_of(local),
            *(Unchecked(what=f"{name} of {resolved.model}", reason=why) for name, why in listed.by_names.items()),
            *_undecided(pairs, outcomes, (read, listed), f"{resolved.model}@{resolved.commit}"),
            *lacking,
        ),
        notes=local.notes,
    )


def _placed(local: Measured, group: GroupFingerprint, path: Path) -> Placed | OnDisk:
    """Return where the bytes of a local group are: in a folder, or in a file alone."""
    if local.hub is None or local.snapshot is None:
        return OnDisk(path, group)
    return Placed(local.hub, local.snapshot.model, local.snapshot.commit, group)


def _of_types(before: Placed, after: Placed | OnDisk, budget: ReadBudget) -> str | None:
    """Describe a difference in nothing but floating-point types: the same values, rounded, or not compared.

    None if something else differs.
    """
    theirs, mine = before.found.rows, after.found.rows
    if theirs is None or mine is None:
        return None
    layout = compare_layouts(theirs, mine)
    types = {row.dtype for row in (*theirs, *mine) if row.name in layout.retyped}
    if not types or not types <= FLOATS or layout.grown or layout.reshaped or layout.added or layout.removed:
        return None
    number = f"all {len(mine):,}" if len(layout.retyped) == len(mine) else f"{len(layout.retyped):,} of {len(mine):,}"
    old, new = ("/".join(sorted({row.dtype for row in rows})) for rows in (theirs, mine))
    is_cast = CastCheck(before, after, budget.afford)()
    if is_cast is None:
        return f"{number} tensors have another dtype, and their values were not compared; dtype {old} → {new}"
    return f"a cast: {number} tensors have the same values, rounded; dtype {old} → {new}" if is_cast else None


def _doubted(
    local: Measured, group: GroupFingerprint, other: GroupFingerprint | None, listed: Measured
) -> _Outcome | None:
    """Decide a group of which a side is not whole: only a tensor that differs proves something; None where both are.

    A file alone is compared with the file that it is, whatever set that belongs to.
    """
    alone, name = local.hub is None, group.group.name
    if name in local.absent:
        return _Outcome("unchecked")
    if other is None:
        partial = listed.snapshot.partial if listed.snapshot else None
        reason = f"the model's list of files is partial: {partial}" if partial else "; ".join(_gone(listed))
        return _Outcome("unchecked", reason=f"the model may have them: {reason}") if reason else None
    theirs = listed.incomplete.get(other.group.name)
    if (alone and _is_part_of(group, other)) or (theirs is None and name not in local.incomplete):
        return None
    differences = (*_file_differences(group, other), *_tensor_differences(group, other, common=True))
    if any(each.what.startswith("tensor ") for each in differences):
        return _Outcome("different", differences)
    return _Outcome("unchecked", differences, f"of the model, {theirs}" if theirs else None)


def _gone(measured: Measured) -> Iterator[str]:
    """Say which weights should be there and are not."""
    return (f"{what} {why}" for what, why in measured.gone.items())


def _undecided(
    pairs: Sequence[tuple[GroupFingerprint, GroupFingerprint | None]],
    outcomes: Mapping[str, _Outcome],
    readings: tuple[Measured, Measured],
    model: str,
) -> Iterator[Unchecked]:
    """Say which groups were not compared: what could not be read of the model, else what the comparison left open.

    What is not here is not decided by reading again.
    """
    read = readings[0]
    for group, other in pairs:
        outcome, theirs = outcomes[group.group.name], other.group.name if other else ""
        problems = (side.problems[theirs] for side in readings if theirs in side.problems)
        reason = next(problems, outcome.reason)
        if outcome.verdict == "unchecked" and reason:
            here = other is not None and theirs not in read.incomplete
            command = read.absent.get(theirs, f"lineage collect {model} --level full") if here else None
            yield Unchecked(what=group.group.name, reason=reason, decide_with=command)


def _summaries(outcomes: Mapping[str, _Outcome]) -> Iterator[str]:
    """Summarise each group, with its name if there are several."""
    for name, outcome in outcomes.items():
        if outcome.summary:
            yield f"{name}: {outcome.summary}" if len(outcomes) > 1 else outcome.summary


def _strongest(verdicts: Sequence[str]) -> VerifyVerdict:
    """Return the strongest verdict: different, then unchecked, then re-serialised, then equal."""
    order: tuple[VerifyVerdict, ...] = ("different", "unchecked", "reserialised", "equal")
    return next(verdict for verdict in order if verdict in verdicts)


def _digests(local: Measured) -> Digests:
    """Return the digests of the main group, or of the first one."""
    return (local.main or local.groups[0]).digests


def _counterpart(group: GroupFingerprint, others: Sequence[GroupFingerprint]) -> GroupFingerprint | None:
    """Find the group of a model to compare a local group with: by name, by files, else main with main."""
    named = next((other for other in others if other.group.name == group.group.name), None)
    if named:
        return named
    files = {entry.sha256 for entry in group.files}
    holding = next((o for o in others if None not in files and files <= {entry.sha256 for entry in o.files}), None)
    if holding:
        return holding
    return next((other for other in others if other.group.main), None) if group.group.main else None


def _same_files(mine: GroupFingerprint, theirs: GroupFingerprint) -> bool:
    """Return whether both groups hold the same files, by a kind of hash that all have; False if there is none.

    Files that exchanged their contents are not the same where the path says what is loaded from it.
    """
    for kind in ("sha256", "blob_id"):
        sides = [{entry.path: getattr(entry, kind) for entry in side.files} for side in (mine, theirs)]
        if not any(None in side.values() for side in sides):
            return same_places((mine.group, sides[0]), (theirs.group, sides[1]))
    return False


def _same_file(mine: FileEntry, theirs: FileEntry) -> bool:
    """Return whether two files are the same, by a kind of hash that both have."""
    pairs = ((mine.sha256, theirs.sha256), (mine.blob_id, theirs.blob_id))
    return next((one == other for one, other in pairs if one is not None and other is not None), False)


def _compare(session: Session, group: GroupFingerprint, other: GroupFingerprint | None, alone: bool) -> _Outcome:
    """Compare one local group with its counterpart, as deep as both were read; `alone` is a file without a folder."""
    if other is None:
        found = group.digests.weights or group.digests.files
        missing = Difference(what=group.group.name, expected=None, found=found)
        return _Outcome("different", (missing,), summary="the model has no such weights")
    if not group.is_whole or not other.is_whole:
        return _compare_parts(group, other)
    if _same_files(group, other) or (alone and _is_part_of(group, other)):
        return _Outcome("equal")
    other = _with_recorded_digests(session, other)
    expected = other.digests.weights
    if expected is not None and expected == group.digests.weights:
        return _Outcome("reserialised", tuple(_file_differences(group, other)))
    differences = (*_file_differences(group, other), *_tensor_differences(group, other))
    if _is_decided(group, other, expected):
        short = tensors_in_short(other.rows, group.rows) if other.rows is not None and group.rows is not None else None
        return _Outcome("different", differences, summary=short)
    why = next((f": {each.unread}" for each in (group, other) if each.unread), "")
    return _Outcome(
        "unchecked", differences, f"the files differ, but the bytes of their tensors were not compared{why}"
    )


def _compare_parts(group: GroupFingerprint, other: GroupFingerprint) -> _Outcome:
    """Compare groups of which not all files are known: files of one name may differ, but none can be called equal."""
    names = {entry.path.rpartition("/")[2] for entry in other.files}
    both = {entry.path.rpartition("/")[2] for entry in group.files} & names
    differences = tuple(d for d in _file_differences(group, other) if d.what.rpartition("/")[2] in both)
    if any(each.expected and each.found for each in differences):
        return _Outcome("different", differences)
    return _Outcome("unchecked", differences, "not all files are known or here that hold its tensors")


def _is_decided(group: GroupFingerprint, other: GroupFingerprint, expected: str | None) -> bool:
    """Return whether enough of both was read to conclude that unequal weights are different."""
    if expected is not None and group.digests.weights is not None:
        return True
    layouts = (group.digests.layout, other.digests.layout)
    if None not in layouts and layouts[0] != layouts[1]:
        return True
    same_format = group.group.format == other.group.format  # hashes of two formats differ whatever the values are
    return group.digests.weights is None and group.rows is None and same_format and _both_hashed(group, other)


def _is_part_of(group: GroupFingerprint, other: GroupFingerprint) -> bool:
    """Return whether the group is one file of the several files of its counterpart."""
    known = {entry.sha256 for entry in other.files if entry.sha256}
    return len(group.files) == 1 < len(other.files) and group.files[0].sha256 in known


def _both_hashed(group: GroupFingerprint, other: GroupFingerprint) -> bool:
    """Return whether files without tensors could be compared by hash, which decides that they differ."""
    return all(entry.sha256 for entry in (*group.files, *other.files))


def _with_recorded_digests(session: Session, other: GroupFingerprint) -> GroupFingerprint:
    """Add the digests that the store has of the same files from an earlier reading."""
    if other.digests.files is None or other.digests.weights is not None:
        return other
    with session.store.reading() as view:
        node = view.nodes("Weights", [other.digests.files]).get(other.digests.files) or {}
    digests = {
        name: getattr(other.digests, name) or node.get(name) for name in ("files", "weights", "content", "layout")
    }
    return replace(other, digests=Digests(**digests))


def _file_differences(group: GroupFingerprint, other: GroupFingerprint) -> Iterator[Difference]:
    """List files whose hashes differ, and files that only one side has."""
    found = {entry.path.rpartition("/")[2]: entry for entry in group.files}
    expected = {entry.path.rpartition("/")[2]: entry for entry in other.files}
    for name in sorted(found.keys() | expected.keys()):
        mine, theirs = found.get(name), expected.get(name)
        if mine is None or theirs is None or not _same_file(mine, theirs):
            path = (theirs or mine or group.files[0]).path
            yield Difference(
                what=path, expected=theirs.identity if theirs else None, found=mine.identity if mine else None
            )


def _tensor_differences(
    group: GroupFingerprint, other: GroupFingerprint, *, common: bool = False
) -> Iterator[Difference]:
    """List tensors that differ, by bytes if both sides were read, else by dtype and shape.

    With `common` those that only one side has are left out.
    """
    if group.rows is None or other.rows is None:
        return
    mine = {row.name: row for row in group.rows}
    theirs = {row.name: row for row in other.rows}
    layout = compare_layouts(other.rows, group.rows)
    names = {*layout.retyped, *layout.grown, *layout.reshaped}
    names |= set() if common else {*layout.added, *layout.removed}
    if all(row.digest for row in (*group.rows, *other.rows)):
        names.update(compare_tensors(other.rows, group.rows).changed)
    for name in sorted(names):
        sides = [
            None if row is None else f"{row.dtype} {list(row.shape)} {row.digest or ''}".strip()
            for row in (theirs.get(name), mine.get(name))
        ]
        yield Difference(what=f"tensor {name}", expected=sides[0], found=sides[1])
