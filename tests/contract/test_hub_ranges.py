"""Several ranges of one file, which every Hub reads alike."""

from __future__ import annotations

import pytest

from lineage.errors import FileNotInRevisionError
from lineage_schemas.snapshot import ResolvedRevision
from tests.support.hub_kinds import Kind

WEIGHTS = "model.safetensors"


def test_several_ranges_are_given_in_the_order_asked(kind: Kind, head: ResolvedRevision) -> None:
    """Ranges of one file may overlap, repeat, be empty or lie behind its end; each is what a slice would be."""
    for name in (WEIGHTS, "config.json"):
        content = (kind.world.head / name).read_bytes()
        end = len(content)
        asked = [(end - 4, 10), (0, 8), (end // 2, 100), (0, 8), (end // 2 + 50, 100), (5, 0), (end + 7, 5), (3, end)]
        asked += [(place * end // 40, 20) for place in range(40)]
        expected = [content[start : start + length] for start, length in asked]
        assert kind.hub.read_ranges(head.model, head.commit, name, asked) == expected
        assert kind.hub.read_ranges(head.model, head.commit, name, []) == []


def test_ranges_of_older_commits_are_theirs(kind: Kind) -> None:
    """The parts of a file are those of the commit that was asked for."""
    for revision in kind.revisions:
        for path in (kind.world.snapshots / revision).iterdir():
            content = path.read_bytes()
            found = kind.hub.read_ranges(kind.model, kind.commit(revision), path.name, [(1, 30), (0, 10)])
            assert found == [content[1:31], content[:10]]


def test_ranges_that_no_file_has(kind: Kind, head: ResolvedRevision) -> None:
    """A negative start or length is the caller's mistake, and no byte is read for it."""
    before = kind.hub.cost()
    for wrong in ((-1, 5), (0, -1)):
        with pytest.raises(ValueError, match="range"):
            kind.hub.read_ranges(head.model, head.commit, WEIGHTS, [(0, 5), wrong])
    assert kind.hub.cost() == before


def test_ranges_cost_what_they_hold(kind: Kind, head: ResolvedRevision) -> None:
    """Bytes are counted; a network counts the ranges too, and one request to the Hub for all of one file."""
    before = kind.hub.cost()
    kind.hub.read_ranges(head.model, head.commit, WEIGHTS, [(8 * place, 4) for place in range(25)])
    after = kind.hub.cost()
    assert after.bytes_read - before.bytes_read == 100
    assert after.requests - before.requests == (0 if kind.hub.is_local else 1)
    assert after.ranges - before.ranges == (0 if kind.hub.is_local else 25)


def test_ranges_of_a_file_that_is_not_there(kind: Kind, head: ResolvedRevision) -> None:
    """No range leads out of the revision, and a missing file is an error and not an empty one."""
    for path in ("nothing.bin", "../config.json", "a\nb"):
        with pytest.raises(FileNotInRevisionError):
            kind.hub.read_ranges(head.model, head.commit, path, [(0, 4), (8, 4)])


def test_ranges_of_a_file_whose_bytes_are_lost(kind: Kind, head: ResolvedRevision) -> None:
    """A pointer or a listed file without bytes is refused, with what fetches it."""
    if kind.lose is None:
        pytest.skip("its bytes cannot be lost")
    kind.lose(WEIGHTS)
    kind.hub.close()
    again = kind.hub.resolve(kind.model)
    with pytest.raises(FileNotInRevisionError) as refused:
        kind.hub.read_ranges(again.model, again.commit, WEIGHTS, [(0, 4), (8, 4)])
    assert refused.value.hint
