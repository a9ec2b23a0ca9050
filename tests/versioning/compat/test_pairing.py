"""Rows of two sides are paired by id, and what is not paired is counted."""

from __future__ import annotations

from collections import defaultdict

import numpy
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.compat.pairing import Pairs, Side, pair

ROWS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(0, 2)), max_size=25)
"""Key, prompt and content of each row; the prompt 0 is not known."""


def side(rows: list[tuple[int, int, int]]) -> Side:
    """Make the columns of rows."""
    return Side(*(numpy.array([row[i] for row in rows], dtype=numpy.uint64) for i in range(3)))


def naive(old: list[tuple[int, int, int]], new: list[tuple[int, int, int]]) -> tuple[list[tuple[int, int]], list[int]]:
    """Pair by dictionaries: the pairs, and the five counts."""
    groups: list[dict[int, list[int]]] = []
    for rows in (old, new):
        grouped = defaultdict(list)
        for i, row in enumerate(rows):
            grouped[row[0]].append(i)
        groups.append(grouped)
    repeated = {key for grouped in groups for key, rows in grouped.items() if len(rows) > 1}
    contradicting = {
        key
        for grouped, rows in zip(groups, (old, new), strict=True)
        for key, places in grouped.items()
        if len({rows[i][1:] for i in places}) > 1
    }
    left, right = ({key: places[0] for key, places in each.items() if key not in contradicting} for each in groups)
    common = [(left[key], right[key]) for key in left if key in right]
    pairs = [(a, b) for a, b in common if old[a][1] == new[b][1] or 0 in (old[a][1], new[b][1])]
    counts = [len(left) - len(common), len(right) - len(common), len(common) - len(pairs), len(repeated)]
    return sorted(pairs), [*counts, len(contradicting)]


@given(ROWS, ROWS)
def test_pairs_are_those_of_a_dictionary(old: list[tuple[int, int, int]], new: list[tuple[int, int, int]]) -> None:
    """Pairs and counts are those of the obvious algorithm, and each row is in one pair at most."""
    found = pair(side(old), side(new))
    pairs, counts = naive(old, new)
    assert list(zip(found.old.tolist(), found.new.tolist(), strict=True)) == pairs
    assert [found.old_only, found.new_only, found.other_prompt, found.repeated, found.contradicting] == counts
    assert len(set(found.new.tolist())) == len(found.new)


def test_a_repeated_id_is_paired_if_its_rows_agree() -> None:
    """A row that was written twice counts once; two rows that contradict each other are not compared."""
    twice, other, once = (7, 1, 5), (8, 1, 5), (8, 1, 6)
    found = pair(side([twice, twice, other, once]), side([twice, other]))
    assert (found.old.tolist(), found.new.tolist()) == ([0], [0])
    assert (found.repeated, found.contradicting, found.old_only, found.new_only) == (2, 1, 0, 0)


def test_another_prompt_is_another_question() -> None:
    """Two known prompts that differ are not paired; an unknown one is."""
    found: Pairs = pair(side([(1, 1, 0), (2, 1, 0), (3, 0, 0)]), side([(1, 2, 0), (2, 1, 0), (3, 2, 0)]))
    assert (found.old.tolist(), found.other_prompt) == ([1, 2], 1)
