"""Constants that are kept among the parameters, and that a loader makes anew where they are missing."""

from __future__ import annotations

import re
from dataclasses import replace

from lineage.fingerprint.digests import content_digest, layout_digest, weights_digest
from lineage.fingerprint.measure import GroupFingerprint
from lineage.fingerprint.tensor_table import TensorRow
from lineage_schemas.digests import Digests

BUFFER = re.compile(
    r"(inv_freq|position_ids|num_batches_tracked|masked_bias|attn\.bias|attention\.bias|relative_position_index)$"
)
"""Constants that are kept among the parameters: they do not decide between retrained and partly retrained."""


def without_lone_buffers(
    before: GroupFingerprint, after: GroupFingerprint
) -> tuple[GroupFingerprint, GroupFingerprint]:
    """Leave out constants that only one of two formats keeps: a conversion drops those that a loader makes anew."""
    if before.rows is None or after.rows is None:
        return before, after
    names = {row.name for row in before.rows} ^ {row.name for row in after.rows}
    rows = (row for row in (*before.rows, *after.rows) if row.name in names)
    lone = {row.name for row in rows if BUFFER.search(row.name) and _may_be_made_anew(row)}
    return (_without(before, lone), _without(after, lone)) if lone else (before, after)


def _may_be_made_anew(row: TensorRow) -> bool:
    """Return whether a tensor with the name of a buffer is one: the mask `attn.bias` is a matrix, a bias a vector."""
    return not row.name.endswith(".bias") or len(row.shape) != 1


def _without(side: GroupFingerprint, names: set[str]) -> GroupFingerprint:
    """Return a group without some of its tensors, with the digests of the others."""
    rows = [row for row in side.rows or () if row.name not in names]
    if len(rows) == len(side.rows or ()):
        return side
    digests = Digests(
        files=side.digests.files,
        weights=weights_digest(rows) if rows and side.digests.weights else None,
        content=content_digest(rows) if rows and side.digests.content else None,
        layout=layout_digest(rows) if rows and side.digests.layout else None,
    )
    return replace(side, rows=rows, digests=digests)
