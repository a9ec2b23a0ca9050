"""Parents of models that no exact rule explains: the nearest one on the way to the root of the family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lineage.derivation.family.members import Edge
from lineage.derivation.family.positions import Positions

NEARER = 0.9
"""A nearer ancestor counts only at this share of the declared one's distance: true ones are at 0.52 to 0.58, near twins
at 0.993 to 0.999."""

ON_THE_WAY = 1.25
"""How much longer the way over an ancestor may be than the direct one, in squares: drifts of training are nearly at
right angles, so that it is about one over an ancestor, and more over a sibling."""


class Tree:
    """Find the parents of plain models by distances, in a family whose root is known."""

    def __init__(self, positions: Positions, exact: Mapping[str, Sequence[Edge]]) -> None:
        self._at, self._family, self._members, self._exact = positions, positions.family, positions.members, exact
        self._merges_of = {
            key: [each for each in self._members if any(e.parent == key and e.relation == "merge" for e in exact[each])]
            for key in self._members
        }
        self.parents = {key: self._parent(key) for key in self._members}

    def is_merge(self, key: str) -> bool:
        """Return whether a model was merged: by what explains it, or by what it declares."""
        member = self._members[key]
        several = len({each.parent for each in member.declares}) > 1
        return (
            several
            or any(edge.relation == "merge" for edge in self._exact[key])
            or any(d.relation == "merge" for d in member.declares)
        )

    def is_ancestor(self, ancestor: str, key: str) -> bool:
        """Return whether a model comes from another one over any number of steps, by exact rules or by the tree."""
        original, roots = self._at.original, self._at.roots
        seen: set[str] = set()
        todo = [key]
        while todo:
            each = original[todo.pop()]
            if each in seen:
                continue
            seen.add(each)
            above = [edge.parent for edge in self._exact[each]]
            if (plain := self.parents.get(each)) is not None:
                above.append(plain)
            if any(original[p] == original[ancestor] for p in above):
                return True
            todo += above
        return roots[key] == original[ancestor] and original[key] != original[ancestor]

    def _parent(self, key: str) -> str | None:
        """Find the nearest ancestor of a model that no exact rule explains; None where nothing gives a direction."""
        at = self._at
        if self._exact[key] or at.is_copy(key) or not at.is_plain(key) or at.roots[key] in (None, key):
            return None
        if self.is_merge(key) or key in at.rivals:
            return None
        possible = [
            (distance, other)
            for other in self._members
            if other != key
            and self._may_be_above(key, other)
            and (distance := self._family.distance(key, other)) is not None
        ]
        if not possible:
            return None
        nearest = min(possible)[0]
        near = [other for distance, other in possible if distance * NEARER <= nearest]
        return min(near, key=lambda other: (*at.preference(key, other), other))

    def _may_be_above(self, key: str, other: str) -> bool:
        """Return whether a model can be an ancestor: nearer to the root, on the way to it, plain, no merge."""
        at = self._at
        if not at.is_plain(other) or at.is_copy(other) or not self._family.related(key, other):
            return False
        if self.is_merge(other) and not self._members[key].declared(other) and not self._is_behind(key, other):
            return False
        if self._is_below(other, key) or not self._is_on_the_way(key, other):
            return False
        since, first = self._members[key].weights_since, self._members[other].first_weights
        return since is None or first is None or first <= since

    def _is_on_the_way(self, key: str, other: str) -> bool:
        """Return whether the way from the root to a model goes over another one, which is nearer to the root."""
        mine, theirs, between = self._at.to_root(key), self._at.to_root(other), self._family.distance(key, other)
        if mine is None or theirs is None or between is None:
            return False
        return theirs < mine and theirs**2 + between**2 <= ON_THE_WAY * mine**2

    def _is_behind(self, key: str, merge: str) -> bool:
        """Return whether the ways to a model from the root and from all parts of a merge go over the merge.

        The parts have to be known: the nearest relative of an absent part, and of its children, is the merge too.
        """
        distance = self._family.distance
        parts = [e.parent for e in self._exact[merge] if e.relation == "merge" and self._at.is_plain(e.parent)]
        if not parts or key in parts or not self._is_on_the_way(key, merge):
            return False
        ways = [(distance(each, merge), distance(merge, key), distance(each, key)) for each in parts]
        return all(a is not None and b is not None and c and a**2 + b**2 <= ON_THE_WAY * c**2 for a, b, c in ways)

    def _is_below(self, other: str, key: str) -> bool:
        """Return whether exact rules show that `other` was made from `key`, or from a merge that has a part of it."""
        if any(edge.parent == key for edge in self._exact[other]):
            return True
        if any(self._is_behind(other, merge) for merge in self._merges_of[key]):
            return True
        pair = self._family.pair(other, key)
        return pair.direction == "a_from_b" and pair.method in ("vocab_extended", "layer_dropped", "pruned", "stack")
