"""Parents that exact rules show: of a copy, of what was cast, quantised or pruned, of a merge, of an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from lineage.derivation.family.members import Edge
from lineage.derivation.family.positions import Positions
from lineage.derivation.numeric.mixtures import MAX_RESIDUAL, MUCH_BETTER
from lineage.derivation.numeric.precision import EXACT, NEAR_EXACT
from lineage.derivation.side import Finding
from lineage_schemas.derivation import Method, Relation

MIN_SHARE = 0.05
"""Share of a merge below which a model is no parent of it."""

NEAREST = 10
"""Relatives among which the two parents of an undeclared merge are sought: its parents are its nearest ones, with the
near twins and other children of each."""

_BY_ONE = (("numeric.rounded", EXACT), ("numeric.requantised", NEAR_EXACT), ("numeric.zeros", 0.99))


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
        near = [each for each in shown if each[0] >= best - 0.002]
        value, parent, found = min(near, key=lambda each: (*self._at.preference(key, each[1]), -each[0], each[1]))
        relation, method = found.relation, found.method
        if self._members[key].side.format == "gguf" and self._members[parent].side.format != "gguf":
            relation, method = "quantized", "gguf"
        return inferred(key, parent, relation, method, min(0.99, value), (found,), found.detail)

    def _merged(self, key: str) -> list[Edge]:
        """Find the parents of a merge: the declared ones if they explain it, else the two that explain it best."""
        at, declares = self._at, self._members[key].declares
        declared = [p for p in dict.fromkeys(d.parent for d in declares) if p in self._members and at.is_plain(p)]
        if at.is_plain(key) and len(declared) >= 2 and (found := self._fit(key, declared)):
            return found
        if any(self._family.pair(key, other).method == "lora_merge" for other in self._members if other != key):
            return self._lora_merge(key)
        if not at.is_plain(key):
            return []
        best: tuple[float, list[Edge]] | None = None
        for a, b in combinations(self._nearest(key), 2):
            fit = self._fit(key, [a, b])
            residual = min((each.value or 1.0 for edge in fit for each in edge.findings), default=1.0)
            if fit and (best is None or residual < best[0]):
                best = (residual, fit)
        return best[1] if best else []

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
        """Return the edges of a merge if these parents explain it."""
        fit = self._family.fit(key, parents)
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
            edges.append(inferred(key, parent, "merge", method, 0.95, (finding,), detail))
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
