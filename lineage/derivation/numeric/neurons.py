"""Whether only the neurons of the MLPs are in another order: all else agrees, and their rows do not."""

from __future__ import annotations

from statistics import median

from lineage.derivation.numeric.invariants import RELATED_CIRCUITS
from lineage.derivation.numeric.relatedness import RELATED
from lineage.derivation.numeric.tiles import Common, common_squares, common_strips, cosine
from lineage.derivation.side import Finding, Side
from lineage.fingerprint.values.names import is_vocabulary

NEURONS = "numeric.permuted_neurons"

SAME_ROW = 0.9
"""Cosine from which two rows are one neuron. Among 64 by 64 rows of 64 unrelated values the greatest is about 0.5."""

_ROWS_ARE_NEURONS = ("ffn_up", "ffn_gate", "up_proj", "gate_proj", "fc1", "intermediate.dense")
_OF_MLP = (*_ROWS_ARE_NEURONS, "ffn_down", "down_proj", "fc2", "mlp.")


def permuted_neurons(a: Side, b: Side) -> Finding:
    """Match the rows of up and gate by content where the MLPs differ and all other matrices agree.

    A sketch holds few rows, so that most neurons have their partner outside it. Circuits, measured at level full, show
    it for all of them.
    """
    mlp, others = _cosines(a, b, of_mlp=True), _cosines(a, b, of_mlp=False)
    if not mlp or not others:
        return Finding(NEURONS, "not_applicable", None, "no matrices of an MLP and beside it were sampled in both")
    if median(mlp) >= RELATED or median(others) < RELATED:
        return Finding(NEURONS, "neutral", None, "the MLPs are as alike as the other matrices")
    detail = f"the MLPs have a cosine of {median(mlp):.3f} and the other matrices {median(others):.3f}"
    if (agreed := _circuits(a, b)) is not None:
        if agreed >= RELATED_CIRCUITS:
            return Finding(NEURONS, "for", agreed, f"{detail}; their neurons are the same in another order")
        return Finding(NEURONS, "against", agreed, f"{detail}; their neurons differ, whatever the order")
    found, total, place = _matched(a, b)
    if found:
        return Finding(
            NEURONS, "for", found / total, f"{detail}; {found} of {total} rows are rows elsewhere", place=place
        )
    return Finding(NEURONS, "unchecked", None, f"{detail}; none of the {total} sampled neurons is among the other's")


def _cosines(a: Side, b: Side, *, of_mlp: bool) -> list[float]:
    """List the cosines of the strips of MLPs, or of the others without embeddings and heads."""
    pairs = [pair for pair in common_strips(a, b) if not is_vocabulary(pair.name) and _is_mlp(pair) == of_mlp]
    return [value for pair in pairs if (value := cosine(pair.a, pair.b)) is not None]


def _is_mlp(pair: Common) -> bool:
    return any(part in pair.name for part in _OF_MLP)


def _circuits(a: Side, b: Side) -> float | None:
    """Return the median correlation of the circuits of MLPs; None where they were not measured."""
    if a.invariants is None or b.invariants is None:
        return None
    ours, theirs = a.invariants.circuits, b.invariants.circuits
    names = [name for name in ours.keys() & theirs.keys() if ".ffn_" in name and ours[name].size == theirs[name].size]
    return float(median(float(ours[name] @ theirs[name]) for name in names)) if names else None


def _matched(a: Side, b: Side) -> tuple[int, int, str | None]:
    """Count rows of `a` that are another row of `b` in the same matrix, of all; and name the matrix with most."""
    import numpy

    best: tuple[int, int, str | None] = (0, 0, None)
    for pair in (*common_squares(a, b), *common_strips(a, b)):
        if not any(part in pair.name for part in _ROWS_ARE_NEURONS):
            continue
        sides = [each.astype(numpy.float64) for each in (pair.a, pair.b)]
        lengths = [numpy.linalg.norm(each, axis=1, keepdims=True) for each in sides]
        if not all(numpy.isfinite(each).all() and each.all() for each in lengths) or pair.a.shape[1] < 32:
            continue
        cosines = (sides[0] / lengths[0]) @ (sides[1] / lengths[1]).T
        found = int((cosines.max(axis=1) >= SAME_ROW).sum())
        best = max(best, (found, len(pair.a), pair.name), key=lambda each: (each[0], each[1]))
    return best
