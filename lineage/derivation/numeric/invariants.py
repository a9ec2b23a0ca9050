"""Compare what disguises leave alone: circuits between tokens, and spectra of heads."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from lineage.derivation.side import Finding
from lineage.fingerprint.values.circuits import Invariants

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Doubles = NDArray[numpy.float64]

CIRCUITS, SPECTRA = "numeric.invariants", "numeric.head_spectra"

RELATED_CIRCUITS, UNCLEAR_CIRCUITS = 0.5, 0.42
"""Median correlation of circuits from which two models are related, and below which they are not. The least of
relatives is 0.62 (a heavy fine-tune against a model with a layer less), the greatest of other models 0.36 (a distilled
student, which learned from the other one's answers), 0.33 without it."""

EXACT_CIRCUIT, EXACT_SPECTRUM = 0.999998, 2e-4
"""What all circuits and all spectra keep to where the values are the same but for their order and for norms: casts to
BF16 and light fine-tunes have 0.99999 and 0.0004, or less like."""

MIN_CIRCUITS = 4

ALIKE_SPECTRA, NEARER = 0.02, 0.2
"""Distance of spectra of one head in two models up to which these are related, and the share that it may be of the
distance to the next head of the same model. Medium fine-tunes have 0.013, other models 0.084 and more; heavy
fine-tunes (0.075) come too near to those. Heads that hardly learned are all alike: nearness alone shows nothing."""


def circuits(a: Invariants | None, b: Invariants | None) -> Finding:
    """Take the median correlation of the circuits that two models have in common."""
    if a is None or b is None:
        return Finding(CIRCUITS, "unchecked", None, "the matrices of both have to be read whole")
    shared = sorted(
        name for name in a.circuits.keys() & b.circuits.keys() if a.circuits[name].size == b.circuits[name].size
    )
    if len(shared) < MIN_CIRCUITS:
        reasons = "; ".join(dict.fromkeys([*a.unread, *b.unread])) or "their names do not match"
        return Finding(CIRCUITS, "unchecked", None, f"{len(shared)} circuits of both are at hand: {reasons}")
    found = {name: float(a.circuits[name] @ b.circuits[name]) for name in shared}
    value = float(median(found.values()))
    detail = (
        f"{len(shared)} circuits between tokens correlate at {value:.3f} (median), {min(found.values()):.3f} (least)"
    )
    if are_exact(a, b):
        detail = f"all {len(shared)} circuits between tokens are equal: the same function in other weights"
    outcome = "for" if value >= RELATED_CIRCUITS else "neutral" if value >= UNCLEAR_CIRCUITS else "against"
    return Finding(CIRCUITS, outcome, value, detail, place=f"{max(found, key=lambda name: found[name])}.weight")  # type: ignore[arg-type]


def are_exact(a: Invariants, b: Invariants) -> bool:
    """Return whether all that two models have in common agrees but for the rounding of float32."""
    if a.circuits.keys() != b.circuits.keys() or len(a.circuits) < MIN_CIRCUITS:
        return False
    if any(a.circuits[name].size != b.circuits[name].size for name in a.circuits):
        return False
    if min(float(a.circuits[name] @ b.circuits[name]) for name in a.circuits) < EXACT_CIRCUIT:
        return False
    return all(distance <= EXACT_SPECTRUM for distance, _ in _distances(a, b))


def head_spectra(a: Invariants | None, b: Invariants | None) -> Finding:
    """Match each head with the one of the other model whose singular values are nearest: tokens do not matter here.

    It can show a relation, and does not exclude one: a heavy fine-tune moves spectra as far as another seed.
    """
    if a is None or b is None:
        return Finding(SPECTRA, "unchecked", None, "the matrices of both have to be read whole")
    found = _distances(a, b)
    if len(found) < MIN_CIRCUITS:
        reasons = "; ".join(dict.fromkeys([*a.unread, *b.unread])) or "their heads have other sizes"
        return Finding(SPECTRA, "unchecked", None, f"{len(found)} heads of both are at hand: {reasons}")
    value = float(median(distance for distance, _ in found))
    share = float(median(distance / next_one if next_one > 0 else float(distance > 0) for distance, next_one in found))
    detail = (
        f"singular values of {len(found)} heads differ by {value:.4f}, {share:.2f} of the distance to the next head"
    )
    alike = value <= ALIKE_SPECTRA and share <= NEARER
    return Finding(SPECTRA, "for" if alike else "neutral", value, detail)


def _distances(a: Invariants, b: Invariants) -> list[tuple[float, float]]:
    """List for each head of `a` the distance to the nearest of `b` in the same layer, and to its own next one."""
    import numpy

    own: dict[tuple[str, int], Doubles] = {}
    for name, rows in a.spectra.items():
        kind = (name.rpartition(".")[2], rows.shape[1])
        own[kind] = numpy.concatenate([own[kind], rows]) if kind in own else rows
    found = []
    for name in sorted(a.spectra.keys() & b.spectra.keys()):
        ours, theirs = a.spectra[name], b.spectra[name]
        if ours.shape[1] != theirs.shape[1]:
            continue
        others = own[name.rpartition(".")[2], ours.shape[1]]
        for head in ours:
            nearest = float(numpy.linalg.norm(theirs - head, axis=1).min())
            apart = numpy.sort(numpy.linalg.norm(others - head, axis=1))
            found.append((nearest, float(apart[1]) if len(apart) > 1 else 0.0))
    return found
