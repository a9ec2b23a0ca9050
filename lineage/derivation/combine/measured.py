"""What the weights say of a family's edges, as the records that the graph keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage.derivation.family.members import Edge, Kinship
from lineage.derivation.finding import make_evidence
from lineage.derivation.side import Finding
from lineage_schemas.derivation import Derivation
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer
from lineage_schemas.relatedness import Relatedness

MAX_RELATIVES = 10
"""Relatives that a model keeps, the nearest ones: a family of 60 models has 1,770 pairs."""

KEPT_NEUTRAL = ("numeric.cosine", "numeric.merge_fit")
"""Rules whose number is kept with an edge also where it speaks neither for nor against it."""


@dataclass(frozen=True)
class Compared:
    """Name the weights of a model that were compared: its commit and the digest of the files."""

    commit: str
    digest: str


@dataclass(frozen=True)
class MeasuredEdges:
    """Hold all edges of some children, the evidence from weights behind them, and who is related to them."""

    derivations: tuple[Derivation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    related: tuple[Relatedness, ...] = ()


def measured_edges(
    declared: Mapping[str, Sequence[Derivation]],
    edges: Iterable[Edge],
    related: Sequence[Kinship],
    compared: Mapping[str, Compared],
) -> MeasuredEdges:
    """Join what children declare with what was measured.

    `declared` are the declared edges of the children whose edges are wanted; edges of other models of the family are
    left out. A declared edge that was not measured stays as it is. The order of edges makes no difference.
    """
    by_child: defaultdict[str, dict[str, Edge]] = defaultdict(dict)
    for edge in edges:
        if edge.child in declared:
            by_child[edge.child][edge.parent] = edge
    derivations: list[Derivation] = []
    evidence: dict[str, Evidence] = {}
    for child, own in sorted(declared.items()):
        of_parent = {each.parent: each for each in own}
        for parent in sorted({*of_parent, *by_child[child]}):
            measured = by_child[child].get(parent)
            found = _evidence(measured, compared) if measured else []
            evidence.update({each.id: each for each in found})
            derivations.append(_joined(child, parent, of_parent.get(parent), measured, found, compared))
    pairs = [(each, _of_pair(each, compared)) for each in _nearest(related)]
    evidence.update({each.id: each for _, found in pairs for each in found})
    return MeasuredEdges(
        tuple(derivations),
        tuple(evidence[key] for key in sorted(evidence)),
        tuple(_relatedness(each, found, compared) for each, found in pairs),
    )


def _joined(
    child: str, parent: str, declared: Derivation | None, edge: Edge | None, found: Sequence[Evidence],
    compared: Mapping[str, Compared],
) -> Derivation:  # fmt: skip
    """Make one edge of what is declared and what was measured."""
    if edge is None:
        assert declared is not None, "an edge is declared or measured"
        return declared
    ids = tuple(sorted({*(declared.evidence if declared else ()), *(each.id for each in found)}))
    if declared is not None and edge.status == "declared":
        return declared.model_copy(update={"evidence": ids})
    exact = edge.status in ("confirmed", "inferred") and edge.position is None
    known = (declared.parent_revision, declared.child_revision) if declared else (None, compared[child].commit)
    return Derivation(
        child=child,
        parent=parent,
        relation=edge.relation,
        relation_declared=declared.relation_declared if declared else None,
        method=edge.method,
        status=edge.status,
        confidence=edge.confidence,
        parent_revision=known[0] or (compared[parent].commit if exact else None),
        child_revision=known[1],
        evidence=ids,
    )


def _evidence(edge: Edge, compared: Mapping[str, Compared]) -> list[Evidence]:
    """Make the evidence of one edge: what was found about the pair, and where the parent stands in the family."""
    found = [_record(edge.child, edge.parent, each, compared) for each in _deciding(edge.findings)]
    if edge.position is not None:
        supports = {"family.nearest": True, "family.nearer_ancestor": None}.get(edge.position, False)
        fields = {"relation": edge.relation, "method": edge.method} if supports else {}
        found.append(_made(edge.child, edge.parent, compared, rule=edge.position, supports=supports,
                           value=edge.reason, score=_rounded(edge.score), **fields))  # fmt: skip
    return found


def _deciding(findings: Iterable[Finding]) -> list[Finding]:
    """Select the findings that say something about a pair."""
    return [
        each
        for each in findings
        if each.outcome in ("for", "against") or (each.rule in KEPT_NEUTRAL and each.outcome == "neutral")
    ]


def _record(child: str, parent: str, found: Finding, compared: Mapping[str, Compared]) -> Evidence:
    """Make the record of one finding, with its words as the value."""
    supports = {"for": True, "against": False}.get(found.outcome)
    return _made(
        child, parent, compared, rule=found.rule, supports=supports, value=found.detail or None, score=_rounded(found.value),
        tensor=found.place, relation=found.relation, method=found.method,
    )  # fmt: skip


def _rounded(score: float | None) -> float | None:
    """Round to six digits: the last ones depend on the order in which a library adds up."""
    return None if score is None else float(f"{score:.6g}")


def _made(
    child: str, parent: str, compared: Mapping[str, Compared], *, tensor: str | None = None, **fields: object
) -> Evidence:
    return make_evidence(
        child=child,
        parent=parent,
        pointer=Pointer(model=child, revision=compared[child].commit, tensor=tensor),
        child_revision=compared[child].commit,
        parent_revision=compared[parent].commit,
        weights_child=compared[child].digest,
        weights_parent=compared[parent].digest,
        **fields,
    )


def _nearest(related: Sequence[Kinship]) -> list[Kinship]:
    """Select the pairs that are among the nearest relatives of one of the two models."""
    by_model: defaultdict[str, list[Kinship]] = defaultdict(list)
    for each in sorted(related, key=_order):
        by_model[each.model].append(each)
        by_model[each.other].append(each)
    kept = {(each.model, each.other) for own in by_model.values() for each in own[:MAX_RELATIVES]}
    return [each for each in related if (each.model, each.other) in kept]


def _order(each: Kinship) -> tuple[float, str, str]:
    return (float("inf") if each.distance is None else each.distance, each.model, each.other)


def _of_pair(each: Kinship, compared: Mapping[str, Compared]) -> list[Evidence]:
    """Make the evidence that two models are related: the rule with the greatest number for it."""
    shown = [found for found in _deciding(each.pair.findings) if found.outcome == "for" and found.value is not None]
    best = max(shown, key=lambda found: (found.rule == "numeric.cosine", found.value, found.rule), default=None)
    return [_record(each.model, each.other, best, compared)] if best else []


def _relatedness(each: Kinship, found: Sequence[Evidence], compared: Mapping[str, Compared]) -> Relatedness:
    return Relatedness.of_pair(
        {key: compared[key].commit for key in (each.model, each.other)},
        kind=each.kind,
        confidence=each.pair.confidence,
        method=each.pair.method,
        evidence=tuple(one.id for one in found),
    )
