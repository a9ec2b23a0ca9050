"""Parents that exact rules show: of a copy, of what was cast, quantised or pruned, of a merge, of an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from lineage.derivation.family.members import Edge
from lineage.derivation.family.positions import Positions
from lineage.derivation.numeric.formats import EXACT, NEAR_EXACT
from lineage.derivation.numeric.mixtures import MAX_RESIDUAL, MUCH_BETTER, Fit, goes_further
from lineage.derivation.numeric.precision import REQUANTISED
from lineage.derivation.side import Finding
from lineage_schemas.derivation import Method, Relation

MIN_SHARE = 0.05
"""Share of a merge below which a model is no parent of it."""

NEAREST = 10
"""Relatives among which the two parents of an undeclared merge are sought: its parents are its nearest ones, with the
near twins and other children of each."""

MAX_PARENTS = 4
"""Parents of an undeclared merge that are sought."""

MUCH_BETTER_BY_MANY = 0.2
"""What three or four undeclared parents may leave of the distance to the nearest one: their merge leaves less than 0.1,
a base that is the mean of four fine-tunes 0.5."""

SOME_BETTER = 0.9
"""What the best two relatives must leave at most before a third is sought: those of a fine-tune leave nearly all, two
of the four parents of a merge 0.8."""

AS_A_MERGE, OPEN = 0.95, 0.7
"""Confidence of a merge that its parents explain, and of an edge where the values do not tell which model was the
parent: a merge that may be a part of one of its parents, a quantisation of one of several near-twins."""

_BY_ONE = (("numeric.rounded", EXACT), (REQUANTISED, NEAR_EXACT), ("numeric.zeros", 0.99))

TWINS = 0.002
"""What the shares of a parent and its near-twins differ by at most: nothing but the cards tells them apart."""


class ExactParents:
    """Find the parents of each member that rules with a direction show."""

    def __init__(self, positions: Positions) -> None:
        self._at, self._family, self._members = positions, positions.family, positions.members

    def of(self, key: str) -> list[Edge]:
        """Return the edges of one model to such parents; nothing where no exact rule explains it."""
        if self._members[key].side.is_adapter:
            return self._base_of(key)
        if self._at.is_copy(key):
            parent = self._at.original[key]
            if not self._at.is_known_copy(key, parent):
                return []
            pair = self._family.pair(key, parent)
            return [inferred(key, parent, None, pair.method, 0.99, pair.findings, "their weights are equal")]
        for rule, least in _BY_ONE:
            if found := self._best_by(key, rule, least):
                return [found]
        return self._merged(key)

    def _best_by(self, key: str, rule: str, least: float) -> Edge | None:
        """Choose among the models from which a rule says that this one was made: the declared one among equal ones."""
        shown: list[tuple[float, str, Finding]] = []
        for other in self._members:
            if other == key or self._at.is_copy(other):
                continue
            for each in self._family.pair(key, other).findings:
                if each.rule == rule and each.outcome == "for" and each.direction == "a_from_b":
                    shown.append((each.value or 0.0, other, each))
        best = max((value for value, _, _ in shown), default=0.0)
        if best < least:
            return None
        near = [each for each in shown if each[0] >= best - TWINS]
        value, parent, found = min(near, key=lambda each: (*self._at.preference(key, each[1]), -each[0], each[1]))
        relation, method = found.relation, found.method
        if self._members[key].side.format == "gguf" and self._members[parent].side.format != "gguf":
            relation, method = "quantized", "gguf"
        twins = sorted(other for _, other, _ in near if other != parent)
        if rule != REQUANTISED or not twins:
            return inferred(key, parent, relation, method, min(0.99, value), (found,), found.detail)
        reason = f"{found.detail}; from {' and '.join(twins)} too, which the codes do not tell apart"
        return inferred(key, parent, relation, method, OPEN, (replace(found, detail=reason),), reason)

    def _merged(self, key: str) -> list[Edge]:
        """Find the parents of a merge: the declared ones if they explain it, else those that explain it best."""
        at, declares = self._at, self._members[key].declares
        declared = [p for p in dict.fromkeys(d.parent for d in declares) if p in self._members and at.is_plain(p)]
        if at.is_plain(key) and len(declared) >= 2 and (found := self._fit(key, declared)):
            return found
        if any(self._family.pair(key, other).method == "lora_merge" for other in self._members if other != key):
            return self._lora_merge(key)
        return self._undeclared(key) if at.is_plain(key) else []

    def _undeclared(self, key: str) -> list[Edge]:
        """Find the two relatives that explain a merge best; where no two do, three or four.

        A base is nearly the mean of many fine-tunes of it, which leaves one part in the square root of their number:
        a third and a fourth parent must leave much less.
        """
        near = self._nearest(key)
        tried = [pair for pair in combinations(near, 2) if not self._is_on_a_line(key, pair)]
        fits = [(fit.residual, pair, fit) for pair in tried if (fit := self._family.fit(key, pair)) is not None]
        explained = [each for each in fits if self._explains(key, each[1], each[2], MUCH_BETTER)]
        if explained:
            made_last = {each[1]: self._is_made_last(key, each[1]) for each in explained}
            merges = [each for each in explained if made_last[each[1]] is not False]
            if not merges:
                return []
            _, pair, fit = min(merges)
            return self._merge_edges(key, pair, fit, AS_A_MERGE if made_last[pair] else OPEN)
        best = min(fits, default=None)
        return self._by_many(key, near) if best and best[2].residual <= SOME_BETTER * best[2].nearest else []

    def _by_many(self, key: str, near: Sequence[str]) -> list[Edge]:
        """Find three or four relatives that explain a merge: those that keep a share if all of them are fitted."""
        parents, fit = tuple(near), self._family.fit(key, near)
        while fit is not None and fit.residual <= min(MAX_RESIDUAL, MUCH_BETTER_BY_MANY * fit.nearest):
            least, parent = min(zip(fit.shares, parents, strict=True), key=lambda each: (abs(each[0]), each[1]))
            if abs(least) >= MIN_SHARE or len(parents) == 2:
                explained = 2 < len(parents) <= MAX_PARENTS and self._explains(key, parents, fit, MUCH_BETTER_BY_MANY)
                return self._merge_edges(key, parents, fit) if explained else []
            parents = tuple(each for each in parents if each != parent)
            fit = self._family.fit(key, parents)
        return []

    def _is_on_a_line(self, key: str, pair: tuple[str, str]) -> bool:
        """Return whether one of two models declares the other and this model: then it was made from them.

        All three lie on one line, as where a merge goes further than its second parent: 1.3 tuned - 0.3 base.
        """
        declared = [{d.parent for d in self._members[each].declares} for each in pair]
        return {key, pair[1]} <= declared[0] or {key, pair[0]} <= declared[1]

    def _is_made_last(self, key: str, pair: tuple[str, str]) -> bool | None:
        """Return whether a model is the merge of two others, and not the part of a merge that goes further than it.

        Three models on a line do not show which was made last, unless their rounding does. Models are extrapolated
        from a base, so that this is open only where a card names one of the three as the parent of another one. None
        where it stays open.
        """
        sides = [self._members[each].side for each in pair]
        own = self._members[key].side
        further = [goes_further(outer, own, other) for outer, other in (sides, reversed(sides))]
        if True in further:
            return False
        declared = {d.parent for d in self._members[key].declares}
        if None not in further or not (declared & {*pair} or self._is_declared_in(pair)):
            return True
        single = len(declared) == 1 and self._members[key].declares[0].relation not in (None, "merge")
        return False if single and declared <= {*pair} else None

    def _is_declared_in(self, pair: tuple[str, str]) -> bool:
        """Return whether one of two models names the other one as its parent."""
        return any(self._members[a].declared(b) is not None for a, b in (pair, pair[::-1]))

    def _nearest(self, key: str) -> list[str]:
        """List the nearest plain relatives of a model."""
        found = [
            (distance, other)
            for other in self._members
            if other != key and self._at.is_plain(other) and not self._at.is_copy(other)
            if self._family.related(key, other) and (distance := self._family.distance(key, other)) is not None
        ]
        return [other for _, other in sorted(found)[:NEAREST]]

    def _fit(self, key: str, parents: Sequence[str]) -> list[Edge]:
        """Return the edges of a merge if its declared parents explain it."""
        fit = self._family.fit(key, parents)
        explained = fit is not None and self._explains(key, parents, fit, MUCH_BETTER)
        return self._merge_edges(key, parents, fit) if fit is not None and explained else []

    def _explains(self, key: str, parents: Sequence[str], fit: Fit, better: float) -> bool:
        """Return whether models explain all values of another one, each with a share of its own.

        A share below zero is that of the base from which task vectors were taken: the other declared parents declare
        it. Otherwise a parent is a combination of its merge and the other parent too, with such a share.
        """
        if fit.residual > MAX_RESIDUAL or fit.residual > better * fit.nearest:
            return False
        if all(MIN_SHARE <= share <= 1 - MIN_SHARE for share in fit.shares):
            return True
        base = [parent for parent, share in zip(parents, fit.shares, strict=True) if share <= -MIN_SHARE]
        others = [parent for parent in parents if parent not in base]
        return (
            len(base) == 1
            and all(abs(share) >= MIN_SHARE for share in fit.shares)
            and all(self._members[key].declared(parent) is not None for parent in parents)
            and all(self._members[other].declared(base[0]) is not None for other in others)
        )

    def _merge_edges(self, key: str, parents: Sequence[str], fit: Fit, confidence: float = AS_A_MERGE) -> list[Edge]:
        """Make the edges of a merge, each with its share."""
        total, negative = sum(fit.shares), min(fit.shares) < 0
        method: Method = "linear" if abs(total - 1) < 0.01 else "slerp" if len(parents) == 2 else "task_arithmetic"
        method = "task_arithmetic" if negative else method
        edges = []
        for parent, share in zip(parents, fit.shares, strict=True):
            detail = f"share {share:.2f}; residual {fit.residual:.4f}, of the nearest parent alone {fit.nearest:.4f}"
            finding = Finding("numeric.merge_fit", "for", fit.residual, detail, "a_from_b", "merge", method)
            edges.append(inferred(key, parent, "merge", method, confidence, (finding,), detail))
        return edges

    def _lora_merge(self, key: str) -> list[Edge]:
        """Find base and adapter of a merged LoRA, where a difference of low rank has a direction."""
        for adapter in (k for k, m in self._members.items() if m.side.is_adapter):
            base = self._best_base(key, adapter)
            if base is not None:
                found = self._family.applied(key, base, adapter)
                return [
                    inferred(key, parent, "merge", "lora_merge", 0.95, (found,), found.detail)
                    for parent in (base, adapter)
                ]
        return []

    def _base_of(self, adapter: str) -> list[Edge]:
        """Find the base of an adapter where a model into which it was merged is a member too."""
        for merged in self._members:
            if self._members[merged].side.is_adapter or self._at.is_copy(merged):
                continue
            base = self._best_base(merged, adapter)
            if base is not None:
                found = self._family.applied(merged, base, adapter)
                return [inferred(adapter, base, "adapter", "lora", 0.95, (found,), found.detail)]
        return []

    def _best_base(self, merged: str, adapter: str) -> str | None:
        """Choose the base that leaves least of a merged adapter, a declared one among near twins; None if none does."""
        left: list[tuple[float, str]] = []
        for base in self._members:
            if base != merged and not self._at.is_copy(base) and not self._members[base].side.is_adapter:
                found = self._family.applied(merged, base, adapter)
                if found.outcome == "for" and found.value is not None:
                    left.append((found.value, base))
        declared = [each for each in left if any(self._members[k].declared(each[1]) for k in (merged, adapter))]
        return min(declared or left, default=(0.0, None))[1]


def inferred(
    child: str, parent: str, relation: Relation | None, method: Method, confidence: float,
    findings: Sequence[Finding], reason: str,
) -> Edge:  # fmt: skip
    """Make an edge that was measured; whether it is declared too is looked at later."""
    return Edge(child, parent, relation, method, "inferred", confidence, tuple(findings), reason)
