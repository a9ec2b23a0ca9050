"""Where models stand in a family: which of equal ones is the original, which is the root, how far each is from it."""

from __future__ import annotations

from collections import Counter

from lineage.derivation.family.members import Family


class Positions:
    """Work out originals and roots of all members of a family.

    `rivals` are models that could be the root just as well as the one that was chosen: they are not put below it.
    """

    def __init__(self, family: Family) -> None:
        self.family, self.members = family, family.members
        named = ({each.parent for each in member.declares} for member in self.members.values())
        self._named = Counter(parent for parents in named for parent in parents)
        self._circular = self._circles()
        self.original = {key: self._original(key) for key in self.members}
        self.rivals: set[str] = set()
        self.roots = self._roots()

    def named_by(self, key: str) -> int:
        """Count the members that declare a model as their parent."""
        return self._named[key]

    def is_circular(self, key: str, parent: str) -> bool:
        """Return whether the parent also comes from the model by what is declared: then one of the cards is wrong."""
        return parent in self._circular[key]

    def is_copy(self, key: str) -> bool:
        """Return whether a model has the weights of another one that is the original."""
        return self.original[key] != key

    def is_plain(self, key: str) -> bool:
        """Return whether a model holds plain floats: no adapter, not quantised."""
        side = self.members[key].side
        return not side.is_adapter and not side.other_adapter and side.method is None

    def to_root(self, key: str) -> float | None:
        """Return the distance to the root of the family; 0 for the root and its copies."""
        root = self.roots[key]
        if root is None:
            return None
        return 0.0 if self.original[key] == root else self.family.distance(key, root)

    def preference(self, key: str, parent: str) -> tuple[bool, int, float]:
        """Order parents that nothing else tells apart: declared, named by most others, nearest to the root."""
        to_root = self.to_root(parent)
        declared = self.members[key].declared(parent) is not None
        return (not declared, -self.named_by(parent), 1e9 if to_root is None else to_root)

    def is_known_copy(self, key: str, original: str) -> bool:
        """Return whether something tells which of two models with the same weights is the original, not the key alone.

        Where one of them has no date, neither is known to be the older.
        """
        (*mine, my_date), (*theirs, their_date) = self._originality(key), self._originality(original)
        if mine != theirs:
            return mine > theirs
        return my_date != their_date and float("inf") not in (my_date, their_date)

    def _original(self, key: str) -> str:
        """Choose the original among the models with the same weights; the smaller key where nothing tells it."""
        same = [o for o in self.members if o != key and self.family.pair(key, o).verdict == "same_weights"]
        return min([key, *same], key=lambda each: (*self._originality(each), each))

    def _originality(self, key: str) -> tuple[bool, int, bool, float]:
        """Order models of the same weights.

        The one that others name as parent comes first, then the one that declares parents, then the older.
        """
        member = self.members[key]
        copies = any(
            each.parent in self.members and self.family.pair(key, each.parent).verdict == "same_weights"
            for each in member.declares
            if each.parent != key
        )
        date = member.first_weights.timestamp() if member.first_weights else float("inf")
        return (copies, -self.named_by(key), not member.declares, date)

    def _circles(self) -> dict[str, set[str]]:
        """Map each model to the parents that it declares and that come from it by their own declarations."""
        above = {key: {d.parent for d in m.declares if d.parent != key} for key, m in self.members.items()}
        found: dict[str, set[str]] = {}
        for key, parents in above.items():
            found[key] = set()
            for parent in parents:
                seen, todo = {parent}, [parent]
                while todo:
                    new = above.get(todo.pop(), set()) - seen
                    seen |= new
                    todo += new
                if key in seen:
                    found[key].add(parent)
        return found

    def _roots(self) -> dict[str, str | None]:
        """Map each model to the root of its family: the one that most others declare and that declares none of them.

        Declarations in a circle do not count, such as those of two models that name each other. Of models in a circle
        with equally many that name them none is known to be the root.
        """
        found: dict[str, str | None] = {}
        for group in self._groups():
            plain = [k for k in group if not self.is_copy(k) and not self.members[k].side.is_adapter]
            free = [k for k in plain if not any(self._counts(k, d.parent, group) for d in self.members[k].declares)]
            named = [k for k in free if self.named_by(k)]
            root = max(named, key=lambda k: (self.named_by(k), not self._circular[k], k), default=None)
            equal = {k for k in named if root is not None and self.named_by(k) == self.named_by(root)}
            root = None if root is not None and self._circular[root] and len(equal) > 1 else root
            self.rivals |= {k for k in equal - {root} if not self._circular[k]}
            found.update(dict.fromkeys(group, root))
        return found

    def _counts(self, key: str, parent: str, group: set[str]) -> bool:
        """Return whether a declaration shows that a model comes from another one of its group."""
        return parent in group and parent != key and not self.is_circular(key, parent)

    def _groups(self) -> list[set[str]]:
        """Split the members into sets of related ones."""
        left, groups = set(self.members), []
        while left:
            group, todo = set(), [min(left)]
            while todo:
                key = todo.pop()
                if key in group:
                    continue
                group.add(key)
                todo += [other for other in left if other != key and self.family.related(key, other)]
            groups.append(group)
            left -= group
        return groups
