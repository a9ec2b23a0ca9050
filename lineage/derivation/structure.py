"""Rules of evidence over names and shapes: architecture, vocabulary, layers."""

from __future__ import annotations

from functools import lru_cache

from lineage.derivation.numeric.tiles import LayerKey, layer_key
from lineage.derivation.side import Direction, Finding, Side
from lineage.fingerprint.values.names import is_vocabulary, kind_of, normalised_name

ARCHITECTURE, VOCABULARY, LAYERS = "structure.architecture", "structure.vocabulary", "structure.layers"
SHAPES = "structure.shapes"

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Types whose shapes in the file are those of the matrices."""


def architecture(a: Side, b: Side) -> Finding:
    """Compare architecture signatures. Equal ones do not make two models related: many are trained from scratch."""
    if a.arch is None or b.arch is None:
        return Finding(ARCHITECTURE, "unchecked", None, "headers of both are needed")
    if a.arch == b.arch:
        return Finding(ARCHITECTURE, "neutral", 1.0, "the architectures are equal, which related models need not be")
    return Finding(ARCHITECTURE, "neutral", 0.0, "the architectures differ")


def shapes(a: Side, b: Side) -> Finding:
    """Look for one matrix in both by name or by shape, where all weights of both are plain floats.

    What has neither a name nor a shape in common was not made by training, pruning, merging, rounding or renaming. A
    model that was pruned in width keeps the names, and a renamed one the shapes.
    """
    known = [_names_and_shapes(side) for side in (a, b)]
    if known[0] is None or known[1] is None:
        return Finding(SHAPES, "not_applicable", None, "headers of plain floats of both are needed")
    same_names, same_shapes = (len(ours & theirs) for ours, theirs in zip(*known, strict=True))
    detail = f"{same_names} kinds of matrices and {same_shapes} shapes are in both"
    if not same_names and not same_shapes:
        return Finding(SHAPES, "against", 0.0, "no matrix of one has the name or the shape of one of the other")
    return Finding(SHAPES, "neutral", None, detail)


def _names_and_shapes(side: Side) -> tuple[set[str], set[tuple[int, ...]]] | None:
    """List kinds and shapes of matrices, whichever way they are stored; None if not all are plain floats."""
    matrices = [row for row in side.rows or () if len([size for size in row.shape if size > 1]) > 1]
    if len(matrices) < MIN_MATRICES or side.method or any(row.dtype not in FLOATS for row in matrices):
        return None
    names = {kind_of(_normalised(row.name)) for row in matrices}
    return names, {tuple(sorted(size for size in row.shape if size > 1)) for row in matrices}


MIN_MATRICES = 4
"""Matrices that a model must have for its names and shapes to say something."""


def vocabulary(a: Side, b: Side) -> Finding:
    """Compare the rows of embeddings: who has more was extended, if the models are related."""
    rows = [_vocabulary_rows(side) for side in (a, b)]
    shared = rows[0].keys() & rows[1].keys()
    if not shared:
        return Finding(VOCABULARY, "not_applicable", None, "no embedding that both have was sampled")
    name = sorted(shared)[0]
    ours, theirs = rows[0][name], rows[1][name]
    if ours == theirs:
        return Finding(VOCABULARY, "neutral", 0.0, f"both have {ours:,} tokens")
    direction: Direction = "a_from_b" if ours > theirs else "b_from_a"
    return Finding(
        VOCABULARY, "for", float(abs(ours - theirs)), f"{max(ours, theirs):,} tokens against {min(ours, theirs):,}",
        direction, "finetune", "vocab_extended", name,
    )  # fmt: skip


def _vocabulary_rows(side: Side) -> dict[str, int]:
    return {name: each.shape[0] for (kind, name), each in side.tiles.items() if kind == "strip" and _of_tokens(name)}


def _of_tokens(name: str) -> bool:
    return is_vocabulary(name) or "token_embedding" in name


def layer_counts(a: Side, b: Side) -> tuple[int, int] | None:
    """Count the layers of two models by the names of their tensors; None where one names no layer.

    Encoder and decoder layers are counted apart and added up. Only parts that both have count, if there are any: a
    model of images and text has the layers of its vision tower, and those of its language model beside them.
    """
    ours, theirs = _layers(a), _layers(b)
    if not ours or not theirs:
        return None
    both = {part for part, _ in ours} & {part for part, _ in theirs}
    counted = [_of_parts(keys, both) for keys in (ours, theirs)]
    return len(counted[0]), len(counted[1])


def _of_parts(layers: set[LayerKey], parts: set[str]) -> set[LayerKey]:
    """Keep the layers of some parts, if any; those of a language model alone where it has others beside them."""
    kept = {key for key in layers if not parts or key[0] in parts}
    return {key for key in kept if key[0] == "blk"} or kept


def _layers(side: Side) -> set[LayerKey]:
    """List the layers of a model: by its headers, else by its sample."""
    stored = side.rows
    names = {name for _, name in side.tiles} if stored is None else {_normalised(row.name) for row in stored}
    return {key for name in names if (key := layer_key(name)) is not None}


@lru_cache(maxsize=200_000)
def _normalised(name: str) -> str:
    return normalised_name(name)
