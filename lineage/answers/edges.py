"""Edges as answers show them: their evidence, what decided, what is wrong with them, and relatives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lineage.answers.built_on import WeightDates, declared_revisions
from lineage.answers.descent_findings import UNKNOWN, about_edges, decided_by, is_foreign
from lineage.query.walk import status_of
from lineage.rules.measured import is_measured
from lineage_schemas.answers.trace import RelatedPair, TracedDerivation, TracedEvidence, UnrelatedPair
from lineage_schemas.ids import shown_id
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.answers.descent_findings import BuiltOn
    from lineage.store.graph import Direction, EdgeRow
    from lineage.store.interface import StoreView
    from lineage_schemas.answers.finding import Finding


class EdgeWriter:
    """Turn edges of one view into records, with ids as a Hub shows them."""

    def __init__(self, view: StoreView, hub: str) -> None:
        self._view, self._hub = view, hub

    def derivations(self, edges: Iterable[EdgeRow]) -> tuple[TracedDerivation, ...]:
        """Make the records of edges by child and then parent, with the evidence of all of them fetched at once."""
        rows = sorted(edges, key=lambda edge: (self._shown(edge.source), self._shown(edge.target)))
        found = self._evidence_of(rows)
        return tuple(self._derivation(row, found) for row in rows)

    def findings(
        self, rows: Sequence[EdgeRow], edges: Sequence[TracedDerivation], nodes: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[Finding]:
        """Find what the weights and the dates say against some edges, given as rows and as records."""
        by_ends = {(self._shown(row.source), self._shown(row.target)): row for row in rows}
        dates = WeightDates(self._view, {end for row in rows for end in (row.source, row.target)}, nodes)
        declared = declared_revisions(rows, self._evidence_of(rows))

        def base(edge: TracedDerivation) -> BuiltOn:
            row = by_ends[edge.child, edge.parent]
            if not dates.of[row.target].counting:
                return UNKNOWN
            return dates.built_on(row, declared.get((row.source, row.target)))

        yield from about_edges(edges, {self._shown(key): known for key, known in dates.of.items()}, base)

    def related(self, models: Sequence[str], rows: Iterable[EdgeRow]) -> tuple[RelatedPair, ...]:
        """List the relatives of some models, the most similar first, without those that they descend from by `rows`."""
        joined = {end for row in rows if status_of(row) != "contradicted" for end in (row.source, row.target)}
        related = {
            (row.source, row.target): row
            for direction in _BOTH
            for row in self._view.edges("RELATED_TO", models, direction)
            if not {row.source, row.target} <= joined
        }
        found = self._evidence_of(related.values())
        pairs = [self._pair(row, models, found) for row in related.values()]
        return tuple(sorted(pairs, key=lambda each: (-(each.score or 0.0), each.a, each.b)))

    def _pair(self, row: EdgeRow, models: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> RelatedPair:
        a, b = (row.source, row.target) if row.source in models else (row.target, row.source)
        shown = [found[key] for key in row.properties.get("evidence") or () if key in found]
        best = max(shown, key=lambda each: (each.get("score") is not None, each["rule"]), default={})
        return RelatedPair(
            a=self._shown(a),
            b=self._shown(b),
            confidence=row.properties.get("confidence"),
            kind=row.properties.get("kind") or "direction_unknown",
            rule=best.get("rule"),
            score=best.get("score"),
        )

    def _evidence_of(self, rows: Iterable[EdgeRow]) -> dict[str, dict[str, Any]]:
        keys = {key for row in rows for key in row.properties.get("evidence") or ()}
        return self._view.nodes("Evidence", keys) if keys else {}

    def _derivation(self, row: EdgeRow, found: Mapping[str, Mapping[str, Any]]) -> TracedDerivation:
        evidence = [self._evidence(key, found[key]) for key in row.properties.get("evidence") or () if key in found]
        edge = TracedDerivation(
            child=self._shown(row.source),
            parent=self._shown(row.target),
            **{
                name: default if (value := row.properties.get(name)) is None else value
                for name, default in _EDGE_FIELDS.items()
            },
            evidence=tuple(sorted(evidence, key=lambda each: (each.rule, each.id))),
        )
        decided = decided_by(edge)
        return edge if decided is None else edge.model_copy(update={"decided_by": decided})

    def _evidence(self, key: str, node: Mapping[str, Any]) -> TracedEvidence:
        value = node.get("value")
        if value and is_measured(node["rule"]):  # our own words, in which models have their keys
            value = value.replace(f"{self._hub}:", "")
        pointer = node["pointer"]
        return TracedEvidence(
            id=key,
            rule=node["rule"],
            supports=node.get("supports"),
            pointer=Pointer(**{**pointer, "model": self._shown(pointer["model"])}),
            value=value,
            score=node.get("score"),
        )

    def _shown(self, key: str) -> str:
        return shown_id(key, self._hub)


def foreign_pairs(edges: Collection[TracedDerivation]) -> tuple[UnrelatedPair, ...]:
    """List the declared parents whose weights were compared and are foreign."""
    return tuple(
        UnrelatedPair(child=edge.child, parent=edge.parent, status=edge.status, decided_by=edge.decided_by)
        for edge in edges
        if edge.decided_by is not None and is_foreign(edge)
    )


_BOTH: tuple[Direction, ...] = ("out", "in")

_EDGE_FIELDS: dict[str, str | None] = {
    "relation": None, "relation_declared": None, "method": "unknown", "status": "declared", "confidence": None,
    "parent_revision": None, "child_revision": None,
}  # fmt: skip
"""The fields of an edge, each with its default if a row lacks it."""
