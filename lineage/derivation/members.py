"""The members of a family of related models, with all their pairs compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations

from lineage.derivation.numeric.differences import spread_distance
from lineage.derivation.pair import Pair, compare_pair
from lineage.derivation.side import Finding, Side
from lineage_schemas.derivation import Method, Relation, Status


@dataclass(frozen=True)
class Declared:
    """One declared parent, with what was declared about it."""

    parent: str
    relation: Relation | None = None
    method: Method = "unknown"
    by_publisher: bool = True


@dataclass(frozen=True)
class Member:
    """One model of a family: its weights, what it declares, and the date of its first weights where there is one."""

    key: str
    side: Side
    declares: Sequence[Declared] = ()
    first_weights: datetime | None = None

    def declared(self, parent: str) -> Declared | None:
        """Return what is declared about a parent, a relation first; None if it is not declared."""
        found = [each for each in self.declares if each.parent == parent]
        return next((each for each in found if each.relation), found[0] if found else None)


@dataclass(frozen=True)
class Edge:
    """One measured edge with the findings that decided it."""

    child: str
    parent: str
    relation: Relation | None
    method: Method
    status: Status
    confidence: float | None
    findings: tuple[Finding, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Kinship:
    """Two related models of which neither is known to come from the other."""

    model: str
    other: str
    kind: str
    distance: float | None


@dataclass
class Family:
    """Models with all their pairs compared. `edges` and `related` are worked out from it."""

    members: Mapping[str, Member]
    pairs: Mapping[tuple[str, str], Pair]
    _distances: dict[tuple[str, str], float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Iterable[Member]) -> Family:
        """Compare every model with every other one."""
        by_key = {member.key: member for member in sorted(members, key=lambda member: member.key)}
        pairs = {(a, b): compare_pair(by_key[a].side, by_key[b].side) for a, b in combinations(by_key, 2)}
        return cls(by_key, pairs)

    def pair(self, a: str, b: str) -> Pair:
        """Return the comparison of two models, as if `a` had been named first."""
        return self.pairs[a, b] if a < b else self.pairs[b, a].turned

    def related(self, a: str, b: str) -> bool:
        """Return whether two models share weights."""
        return self.pair(a, b).verdict in ("related", "derived", "same_weights")

    def distance(self, a: str, b: str) -> float | None:
        """Return how far two models are from each other; None where they have no strips in common."""
        key = (min(a, b), max(a, b))
        if key not in self._distances:
            self._distances[key] = spread_distance(self.members[key[0]].side, self.members[key[1]].side)
        return self._distances[key]
