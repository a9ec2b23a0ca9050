"""The tiles that two sketches have in common: by name, else by shape and content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lineage.derivation.side import Side
from lineage.fingerprint.values.names import kind_of, layer_of

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from lineage.fingerprint.values.sketch import SampledTile

    Floats = NDArray[numpy.float32]
    Doubles = NDArray[numpy.float64]

MIN_STRIPS = 4
"""Strips that two sketches must have in common to be compared."""

MIN_VALUES = 256
"""Values of a tile below which it is not matched by content."""


OF_MEANS = 0.1
"""Cosine that the means of two tiles may give by themselves."""


class Common(NamedTuple):
    """One place of one matrix in both sketches; `name` is that of `a`, `other` that of `b`."""

    name: str
    other: str
    a: Floats
    b: Floats
    methods: tuple[str | None, str | None]


def common_strips(a: Side, b: Side) -> list[Common]:
    """Pair the strips of matrices with the same name and number of columns."""
    return list(_common(a, b, "strip"))


def common_squares(a: Side, b: Side) -> list[Common]:
    """Pair the squares of matrices with the same name and number of columns."""
    return list(_common(a, b, "square"))


def common_vectors(a: Side, b: Side) -> list[Common]:
    """Pair the vectors of the same name."""
    return list(_common(a, b, "vector"))


def _common(a: Side, b: Side, kind: str) -> Iterator[Common]:
    for (of_kind, name), ours in a.tiles.items():
        theirs = b.tiles.get((of_kind, name))
        if of_kind == kind and theirs is not None and (pair := overlap(ours, theirs)) is not None:
            yield Common(name, name, *pair, (ours.method, theirs.method))


def overlap(ours: SampledTile, theirs: SampledTile) -> tuple[Floats, Floats] | None:
    """Return the values at the places that two tiles share; None if there are none, or the widths differ."""
    if ours.shape[1] != theirs.shape[1] or ours.tile.place.column != theirs.tile.place.column:
        return None
    first = max(ours.tile.place.row, theirs.tile.place.row)
    last = min(ours.tile.place.row + ours.tile.place.rows, theirs.tile.place.row + theirs.tile.place.rows)
    if first >= last:
        return None
    return (
        ours.values[first - ours.tile.place.row : last - ours.tile.place.row],
        theirs.values[first - theirs.tile.place.row : last - theirs.tile.place.row],
    )


def cosine(a: Floats, b: Floats) -> float | None:
    """Return the cosine of two tiles; None if one is zero or holds values that are not finite.

    Where the means alone give a tenth or more, as those of values that are all positive do in any two models, they are
    subtracted first; None if nothing is left. Matrices of trained models have means near zero.
    """
    import numpy

    x, y = a.astype(numpy.float64).ravel(), b.astype(numpy.float64).ravel()
    size = _lengths(x, y)
    if not numpy.isfinite(size) or size == 0:
        return None
    if x.size * float(x.mean() * y.mean()) < OF_MEANS * size:
        return float(x @ y) / size
    x, y = x - x.mean(), y - y.mean()
    left = _lengths(x, y)
    return float(x @ y) / left if left > 1e-9 * size else None


def _lengths(x: Doubles, y: Doubles) -> float:
    """Return the product of the lengths of two vectors."""
    import numpy

    return float(numpy.sqrt(x @ x) * numpy.sqrt(y @ y))


def matched_by_content(a: Side, b: Side) -> list[tuple[Common, float]]:
    """Pair each strip of `a` with the strip of `b` of one shape that has the greatest cosine.

    For models whose names do not match. The greatest of n cosines of unrelated values is about √(2 ln n / values).
    """
    import numpy

    found: list[tuple[Common, float]] = []
    ours, theirs = _unit(a), _unit(b)
    for shape, first in ours.items():
        second = theirs.get(shape)
        if second is None or shape[0] * shape[1] < MIN_VALUES:
            continue
        cosines = numpy.stack([x for x, _ in first]) @ numpy.stack([y for y, _ in second]).T
        for at, (_, tile) in enumerate(first):
            best = int(cosines[at].argmax())
            other = second[best][1]
            pair = Common(tile.tile.name, other.tile.name, tile.values, other.values, (tile.method, other.method))
            if (value := cosine(pair.a, pair.b)) is not None:
                found.append((pair, value))
    return found


def _unit(side: Side) -> dict[tuple[int, int, int], list[tuple[Doubles, SampledTile]]]:
    """Group the strips of a sketch by the shape of their values and the columns of their matrix, each of length one."""
    import numpy

    found: dict[tuple[int, int, int], list[tuple[Doubles, SampledTile]]] = {}
    for (kind, _), each in side.tiles.items():
        if kind != "strip":
            continue
        flat = each.values.astype(numpy.float64).ravel()
        size = float(numpy.sqrt(flat @ flat))
        if size > 0 and numpy.isfinite(size):
            shape = (*each.values.shape, each.shape[1])
            found.setdefault((shape[0], shape[1], shape[2]), []).append((flat / size, each))
    return found


class LayerMatch(NamedTuple):
    """Which layer of `b` is most like each layer of `a`, with the median cosine of their strips.

    The median, because a matrix that starts from fixed values (`A_log` of a Mamba) is equal in unrelated models.
    """

    layer: LayerKey
    other: LayerKey
    cosine: float


LayerKey = tuple[str, int]
"""A layer: what its names begin with, and its number. Encoder and decoder both have a layer 0."""


def layer_key(name: str) -> LayerKey | None:
    """Return the layer that a normalised name speaks of; None if it speaks of none."""
    number = layer_of(name)
    return None if number is None else (name.partition(f".{number}.")[0], number)


def matched_layers(a: Side, b: Side) -> list[LayerMatch]:
    """Find for each sampled layer of `a` the sampled layer of `b` whose matrices of the same kinds are most alike."""
    import numpy

    ours, theirs = _by_layer(a), _by_layer(b)
    found = []
    for layer, kinds in sorted(ours.items()):
        best: tuple[float, LayerKey] | None = None
        for other, others in sorted(theirs.items()):
            cosines = [
                value
                for kind in kinds.keys() & others.keys()
                if (pair := overlap(kinds[kind], others[kind])) is not None and (value := cosine(*pair)) is not None
            ]
            if len(cosines) >= 2 and (best is None or float(numpy.median(cosines)) > best[0]):
                best = (float(numpy.median(cosines)), other)
        if best is not None:
            found.append(LayerMatch(layer, best[1], best[0]))
    return found


def _by_layer(side: Side) -> dict[LayerKey, dict[str, SampledTile]]:
    found: dict[LayerKey, dict[str, SampledTile]] = {}
    for (kind, name), each in side.tiles.items():
        layer = layer_key(name)
        if kind == "strip" and layer is not None:
            found.setdefault(layer, {})[kind_of(name)] = each
    return found


def stacked(pairs: Sequence[Common]) -> tuple[Floats, Floats]:
    """Put the values of all pairs into two long vectors."""
    import numpy

    return (
        numpy.concatenate([pair.a.ravel() for pair in pairs] or [numpy.empty(0, numpy.float32)]),
        numpy.concatenate([pair.b.ravel() for pair in pairs] or [numpy.empty(0, numpy.float32)]),
    )
