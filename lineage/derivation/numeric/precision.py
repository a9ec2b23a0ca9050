"""Whether one model is the other at less precision: rounded, or quantised again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lineage.derivation.numeric.formats import EXACT, Format, formats_of, is_measured, judged, why_open
from lineage.derivation.numeric.tiles import Common, common_squares, common_strips, common_vectors
from lineage.derivation.side import Direction, Finding, Outcome, Side
from lineage.fingerprint.values.requantise import GRIDS, returned

if TYPE_CHECKING:
    from lineage.fingerprint.values.tensor import Floats

ROUNDED, NARROW, REQUANTISED = "numeric.rounded", "numeric.narrow_values", "numeric.requantised"
COMMON_PARENT = "numeric.common_parent"

NORMS = 0.01
"""What rounding may change of a norm, relative to its length: 0.002 in BF16."""

NARROW_DTYPES = ("BF16", "F16")


def rounded(a: Side, b: Side) -> Finding:
    """Round the values of each side to the narrow dtypes that hold those of the other.

    A cast keeps every value but for rounding to nearest even, and the way back is not possible: direction is exact.
    """
    if a.method or b.method:
        return Finding(ROUNDED, "not_applicable", None, "one side is quantised")
    pairs = [*common_strips(a, b), *common_squares(a, b)]
    if not pairs:
        return Finding(ROUNDED, "unchecked", None, "no value at the same place was sampled")
    other = _other_norms(a, b)
    if all((pair.a == pair.b).all() for pair in pairs):
        return _converted(a, b) if other is None else Finding(ROUNDED, "neutral", 1.0, f"matrices are equal; {other}")
    share, dtype, direction = max(_cast(pairs), key=lambda found: found[0])
    detail = f"{share:.2%} of the values of one are those of the other rounded to {dtype}"
    if share >= EXACT and other is not None:
        return Finding(ROUNDED, "neutral", share, f"{detail}; {other}")
    if share >= EXACT:
        return Finding(ROUNDED, "for", share, detail, direction, None, "cast")
    return Finding(ROUNDED, "neutral", share, detail)


def _converted(a: Side, b: Side) -> Finding:
    """Judge equal values in files of two dtypes: the wider file cannot be the source of values that are all narrow.

    A model that was trained in F16 or F32 has values that BF16 cannot hold: one in eight of F16 fits, none of F32.
    """
    if a.dtype == b.dtype or not a.dtype or not b.dtype:
        return Finding(ROUNDED, "not_applicable", None, "all sampled values are equal")
    narrower = next((side for dtype in ("BF16", "F16") for side in (a, b) if side.dtype == dtype), None)
    if narrower is None:
        return Finding(ROUNDED, "not_applicable", None, "all sampled values are equal")
    wide = b if narrower is a else a
    detail = (
        f"all values of {wide.name} ({wide.dtype}) are exact in {narrower.dtype}, in which {narrower.name} is stored"
    )
    return Finding(ROUNDED, "for", 1.0, detail, "b_from_a" if narrower is a else "a_from_b", None, "cast")


def _cast(pairs: Sequence[Common]) -> list[tuple[float, str, Direction]]:
    """List for each dtype and direction the share of values that return; equal values on both sides are no cast."""
    import numpy

    a = numpy.concatenate([pair.a.ravel() for pair in pairs])
    b = numpy.concatenate([pair.b.ravel() for pair in pairs])
    found: list[tuple[float, str, Direction]] = [(0.0, "BF16", "unknown")]
    for dtype in NARROW_DTYPES:
        for child, parent, direction in ((a, b, "a_from_b"), (b, a, "b_from_a")):
            if _equal(round_to(child, dtype), child) < 1.0 or _equal(round_to(parent, dtype), parent) == 1.0:
                continue
            way: Direction = "a_from_b" if direction == "a_from_b" else "b_from_a"
            found.append((_equal(round_to(parent, dtype), child), dtype, way))
    return found


def narrow_values(a: Side, b: Side) -> Finding:
    """Find a side whose values are all exact in a narrow dtype where those of the other are not.

    Such a side cannot be what the other was made from by anything but further training: it was rounded once.
    """
    import numpy

    pairs = common_strips(a, b)
    if not pairs or a.method or b.method:
        return Finding(NARROW, "not_applicable", None, "one side is quantised, or no value was sampled")
    values = [numpy.concatenate([getattr(pair, side).ravel() for pair in pairs]) for side in ("a", "b")]
    narrow = [next((d for d in NARROW_DTYPES if _equal(round_to(each, d), each) == 1.0), None) for each in values]
    if (narrow[0] is None) == (narrow[1] is None):
        return Finding(NARROW, "neutral", None, "neither side is wider than the other")
    name, dtype = (a.name, narrow[0]) if narrow[0] else (b.name, narrow[1])
    return Finding(
        NARROW, "neutral", 1.0, f"all values of {name} are exact in {dtype}: it is not the wider one's source"
    )


def requantised(a: Side, b: Side) -> Finding:
    """Quantise the values of each side again in the form of the other, and judge the share of codes that return.

    What a share shows depends on the format (`lineage.derivation.numeric.formats`): with few levels most codes return
    to any relative.
    """
    if a.method == b.method:
        both = f"both are {a.method}" if a.method else "neither side is quantised"
        return Finding(REQUANTISED, "not_applicable", None, both)
    tried = [_requantised(a, b, "a_from_b"), _requantised(b, a, "b_from_a")]
    known = [found for found in tried if found is not None]
    found = max(known, key=lambda each: (each.outcome == "for", each.value is not None, each.value or 0.0))
    if found.outcome == "for" and (other := _other_norms(a, b)):
        return Finding(REQUANTISED, "neutral", found.value, f"{found.detail}; {other}", found.direction)
    return found


def _requantised(child: Side, candidate: Side, way: Direction) -> Finding | None:
    """Judge a candidate for the parent of a quantised side, in each format that its matrices have.

    A format that excludes the candidate decides, then one that neither shows nor excludes it. None for plain floats.
    """
    method = child.method
    if method is None:
        return None
    counts = counts_returned(child, candidate)
    total = sum(each.codes for each in counts)
    if not total:
        shows = "its sampled values show no grid" if is_measured(method) and method in GRIDS else why_open(method)
        return Finding(REQUANTISED, "unchecked", None, f"codes of {method} cannot be made again here: {shows}")
    share = sum(each.equal for each in counts) / total
    detail = f"{share:.2%} of the {method} codes return when the other side is quantised again"
    found = [judged(each.rows, each.equal / each.codes, each.codes) for each in counts if _decides(each)]
    found = found or [judged(each.rows, each.equal / each.codes, each.codes) for each in counts]
    least = next((each for one in ("against", "undecided") for each in found if each.outcome == one), found[0])
    outcome: Outcome = "unchecked" if least.outcome == "undecided" else least.outcome
    detail = f"{detail}; {least.why}"
    if outcome == "unchecked" and not least.is_short:
        return Finding(REQUANTISED, outcome, share, detail)
    proves = all(each.proves for each in found)
    return Finding(REQUANTISED, outcome, share, detail, way, "quantized", family(method), proves=proves)


class Count(NamedTuple):
    """Codes of one format that return, and the rows of the table that the format may be."""

    rows: Sequence[Format]
    equal: int
    codes: int


def _decides(count: Count) -> bool:
    """Return whether a share of these codes can show or exclude a parent."""
    return bool(count.rows) and count.rows[0].parent_from(count.codes) is not None


def _other_norms(a: Side, b: Side) -> str | None:
    """Say how many norms are not the other's but for rounding: a relative whose norms were trained has its matrices.

    Some GGUF files store norms of Gemma plus one.
    """
    import numpy

    norms = [(each.a.astype(numpy.float64), each.b) for each in common_vectors(a, b) if "norm" in each.name]
    near = [any(numpy.linalg.norm(x - y - by) <= NORMS * numpy.linalg.norm(y) for by in (-1, 0, 1)) for x, y in norms]
    return None if all(near) else f"{near.count(False)} of {len(near)} norms have other values"


def common_parent(a: Side, b: Side, parent: Side) -> Finding:
    """Find out whether two models are casts or quantisations of a third one that was named."""
    made = [_made_from(side, parent) for side in (a, b)]
    if made[0] is None or made[1] is None:
        return Finding(COMMON_PARENT, "neutral", None, f"not both are casts or quantisations of {parent.name}")
    ways = " and ".join(f"{side.name} ({found.method})" for side, found in zip((a, b), made, strict=True) if found)
    least = min(found.value or 0.0 for found in made if found)
    return Finding(COMMON_PARENT, "for", least, f"{ways} were both made from {parent.name}")


def _made_from(child: Side, parent: Side) -> Finding | None:
    """Return the rule that shows a child as a cast or quantisation of a parent; None if neither does."""
    tried = (rounded(child, parent), requantised(child, parent))
    return next((found for found in tried if found.outcome == "for" and found.direction == "a_from_b"), None)


def counts_returned(child: Side, candidate: Side) -> list[Count]:
    """Count the codes of a quantised child that a candidate's values give, format by format; those that show a grid."""
    rows: dict[str, Sequence[Format]] = {}
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (kind, name), tile in child.tiles.items():
        other = candidate.tiles.get((kind, name))
        if kind == "vector" or tile.method is None or other is None or other.values.shape != tile.values.shape:
            continue
        grid = child.grid(kind, name)
        found = returned(grid, other.values) if grid is not None else None
        if grid is not None and found is not None and found.compared:
            fits = formats_of(tile.method, *grid.layout)
            key = fits[0].name if fits else ""
            rows[key] = fits
            sums[key][0] += found.best
            sums[key][1] += found.compared
    return [Count(rows[key], *both) for key, both in sums.items()]


def family(method: str) -> str:
    """Return the word of the design for a quantisation: `gguf` for all types of GGUF, `bitsandbytes` for its three."""
    first = method.split("-")[0]
    if first.isupper() or first[:2] in ("IQ", "TQ") or first.startswith(("Q2", "Q3", "Q4", "Q5", "Q6", "Q8")):
        return "gguf"
    return first


def round_to(values: Floats, dtype: str) -> Floats:
    """Round float32 values to nearest even to BF16 or F16, as float32 again."""
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore"):
        if dtype == "F16":
            return values.astype(numpy.float16).astype(numpy.float32)
        bits = values.astype(numpy.float32).view(numpy.uint32)
        up = ((bits >> 16) & 1) + numpy.uint32(0x7FFF)
        return ((bits + up) & numpy.uint32(0xFFFF0000)).view(numpy.float32)


def _equal(a: Floats, b: Floats) -> float:
    """Return the share of values that are equal, NaN with NaN."""
    import numpy

    return float(((a == b) | (numpy.isnan(a) & numpy.isnan(b))).mean()) if a.size else 0.0
