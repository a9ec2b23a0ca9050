"""Models made from several others: merges by their parents' values, and adapters applied to a base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lineage.derivation.numeric.precision import NARROW_DTYPES, round_to
from lineage.derivation.numeric.tiles import MIN_STRIPS, Common, common_squares, common_strips
from lineage.derivation.side import Finding, Side
from lineage.fingerprint.values.adapters import A, B

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Doubles = NDArray[numpy.float64]

FIT, APPLIED, FITS = "numeric.merge_fit", "numeric.adapter_applied", "structure.adapter_fits"

MAX_RESIDUAL = 0.02
"""Length of what a fit leaves, relative to the child: 0.0002 to 0.008 for linear and SLERP merges of known parents,
0.13 and more for TIES and DARE, 0.04 to 0.22 for the nearest single model."""

MUCH_BETTER = 0.5
"""What a fit may leave of the distance to the nearest single parent."""

MAX_APPLIED = 0.03
"""What adding B·A may leave of its own length: 0 to 0.02 for the true base, 0.2 and more for relatives. A cast of the
base or a very light fine-tune of it comes as near as the base."""

DENIED = 0.2

MIN_SHARE = 0.02

DECIDED_BELOW = 0.85
"""Share of the outer of three models on a line above which its rounding does not show what was made last."""


class Fit(NamedTuple):
    """Shares of the parents in their order, and what the combination leaves, relative to the child."""

    shares: tuple[float, ...]
    residual: float
    nearest: float


def merge_fit(child: Side, parents: Sequence[Side]) -> Finding:
    """Fit a child as a combination of its named parents by least squares over the sampled values.

    Linear merges, SLERP (whose shares do not add up to one) and task arithmetic are such combinations. TIES and DARE
    change each value by itself, and no combination gives them. A share below zero shows nothing: a parent is its merge
    less the other parents, as 1.67 merge - 0.67 other. Further parents without values at the same places, or without a
    share, are left out, but not the first.
    """
    parents, fit = _with_a_share(child, parents)
    if fit is None:
        return Finding(FIT, "unchecked", None, "too few values of all of them were sampled at the same places")
    shares = ", ".join(f"{side.name} {share:.2f}" for side, share in zip(parents, fit.shares, strict=True))
    detail = f"{shares}; residual {fit.residual:.4f}, nearest single model {fit.nearest:.4f}"
    explained = fit.residual <= MAX_RESIDUAL and fit.residual <= MUCH_BETTER * fit.nearest
    if explained and min(fit.shares) <= -MIN_SHARE:
        return Finding(FIT, "neutral", fit.residual, f"{detail}; with a share below zero a parent fits its merge too")
    if explained and all(share >= MIN_SHARE for share in fit.shares):
        total = sum(fit.shares)
        method = "linear" if abs(total - 1) < 0.01 else "slerp" if len(fit.shares) == 2 else "task_arithmetic"
        return Finding(FIT, "for", fit.residual, detail, "a_from_b", "merge", method)
    return Finding(FIT, "neutral", fit.residual, detail)


def _with_a_share(child: Side, parents: Sequence[Side]) -> tuple[Sequence[Side], Fit | None]:
    """Fit a child by all parents that can be compared with it, then by those that have a share."""
    named = [each for each in parents[1:] if sum(map(_is_plain, common_strips(child, each))) >= MIN_STRIPS]
    fit = fitted(child, [parents[0], *named])
    if fit is None or not named:
        return parents, None
    shared = [each for each, share in zip(named, fit.shares[1:], strict=True) if abs(share) >= MIN_SHARE]
    if 0 < len(shared) < len(named):
        named, fit = shared, fitted(child, [parents[0], *shared])
    return [parents[0], *named], fit


def fitted(child: Side, parents: Sequence[Side]) -> Fit | None:
    """Solve for the shares; None where fewer than four matrices of all are at hand."""
    found = _values(child, parents)
    return None if found is None else _fit(*found)


def goes_further(outer: Side, middle: Side, other: Side) -> bool | None:
    """Tell of three models on a line which was made last: `outer` as 1.3 middle - 0.3 other, or `middle` as a merge.

    What was computed last is the others' combination rounded to its dtype. The other way round the rounding of the
    middle is multiplied too: a merge with share s of `outer` gives back only s of the values of `outer`, and a model
    that was extrapolated all of them. Measured in BF16 and F16 for differences of 1 and 10 %: s - 0.1 to s + 0.02, and
    0.8 to 1. None where that does not decide: in F32, for shares near one, without values.
    """
    import numpy

    if outer.dtype not in NARROW_DTYPES or (found := _values(outer, [middle, other])) is None:
        return None
    fit = _fit(*found)
    if fit is None or fit.shares[0] <= 1:
        return None
    target, columns = found
    again = round_to(numpy.stack(columns, axis=1) @ numpy.array(fit.shares), outer.dtype)
    equal, share = float((again == target).mean()), 1 / fit.shares[0]
    if equal >= share + (1 - share) / 2:
        return True
    return False if share <= DECIDED_BELOW and equal <= share + (1 - share) / 4 else None


def _values(child: Side, parents: Sequence[Side]) -> tuple[Doubles, list[Doubles]] | None:
    """Gather the values that all were sampled at; None where fewer than four matrices of all are at hand."""
    import numpy

    columns: list[Doubles] = []
    target: Doubles | None = None
    names = set.intersection(*({p.name for p in common_strips(child, each) if _is_plain(p)} for each in parents))
    if len(names) < 4:
        return None
    for each in parents:
        pairs = {pair.name: pair for pair in common_strips(child, each)}
        columns.append(numpy.concatenate([pairs[name].b.ravel() for name in sorted(names)]).astype(numpy.float64))
        target = numpy.concatenate([pairs[name].a.ravel() for name in sorted(names)]).astype(numpy.float64)
    if target is None or not all(numpy.isfinite(each).all() for each in (target, *columns)):
        return None
    return target, columns


def _fit(target: Doubles, columns: Sequence[Doubles]) -> Fit | None:
    """Solve for the shares of columns; None for a target of zeros."""
    import numpy

    length = float(numpy.linalg.norm(target))
    if length == 0:
        return None
    shares, *_ = numpy.linalg.lstsq(numpy.stack(columns, axis=1), target, rcond=None)
    residual = float(numpy.linalg.norm(target - numpy.stack(columns, axis=1) @ shares)) / length
    nearest = min(float(numpy.linalg.norm(target - each)) / length for each in columns)
    return Fit(tuple(float(share) for share in shares), residual, nearest)


def _is_plain(pair: Common) -> bool:
    return pair.methods == (None, None) and pair.a.shape == pair.b.shape


def adapter_fits(adapter: Side, base: Side) -> Finding:
    """Compare shapes: an adapter can be applied to a base only where its matrices have the base's rows and columns.

    Fitting shapes do not prove the base: all models of one configuration fit.
    """
    modules = {name.removesuffix(A) for _, name in adapter.tiles if name.endswith(A)}
    judged = fitting = 0
    for module in sorted(modules):
        tile = base.tiles.get(("strip", f"{module}.weight")) or base.tiles.get(("square", f"{module}.weight"))
        a, b = adapter.tiles.get(("strip", module + A)), adapter.tiles.get(("strip", module + B))
        if tile is None or a is None or b is None:
            continue
        judged += 1
        fitting += (b.shape[0], a.shape[1]) == tile.shape
    if not judged:
        return _by_width(adapter, base, modules)
    detail = f"{fitting} of {judged} modules have the shapes of the base"
    return Finding(FITS, "neutral" if fitting == judged else "against", fitting / judged, detail)


_READ_THE_STREAM = ("attn_q", "attn_k", "attn_v", "attn_qkv", "ffn_up", "ffn_gate")
"""Matrices of a layer that have as many columns as an embedding has."""


def _by_width(adapter: Side, base: Side, modules: set[str]) -> Finding:
    """Compare the hidden sizes where no module of the adapter is a matrix of the other model."""
    embedding = base.tiles.get(("strip", "token_embd.weight"))
    widths = {
        adapter.tiles["strip", module + A].shape[1]
        for module in modules
        if module.endswith(_READ_THE_STREAM) and ("strip", module + A) in adapter.tiles
    }
    if embedding is not None and len(widths) == 1 and embedding.shape[1] not in widths:
        detail = f"the adapter is for a hidden size of {widths.pop():,}, {base.name} has {embedding.shape[1]:,}"
        return Finding(FITS, "against", 0.0, detail)
    return Finding(FITS, "unchecked", None, f"none of its modules was sampled in {base.name}")


def adapter_applied(merged: Side, base: Side, adapter: Side) -> Finding:
    """Subtract a base and scale·B·A from a merged model at the squares of q, v and up: the true pair leaves nothing."""
    import numpy

    scale = adapter.sketch.adapter if adapter.sketch else None
    if scale is None or (scale.scale is None and not scale.by_module):
        return Finding(APPLIED, "unchecked", None, "the scale of the adapter is not known")
    left = []
    for pair in common_squares(merged, base):
        module = pair.name.removesuffix(".weight")
        a, b = adapter.tiles.get(("square", module + A)), adapter.tiles.get(("square", module + B))
        if a is None or b is None or a.values.shape[0] != a.shape[0] or b.values.shape[1] != b.shape[1]:
            continue
        factor = scale.by_module.get(module, scale.scale)
        if factor is None:
            continue
        rows, columns = min(pair.a.shape[0], b.values.shape[0]), min(pair.a.shape[1], a.values.shape[1])
        product = b.values[:rows].astype(numpy.float64) @ a.values[:, :columns]
        product *= factor
        length = float(numpy.linalg.norm(product))
        rest = pair.a[:rows, :columns].astype(numpy.float64) - pair.b[:rows, :columns] - product
        if length > 0:
            left.append((float(numpy.linalg.norm(rest)) / length, pair.name))
    if not left and scale.scale is None:
        return Finding(APPLIED, "unchecked", None, "the scale of the adapter is not known")
    if not left:
        return Finding(APPLIED, "unchecked", None, "no square of a module of the adapter was sampled in both models")
    value, place = max(left)
    detail = f"after adding the adapter to the base, {value:.3f} of its length differ from the merged model"
    if value <= MAX_APPLIED:
        return Finding(APPLIED, "for", value, detail, "a_from_b", "merge", "lora_merge", place)
    return Finding(APPLIED, "neutral" if value < DENIED else "against", value, detail, place=place)
