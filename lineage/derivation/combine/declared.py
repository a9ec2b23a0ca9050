"""From all evidence about a child to its edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lineage_schemas.derivation import METHOD_RELATION, Derivation, Relation
from lineage_schemas.evidence import Evidence

RULE_RANKS = (
    "files.adapter_config", "files.lora_weights", "files.mergekit", "card.base_model_relation", "project.declared",
    "files.gguf", "files.quantize_config", "files.quantization_config", "card.tag", "card.base_model",
    "history.duplicate", "files.name_or_path",
)  # fmt: skip
"""Which rule decides on the relation where several give one: files that name their parents or are an adapter, then what
the publisher declares, then forms from which a relation is inferred, then the Hub's tags and our reading."""

_COMPONENT = len(RULE_RANKS)
_UNRANKED = _COMPONENT + 1

Rank = tuple[int, bool, str, str]


def combine(child: str, evidence: Iterable[Evidence]) -> tuple[Derivation, ...]:
    """Turn all evidence about one child into its edges, one for each parent, in order of parent.

    The order of evidence and repeated evidence make no difference. A parent needs one finding that supports it;
    findings that only report or are against it join its edge and make none. A finding about the child itself, or about
    no model, makes no edge.
    All edges are `declared` and have no confidence while no rule measures weights.
    """
    by_parent: defaultdict[str, dict[str, Evidence]] = defaultdict(dict)
    for finding in evidence:
        if finding.child == child and finding.parent is not None and finding.parent != child:
            by_parent[finding.parent][finding.id] = finding
    return tuple(
        _edge(child, parent, sorted(findings.values(), key=_rank))
        for parent, findings in sorted(by_parent.items())
        if any(finding.supports for finding in findings.values())
    )


def _edge(child: str, parent: str, ranked: list[Evidence]) -> Derivation:
    """Make one edge from the findings about it, the most trusted first."""
    relation = next((finding.relation for finding in ranked if finding.relation), None)
    return Derivation(
        child=child,
        parent=parent,
        relation=relation,
        relation_declared=next((finding.relation for finding in ranked if finding.declared), None),
        method=next((finding.method for finding in ranked if _fits(finding, relation)), "unknown"),
        parent_revision=next((finding.parent_revision for finding in ranked if finding.parent_revision), None),
        child_revision=next((finding.child_revision for finding in ranked if finding.child_revision), None),
        evidence=tuple(sorted(finding.id for finding in ranked)),
    )


def _fits(finding: Evidence, relation: Relation | None) -> bool:
    """Say whether a finding's method fits the edge's relation: `duplicate` does not once files show an adapter.

    A name that is not ours (a quantisation or PEFT method that passes through) fits the relation that the finding
    itself has.
    """
    if finding.method == "unknown":
        return False
    if finding.method in METHOD_RELATION:
        return METHOD_RELATION[finding.method] == relation
    return relation is not None and finding.relation == relation


def _rank(finding: Evidence) -> Rank:
    """Order findings by trust; equal ones by whether the publisher declares it, then by id, so that order is total.

    A tag in the card counts as `base_model_relation` does, and a GGUF file that is an adapter as other adapter weights.
    """
    rule = finding.rule
    if rule == "card.tag" and finding.declared:
        rule = "card.base_model_relation"
    elif rule == "files.gguf" and finding.relation == "adapter":
        rule = "files.lora_weights"
    rank = RULE_RANKS.index(rule) if rule in RULE_RANKS else _UNRANKED
    in_component = rule == "files.adapter_config" and "/" in (finding.pointer.file or "")
    return (_COMPONENT if in_component else rank, not finding.declared, finding.rule, finding.id)
