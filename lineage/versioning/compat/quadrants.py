"""Negative flips and the other rates of answers that are right or wrong.

Source: MUSCLE (arXiv 2407.09435), sections 2.1, 3.1 and 3.2. `old` is M1, `new` is M2, N the number of all instances
that both answered, and y the reference answer:

    NFR    = (1/N) * sum 1[M1 = y and M2 != y]
    PFR    = (1/N) * sum 1[M1 != y and M2 = y]
    NFRmc  = (1/N) * sum 1[M2 != y and M1 != M2]
    BTC    = |M1 = y and M2 = y| / |M1 = y|           (backward trust compatibility, Srivastava 2020)

All are fractions of 1. A rate whose denominator is 0 is None, not 0. The identity acc_new - acc_old = PFR - NFR holds
for every input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy

    Booleans = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]


class Quadrants(NamedTuple):
    """Count instances by whether the old and the new version answered right.

    `both_right_differ` and `both_wrong_differ` are those of the first and the third quadrant whose two answers differ;
    None if the answers are not known. The paper names the former without a formula (3.1), so no rate contains it.
    """

    both_right: int
    gained: int
    both_wrong: int
    lost: int
    both_right_differ: int | None = None
    both_wrong_differ: int | None = None

    @property
    def n(self) -> int:
        """Return N, the number of all instances."""
        return self.both_right + self.gained + self.both_wrong + self.lost

    @property
    def old_right(self) -> int:
        """Return how many instances the old version answered right."""
        return self.both_right + self.lost

    @property
    def new_right(self) -> int:
        """Return how many instances the new version answered right."""
        return self.both_right + self.gained

    @property
    def inconsistent(self) -> int | None:
        """Return how many wrong answers of the new version are not the old version's answers.

        Every negative flip is one of them: the old answer was right, and the new one is not.
        """
        return None if self.both_wrong_differ is None else self.lost + self.both_wrong_differ


def count_quadrants(
    old_right: Booleans, new_right: Booleans, differ: Booleans | None = None, known: Booleans | None = None
) -> Quadrants:
    """Count the quadrants of N instances; all arrays have the shape (N,) and one order.

    `differ` says where the two answers are not the same, `known` where both answers are known (everywhere, without
    it). A quadrant in which an answer is not known has no count of different answers: unknown is not the same.
    """
    both, neither = old_right & new_right, ~old_right & ~new_right
    return Quadrants(
        both_right=int(both.sum()),
        gained=int((~old_right & new_right).sum()),
        both_wrong=int(neither.sum()),
        lost=int((old_right & ~new_right).sum()),
        both_right_differ=_differing(both, differ, known),
        both_wrong_differ=_differing(neither, differ, known),
    )


def _differing(among: Booleans, differ: Booleans | None, known: Booleans | None) -> int | None:
    """Count different answers in one quadrant; None if an answer in it is not known."""
    if differ is None or (known is not None and bool((among & ~known).any())):
        return None
    return int((among & differ).sum())


def fraction(part: int | None, whole: int) -> float | None:
    """Divide; None if the part is not known or the whole is 0."""
    return None if part is None or whole == 0 else part / whole


def nfr(found: Quadrants) -> float | None:
    """Return the negative flip rate: old right, new wrong, of all N."""
    return fraction(found.lost, found.n)


def pfr(found: Quadrants) -> float | None:
    """Return the positive flip rate: old wrong, new right, of all N."""
    return fraction(found.gained, found.n)


def nfr_mc(found: Quadrants) -> float | None:
    """Return the rate of wrong new answers that differ from the old answers; None if answers are not known."""
    return fraction(found.inconsistent, found.n)


def unobserved(found: Quadrants) -> float | None:
    """Return NFRmc - NFR: the share of instances that both got wrong with different answers."""
    return fraction(found.both_wrong_differ, found.n)


def btc(found: Quadrants) -> float | None:
    """Return the share of the old version's right answers that stay right: NFR = acc_old * (1 - BTC)."""
    return fraction(found.both_right, found.old_right)


def change_of_nfr(plain: float | None, compatible: float | None) -> tuple[float | None, float | None]:
    """Compare the NFR of a compatible model with that of the plain new version (section 5.3).

    Returns deltaNFRc = NFRc - NFR, and delta%NFRc = 100 * deltaNFRc / NFR in percent, which is None if NFR is 0.
    """
    if plain is None or compatible is None:
        return None, None
    delta = compatible - plain
    return delta, 100 * delta / plain if plain else None
