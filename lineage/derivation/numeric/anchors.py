"""Whether two models know the same inputs by the same angles: what permuted and rotated dimensions leave alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.derivation.side import Finding, Side
from lineage.fingerprint.values.anchors import EMBEDDINGS, Anchor

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Doubles = NDArray[numpy.float64]

ROWS = "numeric.embedding_rows"

MIN_ROWS, FEW_ROWS = 8, 64
"""Rows below which nothing is judged, and below which only near-equal angles are."""

ALIKE_MANY, ALIKE_FEW, ALIKE_INPUTS = 0.5, 0.96, 0.95
"""From which correlation on two models may be one in disguise. Of 256 tokens, relatives have 0.66 and more (a heavy
fine-tune), a model and its distilled student 0.34, other seeds 0.15. Of the 8 rows that a sketch holds, light
and medium fine-tunes have 0.97 and more, other seeds on the same data up to 0.92. For pixels it is a guess."""

RIDGE = 0.3
"""Share of the mean variance that is added before directions are made equally long: the few directions in which all
embeddings differ alike, by how often tokens occur, then count as much as the others."""


def embedding_rows(a: Anchor | None, b: Anchor | None) -> Finding:
    """Correlate the angles between the rows of two embeddings: "for" means that a disguise is possible.

    The angles between tokens do not change where hidden dimensions are permuted or rotated, and no norm is folded into
    an embedding. "against" means that the embeddings are not the same, so that one model is not the other in disguise,
    unless its tokens were renumbered or its embedding was trained again.
    """
    if a is None or b is None:
        return Finding(ROWS, "unchecked", None, "whole rows of both embeddings are needed")
    if a.of == b.of == "none":
        return Finding(
            ROWS, "not_applicable", None, "neither model has a matrix whose rows or columns keep their places"
        )
    if a.of != b.of:
        return Finding(ROWS, "neutral", None, "the models read other kinds of inputs")
    first = max(a.first, b.first)
    last = min(a.first + len(a.rows), b.first + len(b.rows))
    if last - first < MIN_ROWS:
        return Finding(
            ROWS, "unchecked", None, f"{max(0, last - first)} rows of both are at hand, {MIN_ROWS} are needed"
        )
    value = likeness(a.rows[first - a.first : last - a.first], b.rows[first - b.first : last - b.first])
    if value is None:
        return Finding(ROWS, "unchecked", None, "the rows have values that are not finite, or no length")
    count = last - first
    least = ALIKE_INPUTS if a.of == "inputs" else ALIKE_MANY if count > 2 * FEW_ROWS else ALIKE_FEW
    words = f"angles between {count} {a.of} correlate at {value:.3f}"
    return Finding(ROWS, "for" if value >= least else "against", value, words, place=a.name)


def likeness(a: NDArray[numpy.float32], b: NDArray[numpy.float32]) -> float | None:
    """Correlate the angles between rows of `a` with those of `b`; rows belong together, columns need not.

    With many rows the directions of each side are made equally long first. None where that cannot be worked out.
    """
    import numpy

    grams = [kernel(each) for each in (a, b)]
    above = numpy.triu_indices(len(a), 1)
    if grams[0] is None or grams[1] is None:
        return None
    x, y = (gram[above] - gram[above].mean() for gram in (grams[0], grams[1]))
    size = float(numpy.linalg.norm(x) * numpy.linalg.norm(y))
    return float(x @ y) / size if size > 0 else None


def kernel(rows: NDArray[numpy.float32]) -> Doubles | None:
    """Return the products of all pairs of rows, of length one and less their mean where there are many of them."""
    import numpy

    unit = rows.astype(numpy.float64)
    lengths = numpy.linalg.norm(unit, axis=1, keepdims=True)
    if not numpy.isfinite(lengths).all() or not lengths.any():
        return None
    unit = numpy.divide(unit, lengths, out=numpy.zeros_like(unit), where=lengths > 0)
    if len(unit) < FEW_ROWS:
        return _product(unit, unit.T)
    unit -= unit.mean(axis=0)
    size, turned = numpy.linalg.eigh(_product(unit, unit.T))
    size = numpy.maximum(size, 0)
    floor = RIDGE * float(size.mean())
    return _product(turned * (size / (size + floor)), turned.T) if floor > 0 else None


def _product(a: Doubles, b: Doubles) -> Doubles:
    found: Doubles = a @ b
    return found


def sampled_rows(side: Side) -> Anchor | None:
    """Take whole rows of the embedding from a sketch: of hidden sizes up to 256."""
    for (kind, name), each in side.tiles.items():
        of_tokens = kind == "strip" and f".{name}".endswith(tuple(f".{ending}" for ending in EMBEDDINGS))
        if of_tokens and each.values.shape[1] == each.shape[1]:
            return Anchor(name, "tokens", each.tile.place.row, each.values)
    return None
