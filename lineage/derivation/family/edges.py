"""Who descends from whom in a family of related models: from pairs and declarations to edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from lineage.derivation.family.exact import ExactParents, inferred
from lineage.derivation.family.members import Declared, Edge, Family, Kinship
from lineage.derivation.family.positions import Positions
from lineage.derivation.family.tree import Tree
from lineage.derivation.numeric.precision import REQUANTISED
from lineage.derivation.pair import Pair
from lineage_schemas.derivation import METHOD_RELATION, Status
from lineage_schemas.relatedness import RelatedKind

NEAREST, NEARER_ANCESTOR = "family.nearest", "family.nearer_ancestor"
RELATIVE, DESCENDANT, OTHERS = "family.relative", "family.descendant", "family.others"

MAX_CONFIDENCE_OF_TREE = 0.7
CONFIRMED, DENIED = 0.9, 0.95


def solve(family: Family) -> tuple[list[Edge], list[Kinship]]:
    """Work out the edges of all members, and who is related without one; the order of members makes no difference."""
    solver = _Solver(family)
    edges = [edge for key in family.members for edge in solver.edges_of(key)]
    return sorted(edges, key=lambda edge: (edge.child, edge.parent)), solver.related(edges)


class _Solver:
    """Work out the parents of each model: exact rules first, then declarations, dates, and a tree."""

    def __init__(self, family: Family) -> None:
        self.family, self.members = family, family.members
        self.at = Positions(family)
        exact = ExactParents(self.at)
        self.exact = {key: exact.of(key) for key in self.members}
        self.tree = Tree(self.at, self.exact)

    def edges_of(self, key: str) -> list[Edge]:
        """Combine what rules show about a model with what it declares."""
        found = {edge.parent: edge for edge in self.exact[key]}
        plain = self.tree.parents[key]
        if plain is not None:
            found[plain] = self._by_tree(key, plain)
        edges = dict(found)
        declared = [d for d in dict.fromkeys(d.parent for d in self.members[key].declares) if d in self.members]
        for parent in declared:
            if parent != key:
                edges[parent] = self._judged(key, parent, found)
        # Of several models with the same weights a declared one is the parent: the others are its copies.
        named = {self.at.original[d] for d in declared if edges.get(d) and edges[d].status == "confirmed"}
        return [e for p, e in edges.items() if p in declared or self.at.original[p] not in named]

    def related(self, edges: Sequence[Edge]) -> list[Kinship]:
        """List the pairs that share weights, without an edge between them and without one descending from the other."""
        joined = {frozenset((edge.child, edge.parent)) for edge in edges if edge.status != "contradicted"}
        lines = self._lines(edges)
        return [
            Kinship(a, b, self._kind(a, b, lines), self.family.distance(a, b), self.family.pair(a, b))
            for a, b in combinations(self.members, 2)
            if frozenset((a, b)) not in joined and self.family.related(a, b)
            if a not in lines[b] and b not in lines[a]
        ]

    def _lines(self, edges: Sequence[Edge]) -> dict[str, dict[str, int]]:
        """List for each model what it is known to come from, with the least number of steps."""
        parents: dict[str, set[str]] = {key: set() for key in self.members}
        for edge in edges:
            if edge.status in ("confirmed", "inferred"):
                parents[edge.child].add(edge.parent)
        lines: dict[str, dict[str, int]] = {}
        for key in self.members:
            found: dict[str, int] = {}
            step, at = 1, parents[key]
            while at := at - found.keys():
                found.update(dict.fromkeys(at, step))
                step, at = step + 1, {parent for each in at for parent in parents[each]}
            lines[key] = found
        return lines

    def _by_tree(self, key: str, parent: str) -> Edge:
        pair = self.family.pair(key, parent)
        method = pair.method if pair.direction == "a_from_b" or pair.method == "partial" else "unknown"
        relation = METHOD_RELATION.get(method) or "finetune"
        reason = f"the nearest of the models on the way to {self.at.roots[key]}"
        edge = inferred(key, parent, relation, method, MAX_CONFIDENCE_OF_TREE, pair.findings, reason)
        return replace(edge, position=NEAREST, score=self.family.distance(key, parent))

    def _judged(self, key: str, parent: str, found: Mapping[str, Edge]) -> Edge:
        """Give a declared edge its status."""
        declared = self.members[key].declared(parent)
        assert declared is not None, "the caller lists declared parents"
        if parent in found:
            return _confirmed(found[parent], declared)
        same = next((e for e in found.values() if self.at.original[e.parent] == self.at.original[parent]), None)
        if same is not None:
            return replace(_confirmed(same, declared), parent=parent, confidence=CONFIRMED)
        pair = self.family.pair(key, parent)
        edge = Edge(key, parent, declared.relation, declared.method, "declared", None, pair.findings)
        if self.members[key].side.is_adapter and found:
            denied = _with(edge, "contradicted", DENIED, f"it was made for {next(iter(found))}", OTHERS)
        elif pair.verdict in ("unclear", "not_comparable"):
            return replace(edge, reason=pair.reason)
        elif pair.verdict == "unrelated":
            denied = self._unrelated(edge)
        else:
            denied = self._of_relative(edge, declared, found, pair)
        return self._unless_moved(denied, edge)

    def _unrelated(self, edge: Edge) -> Edge:
        """Deny a declared parent that shares no weights; without a relation distillation is possible."""
        reason = "they share no weights"
        return replace(edge, reason=reason) if edge.relation is None else _with(edge, "contradicted", 0.99, reason)

    def _unless_moved(self, judged: Edge, unjudged: Edge) -> Edge:
        """Leave a declared edge open where the parent's earlier weights, which were not compared, may be meant."""
        if judged.status not in ("contradicted", "indirect"):
            return judged
        child, parent = self.members[judged.child], self.members[judged.parent]
        before = child.first_weights is not None and parent.weights_since is not None
        if not parent.had_others or (before and parent.weights_since <= child.first_weights):  # type: ignore[operator]
            return judged
        reason = f"the weights of {judged.parent} changed, and its earlier ones were not compared: {judged.reason}"
        return replace(unjudged, reason=reason)

    def _of_relative(self, edge: Edge, declared: Declared, found: Mapping[str, Edge], pair: Pair) -> Edge:
        """Judge a declared parent that is related: direct, an ancestor further up, a sibling, or a descendant."""
        key, parent = edge.child, edge.parent
        if self.tree.is_ancestor(key, parent) or any(each.parent == key for each in self.exact[parent]):
            return _with(edge, "contradicted", DENIED, "it was made from this model", DESCENDANT)
        several = len({each.parent for each in self.members[key].declares}) > 1 or declared.relation == "merge"
        if not found and several:
            return replace(edge, reason="one of several declared parents; its share cannot be measured")
        if not found:
            return self._direct(edge, declared, pair)
        if _is_explained(found) and not any(self.tree.is_ancestor(parent, each) for each in found):
            return _with(edge, "contradicted", 0.9, f"{' and '.join(found)} explain all of its values", OTHERS)
        if several:
            return replace(edge, reason="one of several declared parents; its share cannot be measured")
        nearer = next(iter(found))
        near, far = self.family.distance(key, nearer), self.family.distance(key, parent)
        score = near / far if near is not None and far else None
        if self.tree.is_ancestor(parent, nearer):
            return _with(edge, "indirect", 0.9, f"{nearer} is nearer and comes from it", NEARER_ANCESTOR, score)
        reason = f"{nearer} is nearer and does not come from it: it is a relative"
        return _with(edge, "contradicted", 0.9, reason, RELATIVE, score)

    def _direct(self, edge: Edge, declared: Declared, pair: Pair) -> Edge:
        """Confirm a declared parent where no nearer ancestor is known, and the codes of a quantised model allow it."""
        if (open_codes := _missing_codes(pair)) is not None:
            return replace(edge, reason=open_codes)
        if pair.direction != "a_from_b" and self.at.is_circular(edge.child, edge.parent):
            older = self._older(edge.child, edge.parent)
            if older == edge.child:
                return _with(edge, "contradicted", DENIED, "it is older, and named as the parent too", DESCENDANT)
            if older is None:
                return replace(edge, reason="each is declared to come from the other, and nothing tells which does")
        method = pair.method if pair.direction != "b_from_a" else declared.method
        relation = METHOD_RELATION.get(method) or declared.relation
        plain = self.at.is_plain(edge.child)
        if plain and (relation is None or (method == "unknown" and relation in ("quantized", "adapter"))):
            relation = "finetune"
        method = method if method != "unknown" else declared.method
        if METHOD_RELATION.get(method, relation) != relation:
            method = "unknown"
        edge = replace(edge, relation=relation, method=method)
        far = self.family.distance(edge.child, edge.parent)
        return _with(edge, "confirmed", CONFIRMED, "no nearer ancestor is known", NEAREST, far)

    def _older(self, a: str, b: str) -> str | None:
        """Return which of two models had its first weights earlier; None where a date is missing or they are equal."""
        dates = [self.members[key].first_weights for key in (a, b)]
        if dates[0] is None or dates[1] is None or dates[0] == dates[1]:
            return None
        return a if dates[0] < dates[1] else b

    def _kind(self, a: str, b: str, lines: Mapping[str, Mapping[str, int]]) -> RelatedKind:
        """Say how two related models are related of which neither descends from the other."""
        original = self.at.original
        above = [{original[each] for each in lines[key]} for key in (a, b)]
        if original[a] != original[b]:  # a copy of what the other one comes from
            above = [own | {original[key]} for own, key in zip(above, (a, b), strict=True)]
        if not above[0] & above[1]:
            return "direction_unknown"
        parents = [{original[each] for each, steps in lines[key].items() if steps == 1} for key in (a, b)]
        if not parents[0] & parents[1]:
            return "sibling"
        between = self.family.distance(a, b)
        to_parents = [self.family.distance(key, p) for key, own in ((a, parents[0]), (b, parents[1])) for p in own]
        known = [each for each in to_parents if each is not None]
        return "near_twin" if between is not None and known and between < min(known) else "sibling"


def _confirmed(edge: Edge, declared: Declared) -> Edge:
    """Confirm a measured edge that is declared too."""
    method = edge.method if edge.method != "unknown" else declared.method
    if METHOD_RELATION.get(method, edge.relation) != edge.relation:
        method = "unknown"
    return replace(edge, method=method, status="confirmed", confidence=max(edge.confidence or 0.0, CONFIRMED))


def _missing_codes(pair: Pair) -> str | None:
    """Return why a quantised child may be that of a relative of its declared parent; None where nothing says so.

    Fewer codes return than from the parent of the format. A format that was not measured gives no direction.
    """
    found = next((each for each in pair.findings if each.rule == REQUANTISED and each.direction == "a_from_b"), None)
    return found.detail if found is not None and found.outcome in ("against", "unchecked") else None


def _with(
    edge: Edge, status: Status, confidence: float, reason: str, position: str | None = None, score: float | None = None
) -> Edge:
    return replace(edge, status=status, confidence=confidence, reason=reason, position=position, score=score)


def _is_explained(found: Mapping[str, Edge]) -> bool:
    """Return whether the found parents explain all values of a merge or adapter."""
    rules = {finding.rule for edge in found.values() for finding in edge.findings}
    return not rules.isdisjoint({"numeric.merge_fit", "numeric.adapter_applied"})
