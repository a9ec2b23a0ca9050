"""Which of a group's files is where: for many formats the path says what a file's bytes are loaded as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from lineage_schemas.weight_group import WeightGroup

_NAMED_INSIDE = frozenset({"safetensors", "gguf"})
"""Formats whose files name the tensors that they hold."""

_DIGITS = re.compile(r"([0-9]+)")


def in_order(group: WeightGroup, identities: Mapping[str, str]) -> tuple[str, ...]:
    """List what the files of a group hold, by path, in an order that is equal where loaders load the same.

    Shards of a set of N that name their tensors may exchange their places. Other files may not: the path of ONNX data,
    of a tensor-parallel rank (`consolidated.01.pth`) or of a part of a file says what the bytes are. These are listed
    in order of their endings, names and folders, so that a group that moves, or gets another stem, keeps its order.
    """
    if group.format in _NAMED_INSIDE and group.declared_shards is not None:
        return tuple(sorted(identities.values()))
    return tuple(identities[path] for path in sorted(identities, key=_place))


def same_places(one: tuple[WeightGroup, Mapping[str, str]], other: tuple[WeightGroup, Mapping[str, str]]) -> bool:
    """Return whether two groups hold the same files, and none of them in the place of another one."""
    if in_order(*one) != in_order(*other):
        return False
    (group, held), (_, others) = one, other
    may_move = group.format in _NAMED_INSIDE and group.declared_shards is not None
    return may_move or all(others.get(path, identity) == identity for path, identity in held.items())


def _place(path: str) -> tuple[list[tuple[int, str, str]], ...]:
    """Sort by ending, name and folder, with numbers as numbers: `rank_2` comes before `rank_10`."""
    pure = PurePosixPath(path)
    return tuple([_part(part) for part in _DIGITS.split(text)] for text in (pure.suffix, pure.name, path))


def _part(part: str) -> tuple[int, str, str]:
    """Order a piece of a path: numbers after texts, by their digits, so that none is too long to be compared."""
    significant = part.lstrip("0") if _DIGITS.fullmatch(part) else None
    return (-1, "", part) if significant is None else (len(significant), significant, part)
