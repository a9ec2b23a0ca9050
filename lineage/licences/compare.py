"""Which of two licences permits more, and in which terms they differ."""

from __future__ import annotations

from dataclasses import replace

from lineage.licences.lattice import Alternative, Alternatives, Terms, may_be_within, within
from lineage.licences.parse import Licences
from lineage.licences.table import TERMS
from lineage_schemas.licence import LicenceComparison, LicenceRelation, LicenceTerm


def compare(a: Licences, b: Licences) -> LicenceComparison:
    """Say what `b` is relative to `a`: same, narrower, wider, other or unknown, with the terms that differ.

    `narrower` permits less, or demands more, in at least one term and nowhere the reverse. Where a licence of either
    side was not identified, the relation is unknown, even if the other parts of an expression would decide it. Where
    only terms of a known licence are unknown, the relation is known if it is the same for every value of them.
    """
    if not (a.is_known and b.is_known):
        return LicenceComparison(relation="unknown", reason=_unidentified(a, b))
    if a.readings == b.readings:
        return LicenceComparison(relation="same")
    results = [_compared(before, after) for before in a.readings for after in b.readings]
    if len({result.relation for result in results}) > 1:
        reason = "a list of licences does not say whether all of them hold or one may be chosen"
        return LicenceComparison(relation="unknown", terms=results[0].terms, reason=reason)
    return results[0]


def wider_than_ancestor(child: Licences, ancestor: Licences) -> LicenceComparison | None:
    """Compare a child's licence with an ancestor's; None if the child's is not wider in any term.

    The result is `wider` with the terms in which the child's licence permits more or demands less than the
    ancestor's, also where it is narrower in others. It is `unknown` with the reason where this cannot be decided.
    """
    found = compare(ancestor, child)
    wider = tuple(term for term in found.terms if term.relation == "wider")
    if found.relation == "wider" or (wider and found.relation == "other"):
        return LicenceComparison(relation="wider", terms=wider or found.terms)
    if wider and found.relation == "unknown" and len(ancestor.readings) == len(child.readings) == 1:
        return LicenceComparison(relation="wider", terms=wider)
    return found if found.relation == "unknown" else None


def _unidentified(a: Licences, b: Licences) -> str:
    """Say why sides are not known: once if both have the same reason."""
    return "; ".join(dict.fromkeys(side.reason for side in (a, b) if side.reason))


def _compared(a: Alternatives, b: Alternatives) -> LicenceComparison:
    """Compare two readings."""
    relation = _relation(a, b)
    terms = tuple(filter(None, (_term(a, b, index) for index in range(len(TERMS)))))
    if relation in {"narrower", "wider", "other"} and not terms:
        terms = _combined(a, b, relation)
    unknown = [term.term for term in terms if term.relation == "unknown"]
    reason = f"it is not known what the licences say on {', '.join(unknown)}" if relation == "unknown" else None
    return LicenceComparison(relation=relation, terms=terms, reason=reason)


def _relation(a: Alternatives, b: Alternatives) -> LicenceRelation:
    """Compare by what one side permits of the other."""
    narrower, wider = within(b, a), within(a, b)
    if narrower and wider:
        return "same"
    if narrower and not may_be_within(a, b):
        return "narrower"
    if wider and not may_be_within(b, a):
        return "wider"
    if not (may_be_within(a, b) or may_be_within(b, a)):
        return "other"
    return "unknown"


def _term(a: Alternatives, b: Alternatives, index: int) -> LicenceTerm | None:
    """Compare one term alone; None if it is the same."""
    relation = _relation(_only(a, index), _only(b, index))
    if relation == "same":
        return None
    return LicenceTerm(term=TERMS[index], before=_values(a, index), after=_values(b, index), relation=relation)


def _only(alternatives: Alternatives, index: int) -> Alternatives:
    """Keep one term of each alternative; the licences' names stay, for those whose term is unknown."""
    return tuple(
        replace(each, terms=Terms((each.terms.low[index],), (each.terms.high[index],))) for each in alternatives
    )


def _combined(a: Alternatives, b: Alternatives, relation: LicenceRelation) -> tuple[LicenceTerm, ...]:
    """List the terms whose values differ, where no term alone is narrower or wider but their combinations are."""
    return tuple(
        LicenceTerm(term=term, before=_values(a, index), after=_values(b, index), relation=relation)
        for index, term in enumerate(TERMS)
        if _values(a, index) != _values(b, index)
    )


def _values(alternatives: Alternatives, index: int) -> str:
    """Write the values that one term has, the easiest first."""

    def burden(alternative: Alternative) -> tuple[int, int]:
        return alternative.terms.low[index], alternative.terms.high[index]

    return " or ".join(dict.fromkeys(each.terms.value(index) for each in sorted(alternatives, key=burden)))
