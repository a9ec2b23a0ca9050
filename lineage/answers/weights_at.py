"""Which weights the store recorded at a commit, and whether those of two commits are the same."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lineage.versioning.indexes import is_watched
from lineage_schemas.ids import revision_key

if TYPE_CHECKING:
    from lineage.answers.lines import RecordedLine
    from lineage.store.interface import StoreView
    from lineage_schemas.change import GroupChange

_ADDS = frozenset({"first_upload", "format_added", "component_added"})
"""Kinds of changes before which a group did not exist."""

Held = frozenset[str]
"""The files digests of a commit's main weights; empty if it had no weights."""


class WeightsAt:
    """Find the recorded weights at commits of a model: those of its lines, and others as far as they are recorded."""

    def __init__(self, view: StoreView, key: str, lines: Iterable[RecordedLine]) -> None:
        self._view, self._key = view, key
        self._lines = [_Placed(each) for each in lines]

    def same(self, one: str, other: str) -> bool | None:
        """Return whether the weights at two commits are the same; None if they were not compared.

        They are the same if their files are, or if the digests of their tensors are equal: the main weights, and each
        other group that one of the two commits has in common with the other or lost. A group that was added is new.
        """
        held, others = self.at(one), self.at(other)
        if held is None or others is None:
            return None
        main = self._equal(held, others)
        return self._other_groups_same(one, other) if main else main

    def _equal(self, held: Held, others: Held) -> bool | None:
        if held == others:
            return True
        nodes = self._view.nodes("Weights", held | others)
        digests = [{(nodes.get(key) or {}).get("weights") for key in keys} for keys in (held, others)]
        if None in digests[0] | digests[1]:
            return None
        return digests[0] == digests[1]

    def _other_groups_same(self, one: str, other: str) -> bool | None:
        """Compare every group that a change between two commits of one line touched; None if they are on no such line.

        The files before the first and after the last of these changes count: a group may have changed and returned.
        """
        placed = next((each for each in self._lines if {one, other} <= each.positions.keys()), None)
        if placed is None:
            return True if one == other else None
        low, high = sorted((placed.positions[one], placed.positions[other]))
        touched: dict[str, tuple[GroupChange, GroupChange]] = {}
        for start, _, change in placed.changes:
            if low < start <= high:
                for group in change.groups:
                    touched[group.group] = (touched.get(group.group, (group,))[0], group)
        found = {self._group_same(first, last) for first, last in touched.values()}
        return False if False in found else None if None in found else True

    def _group_same(self, first: GroupChange, last: GroupChange) -> bool | None:
        """Compare a group before the first and after the last of its changes."""
        if first.before is None:
            return True if first.kind in _ADDS else None
        if last.after is None:
            return False if last.kind == "removed" else None
        return self._equal(frozenset({first.before}), frozenset({last.after}))

    def at(self, commit: str) -> Held | None:
        """Return the main weights at a commit; None if they are not known."""
        for placed in self._lines:
            if commit in placed.positions:
                return self._on_line(placed, placed.positions[commit])
        return self._off_the_lines(commit)

    def _on_line(self, placed: _Placed, position: int) -> Held | None:
        """Find the weights after the last push up to a position that changed some; None in the middle of a push."""
        number = bisect_right(placed.starts, position)
        if number == 0:
            return frozenset() if _all_known(placed.recorded, position) else None
        end = placed.ends[number - 1]
        return self._stored(placed.recorded.line.commits[min(position, end)].id)

    def _off_the_lines(self, commit: str) -> Held | None:
        """Follow first parents of a commit that is on no branch until its weights are recorded, or were written."""
        at: str | None = commit
        seen: set[str] = set()
        while at is not None and at not in seen:
            seen.add(at)
            held = self._stored(at)
            node = self._view.nodes("Revision", [revision_key(self._key, at)]).get(revision_key(self._key, at))
            if held is not None or node is None or node.get("changes") is None:
                return held
            if any(is_watched(change["path"]) for change in node["changes"]):
                return None
            parents = node.get("parents") or ()
            at = parents[0] if parents else None
            if at is None:
                return frozenset()
        return None

    def _stored(self, commit: str) -> Held | None:
        """Return the main weights that are stored with a commit, all of them if none is the main one."""
        edges = list(self._view.edges("HAS_WEIGHTS", [revision_key(self._key, commit)], "out"))
        main = [edge for edge in edges if edge.properties.get("main")] or edges
        return frozenset(edge.target for edge in main) or None


class _Placed:
    """Hold a line with the positions of its commits, and its changes with those of their first and last commits."""

    def __init__(self, recorded: RecordedLine) -> None:
        self.recorded = recorded
        self.positions = {commit.id: i for i, commit in enumerate(recorded.line.commits)}
        ranges = ((self.positions.get(c.revisions[0]), self.positions.get(c.revisions[-1])) for c in recorded.changes)
        changes = zip(ranges, recorded.changes, strict=True)
        self.changes = [(start, end, c) for (start, end), c in changes if start is not None and end is not None]
        self.changes.sort(key=lambda each: each[:2])
        self.starts = [start for start, _, _ in self.changes]
        self.ends = [end for _, end, _ in self.changes]


def _all_known(recorded: RecordedLine, position: int) -> bool:
    """Return whether the files of every commit up to a position are known."""
    return not recorded.line.cut and all(commit.changes is not None for commit in recorded.line.commits[: position + 1])
