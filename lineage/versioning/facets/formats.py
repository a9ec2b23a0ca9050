"""In which formats, precisions and quantisations the weights exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.versioning.facets.comparison import ABSENT, Comparison, Place
from lineage.versioning.facets.configs import compare_configs
from lineage.versioning.facets.side import Side

if TYPE_CHECKING:
    from lineage.fingerprint.measure import GroupFingerprint
    from lineage_schemas.facet import Facet


def formats(before: Side, after: Side) -> Facet:
    """Compare which formats and variants of weights exist, which is the main one, its dtypes, and what configs say."""
    found = Comparison("formats", before, after)
    old, new = (_named(side) for side in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if (name in old) != (name in new):
            path = (new.get(name) or old[name]).group.files[0]
            values = [sorted(each.group.files)[0] if each else ABSENT for each in (old.get(name), new.get(name))]
            found.change(name, values, Place(path))
    mains = [_name(side.main) if side.main else ABSENT for side in (before, after)]
    if ABSENT not in mains and mains[0] != mains[1] and before.main and after.main:
        found.change("main", mains, Place(after.main.group.files[0]))
    _dtypes(found)
    for side in (before, after):
        if side.snapshot.partial:
            found.unjudged(side, f"files may be missing from the list: {side.snapshot.partial}")
    compare_configs(found)
    return found.facet()


def _named(side: Side) -> dict[str, GroupFingerprint]:
    """Name the formats of a side: `safetensors`, `text_encoder/ safetensors fp16`, `gguf Q4_K_M`."""
    return {_name(each): each for each in side.groups}


def _name(found: GroupFingerprint) -> str:
    group = found.group
    parts = (f"{group.component}/" if group.component else "", group.format, group.variant or "")
    return " ".join(part for part in parts if part)


def _dtypes(found: Comparison) -> None:
    """Compare the dtypes of the tensors of the main groups, where headers were read."""
    old, new = found.before.main, found.after.main
    if old is None or new is None or old.rows is None or new.rows is None:
        return
    dtypes = [sorted({row.dtype for row in side.rows or ()}) for side in (old, new)]
    if dtypes[0] != dtypes[1]:
        found.change("dtypes", dtypes, Place(new.group.files[0]), kind="changed")
