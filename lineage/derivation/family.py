"""Who descends from whom in a family of related models: from pairs and declarations to edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from lineage.derivation.members import Declared, Edge, Family, Kinship
from lineage.derivation.numeric.mixtures import MAX_RESIDUAL, MUCH_BETTER, adapter_applied, fitted
from lineage.derivation.numeric.precision import EXACT, NEAR_EXACT
from lineage.derivation.pair import Pair
from lineage.derivation.side import Finding
from lineage_schemas.derivation import METHOD_RELATION, Method, Relation, Status

NEARER = 0.9
"""A nearer ancestor counts only at this share of the declared one's distance: true ones are at 0.52 to 0.58, near twins
at 0.993 to 0.999."""

ON_THE_WAY = 1.25
"""How much longer the way over an ancestor may be than the direct one, in squares: drifts of training are nearly at
right angles, so that it is about one over an ancestor, and more over a sibling."""

MAX_CONFIDENCE_OF_TREE = 0.7
MIN_SHARE = 0.05
"""Share of a merge below which a model is no parent of it."""


def solve(family: Family) -> tuple[list[Edge], list[Kinship]]:
    """Work out the edges of all members; the order of members makes no difference."""
    solver = _Solver(family)
    edges = [edge for key in family.members for edge in solver.edges_of(key)]
    joined = {frozenset((edge.child, edge.parent)) for edge in edges if edge.status != "contradicted"}
    related = [
        Kinship(a, b, solver.kind_of(a, b, edges), family.distance(a, b))
        for a, b in combinations(family.members, 2)
        if frozenset((a, b)) not in joined and family.related(a, b)
    ]
    return sorted(edges, key=lambda edge: (edge.child, edge.parent)), related


class _Solver:
    """Work out the parents of each model: exact rules first, then declarations, dates, and a tree."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.members = family.members
        self.original = self._originals()
        self.roots = self._roots()
        self.exact = {key: self._exact(key) for key in self.members}
        self.plain = {key: self._plain_parent(key) for key in self.members}

    def _named_by(self, key: str) -> int:
        """Count the models that declare this one as their parent."""
        return sum(any(each.parent == key for each in member.declares) for member in self.members.values())

    def _originals(self) -> dict[str, str]:
        """Map each model to the original among those with the same weights.

        The one that others name as parent, then the one that declares parents, then the older, then the smaller key.
        """
        found: dict[str, str] = {}
        for key in self.members:
            same = [key, *(o for o in self.members if o != key and self.family.pair(key, o).verdict == "same_weights")]
            found[key] = min(same, key=self._originality)
        return found

    def _originality(self, key: str) -> tuple[bool, int, bool, float, str]:
        member = self.members[key]
        others = [each.parent for each in member.declares]
        copies = any(
            parent in self.members and self.family.pair(key, parent).verdict == "same_weights" for parent in others
        )
        date = member.first_weights.timestamp() if member.first_weights else 0.0
        return (copies, -self._named_by(key), not member.declares, date, key)

    def is_copy(self, key: str) -> bool:
        """Return whether a model has the weights of another one that is the original."""
        return self.original[key] != key

    def _roots(self) -> dict[str, str | None]:
        """Map each model to the root of its family: the one that most others declare and that declares none of them."""
        found: dict[str, str | None] = {}
        for group in self._groups():
            plain = [k for k in group if not self.is_copy(k) and not self.members[k].side.is_adapter]
            free = [k for k in plain if not any(d.parent in group and d.parent != k for d in self.members[k].declares)]
            named = [k for k in free if self._named_by(k)]
            root = max(named, key=lambda k: (self._named_by(k), k), default=None)
            found.update(dict.fromkeys(group, root))
        return found

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

    def to_root(self, key: str) -> float | None:
        """Return the distance to the root of the family; 0 for the root and its copies."""
        root = self.roots[key]
        if root is None:
            return None
        return 0.0 if self.original[key] == root else self.family.distance(key, root)

    def _exact(self, key: str) -> list[Edge]:
        """Find the parents that exact rules show: a copy's original, what was cast or quantised, pruned, merged."""
        if self.members[key].side.is_adapter:
            return self._base_of(key)
        if self.is_copy(key):
            parent = self.original[key]
            pair = self.family.pair(key, parent)
            return [self._edge(key, parent, None, pair.method, 0.99, pair.findings, "their weights are equal")]
        for rule, least in (("numeric.rounded", EXACT), ("numeric.requantised", NEAR_EXACT), ("numeric.zeros", 0.99)):
            if found := self._best_by(key, rule, least):
                return [found]
        return self._merged(key)

    def _best_by(self, key: str, rule: str, least: float) -> Edge | None:
        """Choose among the models from which a rule says that this one was made: the declared one among equal ones."""
        shown: list[tuple[float, str, Finding]] = []
        for other in self.members:
            if other == key or self.is_copy(other):
                continue
            for each in self.family.pair(key, other).findings:
                if each.rule == rule and each.outcome == "for" and each.direction == "a_from_b":
                    shown.append((each.value or 0.0, other, each))
        best = max((value for value, _, _ in shown), default=0.0)
        if best < least:
            return None
        near = [each for each in shown if each[0] >= best - 0.002]
        value, parent, found = min(near, key=lambda each: (*self._preference(key, each[1]), -each[0], each[1]))
        relation, method = found.relation, found.method
        if self.members[key].side.format == "gguf" and self.members[parent].side.format != "gguf":
            relation, method = "quantized", "gguf"
        return self._edge(key, parent, relation, method, min(0.99, value), (found,), found.detail)

    def _preference(self, key: str, parent: str) -> tuple[bool, int, float]:
        """Order parents that nothing else tells apart: declared, named by most others, nearest to the root."""
        to_root = self.to_root(parent)
        declared = self.members[key].declared(parent) is not None
        return (not declared, -self._named_by(parent), 1e9 if to_root is None else to_root)

    def _merged(self, key: str) -> list[Edge]:
        """Find the parents of a merge: the declared ones if they explain it, else the two that explain it best."""
        child = self.members[key]
        declared = [p for p in dict.fromkeys(d.parent for d in child.declares) if p in self.members and self._plain(p)]
        if self._plain(key) and len(declared) >= 2 and (found := self._fit(key, declared)):
            return found
        if any(self.family.pair(key, other).method == "lora_merge" for other in self.members if other != key):
            return self._lora_merge(key)
        if not self._plain(key):
            return []
        others = [
            o
            for o in self.members
            if o != key and self._plain(o) and not self.is_copy(o) and self.family.related(key, o)
        ]
        best: tuple[float, list[Edge]] | None = None
        for a, b in combinations(others, 2):
            fit = self._fit(key, [a, b])
            residual = min((each.value or 1.0 for edge in fit for each in edge.findings), default=1.0)
            if fit and (best is None or residual < best[0]):
                best = (residual, fit)
        return best[1] if best else []

    def _plain(self, key: str) -> bool:
        side = self.members[key].side
        return not side.is_adapter and side.method is None

    def _fit(self, key: str, parents: Sequence[str]) -> list[Edge]:
        """Return the edges of a merge if these parents explain it."""
        fit = fitted(self.members[key].side, [self.members[parent].side for parent in parents])
        if fit is None or fit.residual > MAX_RESIDUAL or fit.residual > MUCH_BETTER * fit.nearest:
            return []
        if any(not MIN_SHARE <= share <= 1 - MIN_SHARE for share in fit.shares):
            return []  # a parent is a combination of its merge and the other parent too, with a negative share
        total = sum(fit.shares)
        method = "linear" if abs(total - 1) < 0.01 else "slerp" if len(parents) == 2 else "task_arithmetic"
        edges = []
        for parent, share in zip(parents, fit.shares, strict=True):
            detail = f"share {share:.2f}; residual {fit.residual:.4f}, of the nearest parent alone {fit.nearest:.4f}"
            finding = Finding("numeric.merge_fit", "for", fit.residual, detail, "a_from_b", "merge", method)
            edges.append(self._edge(key, parent, "merge", method, 0.95, (finding,), detail))
        return edges

    def _lora_merge(self, key: str) -> list[Edge]:
        """Find base and adapter of a merged LoRA, where a difference of low rank has a direction."""
        for adapter in (k for k, m in self.members.items() if m.side.is_adapter):
            base = self._best_base(key, adapter)
            if base is not None:
                found = adapter_applied(*(self.members[each].side for each in (key, base, adapter)))
                return [
                    self._edge(key, parent, "merge", "lora_merge", 0.95, (found,), found.detail)
                    for parent in (base, adapter)
                ]
        return []

    def _base_of(self, adapter: str) -> list[Edge]:
        """Find the base of an adapter where a model into which it was merged is a member too."""
        for merged in self.members:
            if self.members[merged].side.is_adapter or self.is_copy(merged):
                continue
            base = self._best_base(merged, adapter)
            if base is not None:
                found = adapter_applied(*(self.members[each].side for each in (merged, base, adapter)))
                return [self._edge(adapter, base, "adapter", "lora", 0.95, (found,), found.detail)]
        return []

    def _best_base(self, merged: str, adapter: str) -> str | None:
        """Choose the base that leaves least of a merged adapter, a declared one among near twins; None if none does."""
        left: list[tuple[float, str]] = []
        for base in self.members:
            if base != merged and not self.is_copy(base) and not self.members[base].side.is_adapter:
                found = adapter_applied(*(self.members[each].side for each in (merged, base, adapter)))
                if found.outcome == "for" and found.value is not None:
                    left.append((found.value, base))
        declared = [each for each in left if any(self.members[k].declared(each[1]) for k in (merged, adapter))]
        return min(declared or left, default=(0.0, None))[1]

    def _plain_parent(self, key: str) -> str | None:
        """Find the nearest ancestor of a model that no exact rule explains; None where nothing gives a direction."""
        if self.exact[key] or self.is_copy(key) or not self._plain(key) or self.roots[key] in (None, key):
            return None
        if self._is_merge(key):
            return None
        possible = [
            (distance, other)
            for other in self.members
            if other != key
            and self._may_be_above(key, other)
            and (distance := self.family.distance(key, other)) is not None
        ]
        if not possible:
            return None
        nearest = min(possible)[0]
        near = [other for distance, other in possible if distance * NEARER <= nearest]
        return min(near, key=lambda other: (*self._preference(key, other), other))

    def _may_be_above(self, key: str, other: str) -> bool:
        """Return whether a model can be an ancestor: nearer to the root, on the way to it, plain, no merge."""
        if not self._plain(other) or self.is_copy(other) or not self.family.related(key, other):
            return False
        if self._is_merge(other) and not self.members[key].declared(other):
            return False
        if self._is_below(other, key):
            return False
        mine, theirs, between = self.to_root(key), self.to_root(other), self.family.distance(key, other)
        if mine is None or theirs is None or between is None:
            return False
        dates = (self.members[key].first_weights, self.members[other].first_weights)
        if dates[0] is not None and dates[1] is not None and dates[1] > dates[0]:
            return False
        return theirs < mine and theirs**2 + between**2 <= ON_THE_WAY * mine**2

    def _is_merge(self, key: str) -> bool:
        """Return whether a model was merged: by what explains it, or by what it declares."""
        member = self.members[key]
        several = len({each.parent for each in member.declares}) > 1
        return (
            several
            or any(edge.relation == "merge" for edge in self.exact[key])
            or any(d.relation == "merge" for d in member.declares)
        )

    def _is_below(self, other: str, key: str) -> bool:
        """Return whether exact rules show that `other` was made from `key`, or is a merge, cast or pruned model."""
        if any(edge.parent == key for edge in self.exact[other]):
            return True
        pair = self.family.pair(other, key)
        return pair.direction == "a_from_b" and pair.method in ("vocab_extended", "layer_dropped", "pruned", "stack")

    def edges_of(self, key: str) -> list[Edge]:
        """Combine what rules show about a model with what it declares."""
        found = {edge.parent: edge for edge in self.exact[key]}
        plain = self.plain[key]
        if plain is not None:
            found[plain] = self._inferred(key, plain)
        edges = dict(found)
        declared = list(dict.fromkeys(d.parent for d in self.members[key].declares if d.parent in self.members))
        for parent in declared:
            edges[parent] = self._judged(key, parent, found, alone=len(declared) == 1)
        return list(edges.values())

    def _inferred(self, key: str, parent: str) -> Edge:
        pair = self.family.pair(key, parent)
        method = pair.method if pair.direction == "a_from_b" or pair.method == "partial" else "unknown"
        relation = METHOD_RELATION.get(method) or "finetune"
        reason = f"the nearest of the models on the way to {self.roots[key]}"
        return self._edge(key, parent, relation, method, MAX_CONFIDENCE_OF_TREE, pair.findings, reason)

    def _judged(self, key: str, parent: str, found: Mapping[str, Edge], *, alone: bool) -> Edge:
        """Give a declared edge its status."""
        declared = self.members[key].declared(parent)
        assert declared is not None, "the caller lists declared parents"
        pair = self.family.pair(key, parent)
        if parent in found:
            edge = found[parent]
            return self._with(edge, "confirmed", max(edge.confidence or 0.0, 0.9), declared)
        same = next((e for e in found.values() if self.original[e.parent] == self.original[parent]), None)
        if same is not None:
            edge = Edge(key, parent, same.relation, same.method, "confirmed", 0.9, same.findings, same.reason)
            return self._with(edge, "confirmed", 0.9, declared)
        if self.members[key].side.is_adapter and found:
            return Edge(key, parent, declared.relation, declared.method, "contradicted", 0.95, pair.findings,
                        f"it was made for {next(iter(found))}")  # fmt: skip
        if pair.verdict in ("unclear", "not_comparable"):
            return Edge(key, parent, declared.relation, declared.method, "declared", None, pair.findings, pair.reason)
        if pair.verdict == "unrelated":
            return self._unrelated(key, parent, declared, pair)
        return self._of_relative(key, parent, declared, found, pair, alone=alone)

    def _unrelated(self, key: str, parent: str, declared: Declared, pair: Pair) -> Edge:
        reason = "they share no weights"
        if declared.relation is None:
            return Edge(key, parent, None, declared.method, "declared", None, pair.findings, reason)
        return Edge(key, parent, declared.relation, declared.method, "contradicted", 0.99, pair.findings, reason)

    def _of_relative(
        self, key: str, parent: str, declared: Declared, found: Mapping[str, Edge], pair: Pair, *, alone: bool
    ) -> Edge:
        """Judge a declared parent that is related: direct, an ancestor further up, a sibling, or a descendant."""
        if self._made_from(parent, key):
            return Edge(key, parent, declared.relation, declared.method, "contradicted", 0.95, pair.findings,
                        "it was made from this model")  # fmt: skip
        if not found:
            method = pair.method if pair.direction != "b_from_a" else declared.method
            relation = METHOD_RELATION.get(method) or declared.relation or ("finetune" if self._plain(key) else None)
            return Edge(key, parent, relation, method if method != "unknown" else declared.method, "confirmed", 0.9,
                        pair.findings, "no nearer ancestor is known")  # fmt: skip
        if self._is_explained(found) and not any(self._is_ancestor(parent, each) for each in found):
            return Edge(key, parent, declared.relation, declared.method, "contradicted", 0.9, pair.findings,
                        f"{' and '.join(found)} explain all of its values")  # fmt: skip
        if not alone:
            return Edge(key, parent, declared.relation, declared.method, "declared", None, pair.findings,
                        "one of several declared parents; its share cannot be measured")  # fmt: skip
        nearer = next(iter(found))
        if self._is_ancestor(parent, nearer):
            return Edge(key, parent, declared.relation, declared.method, "indirect", 0.9, pair.findings,
                        f"{nearer} is nearer and comes from it")  # fmt: skip
        return Edge(key, parent, declared.relation, declared.method, "contradicted", 0.9, pair.findings,
                    f"{nearer} is nearer and does not come from it: it is a relative")  # fmt: skip

    def _is_explained(self, found: Mapping[str, Edge]) -> bool:
        """Return whether the found parents explain all values of a merge or adapter."""
        rules = {finding.rule for edge in found.values() for finding in edge.findings}
        return not rules.isdisjoint({"numeric.merge_fit", "numeric.adapter_applied"})

    def _made_from(self, child: str, parent: str) -> bool:
        """Return whether a model was made from another one, by exact rules or by the tree, over any number of steps."""
        return self._is_ancestor(parent, child)

    def _is_ancestor(self, ancestor: str, key: str) -> bool:
        seen, todo = set(), [key]
        while todo:
            each = self.original[todo.pop()]
            if each in seen:
                continue
            seen.add(each)
            above = [edge.parent for edge in self.exact[each]]
            if (plain := self.plain.get(each)) is not None:
                above.append(plain)
            if any(self.original[p] == self.original[ancestor] for p in above):
                return True
            todo += above
        return self.roots[key] == self.original[ancestor] and self.original[key] != self.original[ancestor]

    def _edge(
        self, child: str, parent: str, relation: Relation | None, method: Method, confidence: float,
        findings: Sequence[Finding], reason: str,
    ) -> Edge:  # fmt: skip
        return Edge(child, parent, relation, method, "inferred", confidence, tuple(findings), reason)

    def _with(self, edge: Edge, status: Status, confidence: float, declared: Declared) -> Edge:
        method = edge.method if edge.method != "unknown" else declared.method
        return Edge(edge.child, edge.parent, edge.relation, method, status, confidence, edge.findings, edge.reason)

    def kind_of(self, a: str, b: str, edges: Sequence[Edge]) -> str:
        """Say how two related models without an edge are related."""
        parents = [{self.original[e.parent] for e in edges if e.child == key and e.status in ("confirmed", "inferred")}
                   for key in (a, b)]  # fmt: skip
        if parents[0] & parents[1]:
            return "sibling"
        return "direction_unknown"
