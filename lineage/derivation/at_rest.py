"""Which stored evidence about a model counts for its edges now: that about its present files and weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from lineage.derivation.next_version import NEXT_VERSION_RULES
from lineage.rules.evidence import EVIDENCE_RULES
from lineage_schemas.evidence import Evidence

DECLARED_RULES = frozenset(rule.id for rule in EVIDENCE_RULES)
"""Rules that a reading of a model applies to all its files, so that a later reading replaces what they found."""


@dataclass(frozen=True)
class PresentState:
    """Hold what is known of a model now.

    `head` is the commit that was read last, `weights` the files digests of the weights at that commit, `declarations`
    the ids of the evidence that this reading found; None if they were not recorded, as by schema 1.
    """

    head: str | None
    weights: Collection[str] = ()
    declarations: Collection[str] | None = field(default=None)


def counting(evidence: Iterable[Evidence], state: PresentState) -> Iterator[Evidence]:
    """Select the evidence about the present state of a child.

    Evidence from weights counts as long as the child has these weights, whatever its head is; weights of the parent may
    have been replaced since, which does not change where the child's come from. Other evidence counts at the head at
    which it was found. If a later reading of the same head did not find it again (the Hub gave another answer about a
    parent, say), it stays stored and does not count. Evidence about versions is not about descent.
    """
    for each in evidence:
        if each.rule in NEXT_VERSION_RULES:
            continue
        if each.weights_child is not None:
            counts = each.weights_child in state.weights
        else:
            replaced = state.declarations is not None and each.rule in DECLARED_RULES
            counts = each.child_revision == state.head and (not replaced or each.id in (state.declarations or ()))
        if counts:
            yield each
