"""Whether one model may be the other in disguise: other weights that compute the same function.

Hidden dimensions, heads and neurons in another order, and norms multiplied into the matrices that read them, change
every sampled value, so that a cosine near zero alone does not exclude a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

from lineage.derivation.numeric.anchors import ROWS, embedding_rows, sampled_rows
from lineage.derivation.numeric.invariants import CIRCUITS, SPECTRA, circuits, head_spectra
from lineage.derivation.numeric.neurons import NEURONS
from lineage.derivation.numeric.tiles import common_vectors
from lineage.derivation.side import Finding, Side
from lineage.fingerprint.values.names import is_vocabulary

NORMS, FOLDED = "numeric.sorted_norms", "numeric.folded_norms"

POSSIBLE = frozenset({ROWS, NORMS, FOLDED})
"""Rules that show from a sample that a disguise is possible."""

SAME_NORMS = 0.02
"""Distance of two norm vectors with their values in order, by their spread, up to which one is the other permuted.
Rounding to BF16 gives 0.01. Other seeds have 0.48 and more in the open zoo; two draws of 1,024 values from one
distribution may come as near as 0.05."""


def disguises(a: Side, b: Side) -> list[Finding]:
    """Apply the rules about disguises to two models whose sampled values are not alike."""
    found = [embedding_rows(a.anchor or sampled_rows(a), b.anchor or sampled_rows(b)), sorted_norms(a, b)]
    found.append(folded_norms(a, b))
    if a.invariants is not None or b.invariants is not None:
        found += [circuits(a.invariants, b.invariants), head_spectra(a.invariants, b.invariants)]
    return found


def disguise_verdict(a: Side, b: Side, found: Sequence[Finding]) -> Literal["related", "unclear", "unrelated"]:
    """Conclude from `disguises`: from a sample a disguise is possible or excluded, only invariants show it.

    Where whole rows of the embedding were not read, two models of the same shapes stay unclear.
    """
    by_rule = {each.rule: each for each in found}
    if any(rule in by_rule and by_rule[rule].outcome == "for" for rule in (CIRCUITS, SPECTRA)):
        return "related"
    if any(by_rule[rule].outcome == "for" for rule in (ROWS, NORMS)):
        return "unclear"
    if CIRCUITS in by_rule and by_rule[CIRCUITS].outcome in ("against", "neutral"):
        return "unrelated" if by_rule[CIRCUITS].outcome == "against" else "unclear"
    if by_rule[ROWS].outcome in ("against", "neutral"):
        return "unrelated"
    if by_rule[ROWS].outcome == "unchecked" and same_shapes(a, b):
        return "unclear"
    return "unclear" if by_rule[FOLDED].outcome == "for" else "unrelated"


def needs_rows(a: Side, b: Side, found: Sequence[Finding]) -> bool:
    """Return whether whole rows of both embeddings should be read: a disguise is possible, and they were not."""
    rows = next((each for each in found if each.rule == ROWS), None)
    if rows is None or (a.anchor is not None and b.anchor is not None):
        return False
    return rows.outcome == "for" or same_shapes(a, b)


def needs_matrices(a: Side, b: Side, found: Sequence[Finding]) -> bool:
    """Return whether invariants should be measured at level full: a disguise is possible, and they were not."""
    by_rule = {each.rule: each for each in found}
    if a.invariants is not None and b.invariants is not None:
        return False
    if NEURONS in by_rule:
        return by_rule[NEURONS].outcome == "unchecked"
    possible = any(by_rule[rule].outcome == "for" for rule in POSSIBLE & by_rule.keys())
    return ROWS in by_rule and (possible or same_shapes(a, b))


def sorted_norms(a: Side, b: Side) -> Finding:
    """Compare whole norm vectors with their values put in order: permuted dimensions leave them equal."""
    import numpy

    distances = []
    for pair in common_vectors(a, b):
        whole = all(side.tiles["vector", pair.name].shape == pair.a.shape for side in (a, b))
        if "norm" not in pair.name or not pair.name.endswith(".weight") or not whole or pair.a.size < 32:
            continue
        x, y = (numpy.sort(each.astype(numpy.float64).ravel()) for each in (pair.a, pair.b))
        spread = min(float(numpy.linalg.norm(each - each.mean())) for each in (x, y))
        if spread > 1e-6 * float(numpy.linalg.norm(x)):
            distances.append(float(numpy.linalg.norm(x - y)) / spread)
    if not distances or not numpy.isfinite(distances).all():
        return Finding(NORMS, "not_applicable", None, "no norm vectors of both were sampled whole, or all are constant")
    value = float(median(distances))
    detail = f"with their values in order, {len(distances)} norm vectors differ by {value:.3f} of their spread"
    return Finding(NORMS, "for" if value <= SAME_NORMS else "neutral", value, detail)


def folded_norms(a: Side, b: Side) -> Finding:
    """Find a side whose norms are all constant where the other's are not: they may be folded into other matrices."""
    shares = [_constant(side) for side in (a, b)]
    if shares[0] is None or shares[1] is None:
        return Finding(FOLDED, "not_applicable", None, "no norms of both were sampled")
    if (shares[0] == 1.0) == (shares[1] == 1.0):
        return Finding(FOLDED, "neutral", 0.0, "the norms of both are constant, or of neither")
    name = (a if shares[0] == 1.0 else b).name
    return Finding(FOLDED, "for", 1.0, f"all norms of {name} are constant: they may be folded into other matrices")


def _constant(side: Side) -> float | None:
    """Return the share of norm vectors whose values are all equal."""
    norms = [
        each.values
        for (kind, name), each in side.tiles.items()
        if kind == "vector" and "norm" in name and name.endswith(".weight")
    ]
    return sum(bool((each == each.flat[0]).all()) for each in norms) / len(norms) if norms else None


def same_shapes(a: Side, b: Side) -> bool:
    """Return whether all sampled matrices but embeddings and heads have the same names and shapes."""
    shapes = [
        {name: each.shape for (kind, name), each in side.tiles.items() if kind == "strip" and not is_vocabulary(name)}
        for side in (a, b)
    ]
    return bool(shapes[0]) and shapes[0] == shapes[1]
