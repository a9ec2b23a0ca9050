"""`lineage verify` without a model: which recorded revision has the weights of a local folder or file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lineage.fingerprint.main_group import role_of
from lineage.query.known_weights import BY, matches, nothing_to_compare_with, undecided
from lineage_schemas.answers.verify import Difference, Match, VerifyAnswer, VerifyVerdict
from lineage_schemas.ids import shown_id
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.collect.measuring import Measured
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage.store.interface import StoreView

MAX_CANDIDATES = 10
"""Recorded weights of the same layout that are named one by one."""


def search(session: Session, path: str, local: Measured) -> VerifyAnswer:
    """Find the recorded revisions that have the local weights.

    They are known if all groups are known that a standard loader could load as the model: other weights beside the
    known ones may have the name that a loader looks for first.
    """
    main = local.main or local.groups[0]
    loadable = [main, *(group for group in local.groups if group is not main and _loadable(group, main))]
    with session.store.reading() as view:
        found = {group.group.name: matches(view, group, session.hub.name) for group in local.groups}
        empty = nothing_to_compare_with(view)
        copies = _folders_with(view, local, main, session.hub.name) if not found[main.group.name] else []
        missing = [group for group in loadable if not found[group.group.name]]
        candidates = [(group, undecided(view, group, session.hub.name)) for group in missing]
    open_ones = [item for group, open_ones in candidates for item in _open(group, open_ones)]
    every = sorted(
        (match for group in found.values() for match in group),
        key=lambda m: (BY.index(m.by), m.model, m.revision, m.group),
    )
    verdict: VerifyVerdict = "known" if not missing else "not_known"
    if not missing and not all(group.is_whole for group in loadable):
        verdict = "unchecked"
    if missing and (main not in missing or empty or open_ones or main.group.name in local.problems):
        verdict = "unchecked"
    if local.gone or main.group.name in local.absent or (local.hub is not None and local.incomplete):
        verdict = "unchecked"
    unchecked = [*unchecked_of(local), *([_empty(session, path)] if empty else []), *open_ones]
    if main not in missing:
        unchecked += [_not_found(path, group, found[main.group.name]) for group in missing]
    return VerifyAnswer(
        **session.header("verify.v1", None),
        path=path,
        against=None,
        revision=None,
        verdict=verdict,
        digests=main.digests,
        matches=tuple(every),
        differences=tuple(
            Difference(what=group.group.name, expected=None, found=group.digests.weights or group.digests.files)
            for group in local.groups
            if main not in missing and not found[group.group.name]
        ),
        unchecked=tuple(unchecked),
        notes=(*local.notes, *copies),
    )


def _folders_with(view: StoreView, local: Measured, main: GroupFingerprint, hub: str) -> list[str]:
    """Name the other folders that were collected with the same weights, which is not where they come from."""
    own = shown_id(local.hub.key(local.snapshot.model), hub) if local.hub and local.snapshot else None
    found = sorted({match.model for match in matches(view, main, hub, of_folders=True)} - {own})
    if not found:
        return []
    rest = f" and {len(found) - MAX_CANDIDATES} more" if len(found) > MAX_CANDIDATES else ""
    listed = ", ".join(found[:MAX_CANDIDATES]) + rest
    return [f"the same weights were collected from folders, which does not show where they come from: {listed}"]


def _loadable(group: GroupFingerprint, main: GroupFingerprint) -> bool:
    """Return whether a standard loader could load a group instead of the main one: same component, any format."""
    return group.group.component == main.group.component and role_of(group.group.name) in {
        "model", role_of(main.group.name),
    }  # fmt: skip


def _not_found(path: str, group: GroupFingerprint, known: Sequence[Match]) -> Unchecked:
    """Report that a loader could load weights that no recorded revision has, beside others that are known."""
    model = f"{known[0].model}@{known[0].revision}"
    return Unchecked(
        what=f"whose weights {group.group.name} is",
        reason="no recorded revision has it, and a loader could load it instead of the known weights",
        decide_with=f"lineage verify {shlex.quote(path)} --against {shlex.quote(model)}",
    )


def _open(main: GroupFingerprint, candidates: Sequence[Match]) -> Iterator[Unchecked]:
    """List the recorded weights that these may be: of the same layout, and not read in full."""
    for match in candidates[:MAX_CANDIDATES]:
        yield Unchecked(
            what=f"whether {main.group.name} is {match.group} of {match.model}@{match.revision[:12]}",
            reason="names, dtypes and shapes of the tensors are equal, but only headers of that revision were read",
            decide_with=f"lineage collect {match.model}@{match.revision} --level full",
        )
    if len(candidates) > MAX_CANDIDATES:
        yield Unchecked(
            what=f"{len(candidates) - MAX_CANDIDATES} further recorded revisions",
            reason="the same layout, but only headers were read",
        )


def _empty(session: Session, path: str) -> Unchecked:
    """Report that the store has no weights to compare with, and how to collect some."""
    return Unchecked(
        what="whose weights these are",
        reason=(
            f"the store {session.store.url} holds no weights of a model on a Hub to compare with; "
            "`lineage collect ORG/NAME` adds some"
        ),
        decide_with=f"lineage verify {shlex.quote(path)} --against ORG/NAME",
    )


def unchecked_of(local: Measured) -> tuple[Unchecked, ...]:
    """Say what of the local weights was not read; a shard that was given alone is not a set."""
    alone = local.hub is None and not local.absent
    return () if alone and not local.problems else local.unchecked()
