"""Whether two models are related at all: cosines of their sampled values."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from lineage.derivation.numeric.tiles import (
    MIN_STRIPS,
    LayerMatch,
    common_strips,
    cosine,
    matched_by_content,
    matched_layers,
)
from lineage.derivation.side import Finding, Side
from lineage.derivation.structure import layer_counts
from lineage.fingerprint.values.adapters import A, B

if TYPE_CHECKING:
    from lineage.derivation.numeric.tiles import Floats

COSINE, BY_CONTENT, LAYERS = "numeric.cosine", "numeric.cosine_by_content", "numeric.layers"

RELATED, UNCLEAR = 0.3, 0.1
"""Median cosines from which two models are related, and below which nothing points to it. The least of really trained
relatives was 0.79, the greatest of unrelated models 0.02 (median over tensors, 495 and 658 pairs)."""


def median_cosine(a: Side, b: Side) -> Finding:
    """Take the median of the cosines of the strips that both have, by name.

    The median and not one cosine of all values: embeddings of unrelated models correlate by how often tokens occur.
    """
    found = [(pair.name, value) for pair in common_strips(a, b) if (value := cosine(pair.a, pair.b)) is not None]
    cosines = [value for _, value in found]
    if len(cosines) < MIN_STRIPS:
        return Finding(COSINE, "unchecked", None, too_few(a, b, len(cosines), "of the same name and width"))
    if a.is_adapter and b.is_adapter:
        return _of_adapters(found)
    return _judged(COSINE, float(median(cosines)), f"median cosine of {len(cosines)} matrices with the same names")


def _of_adapters(found: Sequence[tuple[str, float]]) -> Finding:
    """Judge two adapters by the factor that is less alike.

    A is drawn at random and hardly moves, so that adapters of any two bases have one A if they were trained with one
    seed. B starts at zero, and holds what was learned.
    """
    factors = [[value for name, value in found if name.endswith(end)] for end in (A, B)]
    if not all(factors):
        return Finding(COSINE, "unchecked", None, "only one of the two factors of the adapters was sampled in both")
    first, second = (float(median(values)) for values in factors)
    return _judged(COSINE, min(first, second), f"median cosines {first:.3f} of the factors A and {second:.3f} of B")


def cosine_by_content(a: Side, b: Side) -> Finding:
    """Take the median of the greatest cosines among strips of one shape: for models whose names do not match."""
    matched = matched_by_content(a, b)
    if len(matched) < MIN_STRIPS:
        return Finding(BY_CONTENT, "unchecked", None, too_few(a, b, len(matched), "of the same shape"))
    value = float(median(found for _, found in matched))
    return _judged(BY_CONTENT, value, f"median of the greatest cosines of {len(matched)} matrices of one shape")


def layers_by_content(a: Side, b: Side) -> tuple[Finding, Sequence[LayerMatch]]:
    """Match layers by content, those of the side that has more: for models that lost, gained or repeated some."""
    counts = layer_counts(a, b)
    matched = matched_layers(b, a) if counts is not None and counts[1] > counts[0] else matched_layers(a, b)
    if len(matched) < 2:
        return Finding(LAYERS, "not_applicable", None, "fewer than two layers of each were sampled"), matched
    value = float(median(match.cosine for match in matched))
    return _judged(LAYERS, value, f"median over {len(matched)} layers of the cosine with the most similar one"), matched


def too_few(a: Side, b: Side, found: int, alike: str) -> str:
    """Say why two models cannot be compared by their sampled values."""
    for side in (a, b):
        if side.sketch is None or not side.sketch.tiles:
            return f"no values of {side.name} were sampled"
        if not any(kind == "strip" and _says_something(each.values) for (kind, _), each in side.tiles.items()):
            return f"the sampled values of {side.name} are all zero, or are not finite numbers"
    widths = [each[1] for each in (_embedding(a), _embedding(b)) if each is not None]
    if len(set(widths)) == 2:
        return f"their hidden sizes differ ({widths[0]:,} and {widths[1]:,}), so that no values lie at the same places"
    return f"{found} of the sampled matrices are {alike}, {MIN_STRIPS} are needed"


def _embedding(side: Side) -> tuple[int, int] | None:
    tile = side.tiles.get(("strip", "token_embd.weight"))
    return tile.shape if tile is not None else None


def _says_something(values: Floats) -> bool:
    import numpy

    return bool(numpy.isfinite(values).all() and values.any())


def _judged(rule: str, value: float, detail: str) -> Finding:
    if value >= RELATED:
        return Finding(rule, "for", value, detail)
    return Finding(rule, "neutral" if value >= UNCLEAR else "against", value, detail)
