"""What the difference of two models looks like: of low rank, zeros, frozen parts."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from lineage.derivation.numeric.precision import NARROW_DTYPES, round_to
from lineage.derivation.numeric.tiles import Common, common_squares, common_strips
from lineage.derivation.side import Direction, Finding, Side

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

LOW_RANK, ZEROS, EQUAL = "numeric.low_rank", "numeric.zeros", "numeric.equal_values"

MIN_GAP = 8.0
"""Ratio of two singular values, one after the other, that shows a rank: LoRA merges have 45 and more (208 in F16), no
other child exceeded 3."""

MAX_RANKS = (64, 32)
"""Ranks that a square of 128 and one of 64 rows can show."""

MORE_ZEROS = 0.2
"""By how much the share of zeros must rise for a model to count as pruned: 50 % and 60 % were measured."""


def low_rank(a: Side, b: Side) -> Finding:
    """Look for a gap in the singular values of the difference of the squares: a merged LoRA has one at its rank.

    The difference has no direction of its own: a rank shows from both sides.
    """
    import numpy

    found: list[tuple[float, int, str]] = []
    for pair in common_squares(a, b):
        if pair.methods != (None, None) or min(pair.a.shape) < 16:
            continue
        difference = pair.a.astype(numpy.float64) - pair.b
        if not difference.any() or not numpy.isfinite(difference).all():
            continue
        gap, rank = _gap(difference, min(pair.a.shape) // 2)
        if _rows_differ_whole(pair, difference, rank):
            continue
        found.append((gap, rank, pair.name))
    if not found:
        return Finding(LOW_RANK, "not_applicable", None, "no square of plain floats differs")
    gap, rank, name = max(found)
    detail = f"the difference has rank {rank}: its singular values fall by {gap:.0f} there"
    if gap >= MIN_GAP:
        return Finding(LOW_RANK, "for", float(rank), detail, "unknown", "merge", "lora_merge", name)
    return Finding(LOW_RANK, "neutral", None, f"the difference has no rank below {MAX_RANKS[0]} that shows", place=name)


def _rows_differ_whole(pair: Common, difference: NDArray[numpy.float64], rank: int) -> bool:
    """Return whether a rank comes from rows that were exchanged as a whole, as those of permuted heads are.

    n rows that changed give rank n at most, and two heads that changed places give half of their rows. A LoRA changes
    all rows.
    """
    import numpy

    lengths = numpy.linalg.norm(difference, axis=1)
    changed = lengths > 0.05 * lengths.max()
    if int(changed.sum()) <= rank:
        return True
    rows, others = (each.astype(numpy.float64) for each in (pair.a[changed], pair.b[changed]))
    sizes = numpy.linalg.norm(rows, axis=1)[:, None] * numpy.linalg.norm(others, axis=1)[None]
    cosines = numpy.divide(rows @ others.T, sizes, out=numpy.zeros_like(sizes), where=sizes > 0)
    numpy.fill_diagonal(cosines, 0)
    return float((cosines.max(axis=1) > 0.99).mean()) >= 0.5


def _gap(difference: NDArray[numpy.float64], most: int) -> tuple[float, int]:
    """Return the greatest ratio of neighbouring singular values among the first `most`, and the rank where it is."""
    import numpy

    values = numpy.linalg.svd(difference, compute_uv=False)
    floor = values[0] * 1e-12
    ratios = values[:most] / numpy.maximum(values[1 : most + 1], floor)
    at = int(numpy.argmax(ratios))
    return float(ratios[at]), at + 1


def zeros(a: Side, b: Side) -> Finding:
    """Compare the shares of zeros in the strips of layers: a pruned model has more, and keeps the other values."""
    pairs = [pair for pair in common_strips(a, b) if not pair.name.startswith(("token_embd.", "output."))]
    if not pairs:
        return Finding(ZEROS, "unchecked", None, "no value at the same place was sampled")
    shares = [median(float((getattr(pair, side) == 0).mean()) for pair in pairs) for side in ("a", "b")]
    more = shares[0] - shares[1]
    if abs(more) < MORE_ZEROS or a.method or b.method:
        return Finding(ZEROS, "neutral", abs(more), f"shares of zeros: {shares[0]:.2f} and {shares[1]:.2f}")
    direction: Direction = "a_from_b" if more > 0 else "b_from_a"
    pattern = _pattern(pairs, "a" if more > 0 else "b")
    kept = kept_values(pairs, "a" if more > 0 else "b")
    detail = f"{max(shares):.0%} zeros{pattern} against {min(shares):.0%}; {kept:.1%} of the other values are equal"
    return Finding(ZEROS, "for", kept, detail, direction, "finetune", "pruned", pairs[0].name)


def kept_values(pairs: Sequence[Common], pruned: str) -> float:
    """Return the share of a pruned model's values beside zero that are the other's, rounded where it is wider."""
    import numpy

    child = numpy.concatenate([getattr(pair, pruned).ravel() for pair in pairs])
    parent = numpy.concatenate([getattr(pair, "b" if pruned == "a" else "a").ravel() for pair in pairs])
    kept = child != 0
    ways = [parent, *(round_to(parent, dtype) for dtype in NARROW_DTYPES)]
    return max(float((way[kept] == child[kept]).mean()) if kept.any() else 0.0 for way in ways)


def _pattern(pairs: Sequence[Common], side: str) -> str:
    """Say whether two of every four neighbours are zero, the pattern that hardware speeds up."""
    import numpy

    rows = [getattr(pair, side) for pair in pairs if pair.a.shape[1] % 4 == 0]
    if not rows:
        return ""
    fours = numpy.concatenate([(each == 0).reshape(-1, 4) for each in rows]).sum(axis=1)
    return " (2 of every 4)" if float((fours >= 2).mean()) > 0.99 else ""


def equal_values(a: Side, b: Side) -> Finding:
    """Count the strips whose values are all equal, and the values that are: parts that were frozen, or all of it.

    Where one side is quantised, those that it leaves as they are say nothing of training.
    """
    pairs = common_strips(a, b)
    if not pairs:
        return Finding(EQUAL, "unchecked", None, "no value at the same place was sampled")
    whole = sum(bool((pair.a == pair.b).all()) for pair in pairs)
    detail = f"{whole} of {len(pairs)} sampled matrices have equal values"
    if 0 < whole < len(pairs) and a.method == b.method:
        return Finding(EQUAL, "for", whole / len(pairs), detail, "unknown", "finetune", "partial")
    return Finding(EQUAL, "for" if whole else "neutral", whole / len(pairs), detail)


def distance(a: Side, b: Side) -> float | None:
    """Return the median over strips of the length of a - b, relative to b; None without common strips.

    Near relatives are ordered by it.
    """
    import numpy

    found = []
    for pair in common_strips(a, b):
        size = float(numpy.linalg.norm(pair.b.astype(numpy.float64)))
        if size > 0 and numpy.isfinite(size):
            found.append(float(numpy.linalg.norm(pair.a.astype(numpy.float64) - pair.b)) / size)
    return float(median(found)) if found else None


def spread_distance(a: Side, b: Side) -> float | None:
    """Return the root of the mean over strips of |a - b|² / (|a| |b|); None without common strips.

    A model of which one layer was trained differs from its parent by this measure, where a median says nothing.
    """
    import numpy

    found = []
    for pair in common_strips(a, b):
        x, y = pair.a.astype(numpy.float64), pair.b.astype(numpy.float64)
        size = float(numpy.linalg.norm(x) * numpy.linalg.norm(y))
        if size > 0 and numpy.isfinite(size):
            found.append(float(((x - y) ** 2).sum()) / size)
    return float(numpy.sqrt(numpy.mean(found))) if found else None
