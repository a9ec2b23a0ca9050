"""The members of a family of related models, and how they compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lineage.derivation.family.measurements import Measurements
from lineage.derivation.numeric.mixtures import Fit
from lineage.derivation.pair import Pair
from lineage.derivation.side import Finding, Side
from lineage_schemas.derivation import Method, Relation, Status
from lineage_schemas.relatedness import RelatedKind

RELATED = ("related", "derived", "same_weights")
"""Verdicts of pairs that share weights."""


@dataclass(frozen=True)
class Declared:
    """One declared parent, with what was declared about it."""

    parent: str
    relation: Relation | None = None
    method: Method = "unknown"
    by_publisher: bool = True


@dataclass(frozen=True)
class Member:
    """One model of a family: its present weights, what it declares, and dates where there are any.

    `first_weights` is the date of the first upload, `weights_since` that of the present weights; None for a plain
    folder. `had_others` says that the model had other weights before, which are not compared.
    """

    key: str
    side: Side
    declares: Sequence[Declared] = ()
    first_weights: datetime | None = None
    weights_since: datetime | None = None
    had_others: bool = False

    def declared(self, parent: str) -> Declared | None:
        """Return what is declared about a parent, a relation first; None if it is not declared."""
        found = [each for each in self.declares if each.parent == parent]
        return next((each for each in found if each.relation), found[0] if found else None)


@dataclass(frozen=True)
class Edge:
    """One measured edge with the findings that decided it.

    `position` is the rule that says where the parent stands in the family, `score` its number; None where only the pair
    decides.
    """

    child: str
    parent: str
    relation: Relation | None
    method: Method
    status: Status
    confidence: float | None
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    position: str | None = None
    score: float | None = None


@dataclass(frozen=True)
class Kinship:
    """Two related models of which neither is known to come from the other."""

    model: str
    other: str
    kind: RelatedKind
    distance: float | None
    pair: Pair


@dataclass
class Family:
    """Models that are compared with each other as far as their edges need it."""

    members: Mapping[str, Member]
    measurements: Measurements = field(default_factory=Measurements)

    @classmethod
    def of(cls, members: Iterable[Member], measurements: Measurements | None = None) -> Family:
        """Make a family whose order of members makes no difference."""
        by_key = {member.key: member for member in sorted(members, key=lambda member: member.key)}
        return cls(by_key, measurements or Measurements())

    def pair(self, a: str, b: str) -> Pair:
        """Return the comparison of two models, as if `a` had been named first."""
        return self.measurements.pair(self.members[a].side, self.members[b].side)

    def related(self, a: str, b: str) -> bool:
        """Return whether two models share weights."""
        return self.pair(a, b).verdict in RELATED

    def distance(self, a: str, b: str) -> float | None:
        """Return how far two models are from each other; None where they have no strips in common."""
        return self.measurements.distance(self.members[a].side, self.members[b].side)

    def fit(self, child: str, parents: Sequence[str]) -> Fit | None:
        """Fit a model as a combination of others."""
        return self.measurements.fit(self.members[child].side, [self.members[parent].side for parent in parents])

    def applied(self, merged: str, base: str, adapter: str) -> Finding:
        """Add an adapter to a base, and compare that with a model."""
        return self.measurements.applied(*(self.members[key].side for key in (merged, base, adapter)))
