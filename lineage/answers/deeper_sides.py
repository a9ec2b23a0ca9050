"""Reading more of two models whose sampled values leave open whether one is the other in disguise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lineage.answers.compared_sides import Compared, headers_of, text_reader
from lineage.collect.samples import configs_of
from lineage.derivation.numeric.disguises import needs_matrices, needs_rows
from lineage.derivation.pair import Pair, compare_pair
from lineage.errors import FormatError, HubError, InputError
from lineage.fingerprint.measure import GroupFingerprint, cost_since
from lineage.fingerprint.sampling import ModelConfigs, group_anchor, group_invariants, reader_of, reader_of_file
from lineage_schemas.cost import Cost
from lineage_schemas.level import Level

if TYPE_CHECKING:
    from lineage.answers.session import Session
    from lineage.fingerprint.values.sketch import ReadRanges


MAX_ROWS_BYTES = 16_000_000
"""What the rows of one embedding may take; where fewer bytes of a remote Hub were allowed they are not read."""


def compare_deeper(
    session: Session, sides: Sequence[Compared], pair: Pair, level: Level | None, max_bytes: int | None = None
) -> tuple[list[Compared], Pair]:
    """Read whole rows of both embeddings if a disguise is possible, and at level full the matrices of four layers.

    A pair that stays unclear is read to level full without being asked where both models are on this machine. What
    cannot be read leaves the pair as it was.
    """
    deeper = list(sides)
    remote = any(each.hub is not None and not each.hub.is_local for each in deeper[:2])
    too_many = remote and max_bytes is not None and max_bytes < MAX_ROWS_BYTES and level != "full"
    if not too_many and needs_rows(deeper[0].side, deeper[1].side, pair.findings):
        deeper[:2] = [_read(session, each, matrices=False) for each in deeper[:2]]
        pair = _compared(deeper)
    here = pair.verdict == "unclear" and all(each.hub is None or each.hub.is_local for each in deeper[:2])
    if (level == "full" or here) and needs_matrices(deeper[0].side, deeper[1].side, pair.findings):
        deeper[:2] = [_read(session, each, matrices=True) for each in deeper[:2]]
        pair = _compared(deeper)
    return deeper, pair


def _compared(sides: Sequence[Compared]) -> Pair:
    return compare_pair(sides[0].side, sides[1].side, [each.side for each in sides[2:]])


def _read(session: Session, compared: Compared, *, matrices: bool) -> Compared:
    """Read the rows of one side that disguises leave alone, or measure what its matrices have in common with them."""
    hub = compared.hub
    before = hub.cost() if hub is not None else Cost()
    try:
        opened = _opened(session, compared)
        if opened is None:
            return compared
        if matrices:
            side = replace(compared.side, invariants=group_invariants(*opened))
        else:
            side = replace(compared.side, anchor=group_anchor(*opened))
    except (HubError, FormatError, InputError) as error:
        return replace(compared, notes=(*compared.notes, f"{compared.name} was not read deeper: {error.in_one_line}"))
    spent = cost_since(hub, before) if hub is not None else Cost()
    return replace(compared, side=side, costs=(*compared.costs, spent))


def _opened(session: Session, compared: Compared) -> tuple[GroupFingerprint, ModelConfigs, ReadRanges] | None:
    """Return a side's group with its headers, its configs, and what reads its files; None if it has no tensors."""
    hub, snapshot, found = compared.hub, compared.snapshot, compared.found
    if found is None:
        return None
    if hub is None or snapshot is None:
        if compared.path is None or not found.headers:
            return None
        return found, configs_of(found, {}, lambda path: None), reader_of_file(compared.path)
    found = headers_of(hub, snapshot, found, session.progress)
    if not found.headers:
        return None
    files = {entry.path: entry for entry in snapshot.files}
    configs = configs_of(found, files, text_reader(hub, snapshot))
    return found, configs, reader_of(hub, snapshot.model, snapshot.commit, found)
