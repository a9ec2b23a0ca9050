"""Measured kinds: what differs in the bytes where hashes show only that they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lineage.versioning.contents import Hasher
from lineage.versioning.groups import PlacedGroup
from lineage.versioning.kinds import WeightPush, with_groups
from lineage_schemas.change import COUNTING_KINDS, ChangeKind, GroupChange
from lineage_schemas.unchecked import Unchecked


@dataclass(frozen=True)
class Measurement:
    """Hold the result of comparing two weight groups, with counts of tensors where they were compared.

    `undecided` is the reason why values could not be compared, `decide_with` the command that compares them; `differs`
    says of `replaced` that other values are proven all the same.
    """

    kind: ChangeKind
    tensors_changed: int | None = None
    tensors_total: int | None = None
    note: str | None = None
    undecided: str | None = None
    decide_with: str | None = None
    differs: bool = False


class Measurer(Hasher, Protocol):
    """Compare the weights of a group at two commits, and hash files, as far as the budget reaches."""

    def compare(self, before: PlacedGroup, after: PlacedGroup) -> Measurement:
        """Find what became of the weights; what cannot be read is `undecided`, and never raised."""


def measured(pushes: Iterable[WeightPush], measurer: Measurer) -> Iterator[tuple[WeightPush, tuple[Unchecked, ...]]]:
    """Compare the bytes of groups that were replaced or converted, and list what could not be compared.

    A converted group has the values of another one, as far as a publisher is believed: where they are not compared, the
    change says so, and nothing is unchecked.
    """
    for push in pushes:
        groups: list[GroupChange] = []
        unchecked = list(push.unchecked)
        for change, pair in zip(push.groups, push.pairs, strict=True):
            if pair.before and pair.after and change.kind in ("replaced", "format_added"):
                found = measurer.compare(pair.before, pair.after)
                if change.kind == "replaced" or _other_values(found):
                    change = _with_measurement(change, found, main=pair.after.group.main or pair.before.group.main)
                    unchecked += _undecided(change, pair.after, found)
                else:
                    change = _conversion(change, pair.before, found)
            groups.append(change)
        yield with_groups(push, groups), tuple(unchecked)


def _other_values(found: Measurement) -> bool:
    """Return whether a format that loaders prefer has other values; undecided counts as the same model."""
    return found.differs or (found.undecided is None and found.kind in COUNTING_KINDS and found.kind != "replaced")


def _conversion(change: GroupChange, before: PlacedGroup, found: Measurement) -> GroupChange:
    """Return an added format with what is known of it: verified where its values are those of the one before."""
    verified = found.undecided is None and found.kind != "replaced"
    name = before.group.name
    if verified:
        how = "renamed tensors of" if found.kind == "renamed" else "the same tensors as"
        note = f"verified: {how} {name}"
    else:
        note = f"not compared with {name}: {found.undecided or found.note or 'its values are not known'}"
    return change.model_copy(update={"verified": verified, "note": note})


def _with_measurement(change: GroupChange, found: Measurement, *, main: bool) -> GroupChange:
    """Return the group's change with what was measured; only the main group's layout makes a change `reshaped`."""
    kind = "replaced" if found.kind == "reshaped" and not main else found.kind
    notes = dict.fromkeys(note for note in (change.note, found.note) if note)
    return change.model_copy(
        update={
            "kind": kind,
            "tensors_changed": found.tensors_changed,
            "tensors_total": found.tensors_total,
            "note": ", ".join(notes) or None,
        }
    )


def _undecided(change: GroupChange, after: PlacedGroup, found: Measurement) -> Iterator[Unchecked]:
    if found.undecided:
        yield Unchecked(
            what=f"values of {change.group} at {after.commit[:12]}",
            reason=found.undecided,
            decide_with=found.decide_with,
        )
