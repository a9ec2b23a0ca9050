"""Which rows of two results are about the same instance: pure functions over arrays of hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy

    Hashes = numpy.ndarray[Any, numpy.dtype[numpy.uint64]]
    Places = numpy.ndarray[Any, numpy.dtype[numpy.intp]]
    Booleans = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]

UNKNOWN = 0
"""The hash of what is not known: a prompt that was not recorded."""


class Side(NamedTuple):
    """Hold the rows of one side: arrays of the shape (rows,).

    `keys` identify instances, `prompts` what the model was asked (UNKNOWN where that is not recorded), `contents` what
    the row reports. Two rows of one key and one content report the same.
    """

    keys: Hashes
    prompts: Hashes
    contents: Hashes


class Pairs(NamedTuple):
    """Hold the rows of both sides that belong together, in the order of the old rows, and count the rest.

    `old_only` and `new_only` are instances without a partner, `other_prompt` those that were asked with another
    prompt, `repeated` those that a side has more than once. A repeated instance is paired if all its rows of a side
    report the same, and is not if they contradict each other: `contradicting` counts these.
    """

    old: Places
    new: Places
    old_only: int
    new_only: int
    other_prompt: int
    repeated: int
    contradicting: int


def pair(old: Side, new: Side) -> Pairs:
    """Pair the rows of two sides by their keys; rows with two known, different prompts are different questions."""
    import numpy

    old_keys, old_first, old_repeated, old_contradicting = _distinct(old)
    new_keys, new_first, new_repeated, new_contradicting = _distinct(new)
    contradicting = numpy.union1d(old_contradicting, new_contradicting)
    old_usable = ~numpy.isin(old_keys, contradicting)
    new_usable = ~numpy.isin(new_keys, contradicting)
    old_keys, old_first = old_keys[old_usable], old_first[old_usable]
    new_keys, new_first = new_keys[new_usable], new_first[new_usable]
    common, in_old, in_new = numpy.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    left, right = old_first[in_old], new_first[in_new]
    before, after = old.prompts[left], new.prompts[right]
    same = (before == after) | (before == UNKNOWN) | (after == UNKNOWN)
    left, right = left[same], right[same]
    order = numpy.argsort(left, kind="stable")
    return Pairs(
        old=left[order],
        new=right[order],
        old_only=len(old_keys) - len(common),
        new_only=len(new_keys) - len(common),
        other_prompt=int((~same).sum()),
        repeated=len(numpy.union1d(old_repeated, new_repeated)),
        contradicting=len(contradicting),
    )


def _distinct(side: Side) -> tuple[Hashes, Places, Hashes, Hashes]:
    """Return the distinct keys, the first row of each, the keys that occur again, and those that contradict."""
    import numpy

    keys, first, where, times = numpy.unique(side.keys, return_index=True, return_inverse=True, return_counts=True)
    again = times > 1
    if not bool(again.any()):
        return keys, first, keys[:0], keys[:0]
    expected = first[where]
    other = (side.contents != side.contents[expected]) | (side.prompts != side.prompts[expected])
    contradicting = numpy.unique(side.keys[other])
    return keys, first, keys[again], contradicting
