"""The weights: what a loader loads, the other groups, and the tensors whose shapes differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from lineage.fingerprint.compare import compare_layouts, compare_weights
from lineage.versioning.facets.comparison import ABSENT, Comparison, Place
from lineage.versioning.facets.side import Side, same_bytes

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage_schemas.answers.diff import WeightsDiffKind
    from lineage_schemas.facet import Facet, FacetChangeKind

NOT_COMPARED = "their tensors were not compared"
INCOMPLETE = "not all files that hold its tensors are known or here"


class Decided(NamedTuple):
    """Hold what a comparison with more means than a pure function has found out about the main groups.

    `reason` says what is unknown, for the kinds `replaced` and `unknown`.
    """

    kind: WeightsDiffKind
    note: str | None = None
    reason: str | None = None


def weights(before: Side, after: Side, decided: Decided | None = None) -> Facet:
    """Compare the main groups, then the others by name; `decided` is taken for the main groups if it is given."""
    found = Comparison("weights", before, after)
    old, new = before.main, after.main
    if old is None or new is None:
        _one_without(found, old, new, decided)
    else:
        _compare_main(found, old, new, decided or _decide(old, new))
        _shapes(found, old, new)
    _others(found)
    return found.facet()


def _decide(old: GroupFingerprint, new: GroupFingerprint) -> Decided:
    """Compare what was read of two groups; casts and tied copies that only bytes or a config show stay undecided."""
    if not (old.is_whole and new.is_whole) or False in (old.group.complete, new.group.complete):
        return Decided("replaced" if _has_other_file(old, new) else "unknown", reason=INCOMPLETE)
    compared = compare_weights(old, new, may_be_tied=lambda: None)
    return Decided(compared.kind, compared.note, NOT_COMPARED)


def _has_other_file(old: GroupFingerprint, new: GroupFingerprint) -> bool:
    """Return whether a file of both groups has other bytes, whatever the files that are missing hold."""
    files = {entry.path: entry for entry in new.files}
    return any(same_bytes(entry, files[entry.path]) is False for entry in old.files if entry.path in files)


def _one_without(
    found: Comparison, old: GroupFingerprint | None, new: GroupFingerprint | None, decided: Decided | None
) -> None:
    """Note that a side has no weights; where its list of files is partial, that is unknown."""
    for side, main in ((found.before, old), (found.after, new)):
        if main is None and side.snapshot.partial:
            found.unjudged(side, side.snapshot.partial)
            return
    if old is not None or new is not None:
        _note(found, old, new)
    elif decided is not None and decided.reason:
        found.unjudged(found.after, decided.reason)


def _note(found: Comparison, old: GroupFingerprint | None, new: GroupFingerprint | None) -> None:
    """Note a group that came or went."""
    group = (new or cast("GroupFingerprint", old)).group
    values = [ABSENT if each is None else digest_of(each) for each in (old, new)]
    found.change(group.name, values, Place(group.files[0]))


def _compare_main(found: Comparison, old: GroupFingerprint, new: GroupFingerprint, decided: Decided) -> None:
    """Note the kind of change of the main groups, and what of it is unknown."""
    path = new.group.files[0]
    if decided.kind not in ("equal", "unknown"):
        names = old.group.name, new.group.name
        same = names[0] == names[1]
        notes = [*([] if same else [f"{names[0]} → {names[1]}"]), *([decided.note] if decided.note else [])]
        field = names[0] if same else "main group"
        values = digest_of(old), digest_of(new)
        kind = cast("FacetChangeKind", decided.kind)
        found.change(field, values, Place(path), kind=kind, note="; ".join(notes) or None)
    if decided.kind in ("replaced", "unknown"):
        found.unjudged(found.after, decided.reason or NOT_COMPARED, path)


def digest_of(found: GroupFingerprint) -> str | None:
    """Name what a group holds: by its parameters where they were read, else by its files."""
    return found.digests.weights or found.digests.files


def _shapes(found: Comparison, old: GroupFingerprint, new: GroupFingerprint) -> None:
    """Note the tensors with another shape; rows added to a vocabulary are `appended`."""
    if old.rows is None or new.rows is None:
        return
    layout = compare_layouts(old.rows, new.rows)
    shapes = [{row.name: list(row.shape) for row in side.rows or ()} for side in (old, new)]
    files = {row.name: row.file for row in new.rows}
    shrunk = set(compare_layouts(new.rows, old.rows).grown)
    kinds: dict[str, FacetChangeKind] = dict.fromkeys(layout.reshaped, "reshaped")
    kinds |= dict.fromkeys(layout.grown, "appended")
    for name in sorted(kinds):
        kind: FacetChangeKind = "removed" if name in shrunk else kinds[name]
        found.change(name, (shapes[0][name], shapes[1][name]), Place(files[name], tensor=name), kind=kind)


def _others(found: Comparison) -> None:
    """Compare the other groups by their names and files."""
    sides = [_by_name(side) for side in (found.before, found.after)]
    mains = {side.main.group.name for side in (found.before, found.after) if side.main}
    for name in sorted((sides[0].keys() | sides[1].keys()) - _compared(found, mains)):
        old, new = (side.get(name) for side in sides)
        if old is None or new is None:
            if not any(side.snapshot.partial for side in (found.before, found.after)):
                _note(found, old, new)
            continue
        digests = old.digests.files, new.digests.files
        if None in digests:
            found.unjudged(found.after, "the ids of its files are not known", new.group.files[0])
            continue
        decided = _decide(old, new)
        if decided.kind not in ("equal", "unknown"):
            values = digest_of(old), digest_of(new)
            kind = cast("FacetChangeKind", decided.kind)
            found.change(name, values, Place(new.group.files[0]), kind=kind, note=decided.note)
        if decided.kind in ("replaced", "unknown"):
            found.unjudged(found.after, decided.reason or NOT_COMPARED, new.group.files[0])


def _compared(found: Comparison, mains: set[str]) -> set[str]:
    """Name the groups that the comparison of the main groups covers; a main group that stays as another does not."""
    old, new = found.before.main, found.after.main
    return mains if old and new and old.group.name == new.group.name else (mains if not (old and new) else set())


def _by_name(side: Side) -> Mapping[str, GroupFingerprint]:
    return {each.group.name: each for each in side.groups}
