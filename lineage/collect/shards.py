"""Incomplete sets of shards: which shards are missing, by the index or by the numbers in the names."""

from __future__ import annotations

import re
from collections.abc import Callable

from lineage.errors import few
from lineage.fingerprint.groups import listed_files, shard_name
from lineage_schemas.weight_group import WeightGroup

ReadIndex = Callable[[str], bytes | None]

_NUMBER = re.compile(r"(?<![0-9])[0-9]++(?=-of-[0-9])", re.IGNORECASE)


def missing_shards_of(group: WeightGroup, read_index: ReadIndex) -> str | None:
    """Report which shards a set lacks; None if it is complete, or does not declare a number of shards."""
    if group.complete is not False or group.declared_shards is None:
        return None
    missing = sorted(_missing(group, read_index) - set(group.files))
    names = f": {few(missing)}" if missing else ""
    return f"{len(group.files)} of {group.declared_shards} shards are here, the others are missing{names}"


def _missing(group: WeightGroup, read_index: ReadIndex) -> set[str]:
    """Name all shards of a set: those that its index lists, else one for each number up to the total in its names."""
    if group.index is not None and (listed := listed_files(group.index, read_index)):
        return listed
    # Example: of `model-00003-of-00003.safetensors` alone, the names with 00001 and 00002 are missing, zeros kept.
    folder, slash, name = group.files[0].rpartition("/")
    written, total = _NUMBER.search(name), group.declared_shards
    if written is None or total is None or total > MAX_SHARDS:
        return set()
    first = 0 if 0 in [shard_name(each).number for each in group.files] else 1
    start, width, end = folder + slash + name[: written.start()], len(written[0]), name[written.end() :]
    return {f"{start}{number:0{width}d}{end}" for number in range(first, first + total)}


MAX_SHARDS = 10_000
"""A name with a larger total was made to exhaust its readers."""
