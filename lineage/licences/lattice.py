"""The order of licences: how much their terms demand, and what choosing one of them or obeying all of them comes to.

A term has a **burden**: 0 if it leaves the user free, 1 if it restricts the user on a condition, 2 if always. For
`user_threshold` the burden is larger, the fewer users are free. The burden of a term that is unknown lies between the
smallest and the largest. A licence is a vector of burdens. `AND` takes the larger burden of each term, because all
licences have to be obeyed; `OR` keeps both vectors, because one may be chosen.

A set of vectors is *within* another if each of its vectors has one in the other that demands at most as much of every
term: then everything that the first set permits, the second permits too. This is a preorder, so that narrower is
transitive, and `AND` is never wider and `OR` never narrower than its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_USERS = 10**12
"""More users than there are; a threshold's burden is this number minus the threshold."""

_PERMISSIONS = 2
"""How many terms at the beginning of the table are permissions; the others are duties."""

_BURDENS = {"yes": 2, "conditional": 1, "no": 0}

MAX_ALTERNATIVES = 256
"""Alternatives that an expression may have; only terms that are unknown, or a hostile expression, make so many."""


class TooManyAlternativesError(ValueError):
    """Report an expression with more alternatives than are compared."""


@dataclass(frozen=True)
class Terms:
    """Hold the smallest and the largest burden of each term; they differ where a term is unknown."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    @classmethod
    def of(cls, values: tuple[str, ...]) -> Terms:
        """Make terms of the values of a row; the last one is the threshold."""
        bounds = [_bounds(value, index) for index, value in enumerate(values[:-1])]
        bounds.append(_threshold(values[-1]))
        return cls(tuple(low for low, _ in bounds), tuple(high for _, high in bounds))

    def both(self, other: Terms) -> Terms:
        """Return the terms of obeying both licences."""
        return Terms(tuple(map(max, self.low, other.low)), tuple(map(max, self.high, other.high)))

    def relaxed(self, other: Terms) -> Terms:
        """Return the terms of which each is the easier one."""
        return Terms(tuple(map(min, self.low, other.low)), tuple(map(min, self.high, other.high)))

    def value(self, index: int) -> str:
        """Write the value of one term as the table has it."""
        low, high = self.low[index], self.high[index]
        if low != high:
            return "unknown"
        if index == len(self.low) - 1:
            return "no" if low == 0 else str(MOST_USERS - low)
        if index < _PERMISSIONS:
            low = 2 - low
        return next(value for value, burden in _BURDENS.items() if burden == low)


@dataclass(frozen=True)
class Alternative:
    """One way to obey an expression: the licences of which all hold, and their terms together."""

    ids: frozenset[str]
    terms: Terms

    def permits(self, other: Alternative) -> bool:
        """Say whether this certainly permits all that the other permits."""
        return self.ids <= other.ids or _at_most(self.terms.high, other.terms.low)

    def may_permit(self, other: Alternative) -> bool:
        """Say whether this permits all that the other permits as far as it is known."""
        return _at_most(self.terms.low, other.terms.high)


Alternatives = tuple[Alternative, ...]


def every(parts: Iterable[Alternatives]) -> Alternatives:
    """Return the alternatives of obeying all parts. Raises TooManyAlternativesError."""
    found: Alternatives | None = None
    for part in parts:
        found = part if found is None else _shortest(_joined(found, part))
    return found or ()


def any_of(parts: Iterable[Alternatives]) -> Alternatives:
    """Return the alternatives of choosing one part. Raises TooManyAlternativesError."""
    return _shortest(alternative for part in parts for alternative in part)


def within(narrow: Alternatives, wide: Alternatives) -> bool:
    """Say whether the second certainly permits all that the first permits."""
    return all(any(each.permits(alternative) for each in wide) for alternative in narrow)


def may_be_within(narrow: Alternatives, wide: Alternatives) -> bool:
    """Say whether the second permits all that the first permits as far as it is known."""
    return all(any(each.may_permit(alternative) for each in wide) for alternative in narrow)


def _joined(some: Alternatives, others: Alternatives) -> Iterator[Alternative]:
    for one in some:
        for other in others:
            yield Alternative(one.ids | other.ids, one.terms.both(other.terms))


def _shortest(alternatives: Iterable[Alternative]) -> Alternatives:
    """Leave out the alternatives that permit nothing which another one does not permit."""
    kept: list[Alternative] = []
    for new in alternatives:
        if any(each.permits(new) for each in kept):
            continue
        kept = [each for each in kept if not new.permits(each)]
        kept.append(new)
        if len(kept) > MAX_ALTERNATIVES:
            raise TooManyAlternativesError(f"it has more than {MAX_ALTERNATIVES} alternatives")
    return tuple(sorted(kept, key=lambda each: sorted(each.ids)))


def _at_most(some: tuple[int, ...], others: tuple[int, ...]) -> bool:
    return all(one <= other for one, other in zip(some, others, strict=True))


def _bounds(value: str, index: int) -> tuple[int, int]:
    if value == "unknown":
        return 0, 2
    burden = _BURDENS[value]
    return (2 - burden, 2 - burden) if index < _PERMISSIONS else (burden, burden)


def _threshold(value: str) -> tuple[int, int]:
    if value == "unknown":
        return 0, MOST_USERS
    burden = 0 if value == "no" else MOST_USERS - int(value)
    return burden, burden
