"""Rules of evidence over names and shapes: architecture, vocabulary, layers."""

from __future__ import annotations

from functools import lru_cache

from lineage.derivation.side import Direction, Finding, Side
from lineage.fingerprint.values.names import is_vocabulary, layer_of, normalised_name

ARCHITECTURE, VOCABULARY, LAYERS = "structure.architecture", "structure.vocabulary", "structure.layers"


def architecture(a: Side, b: Side) -> Finding:
    """Compare architecture signatures. Equal ones do not make two models related: many are trained from scratch."""
    if a.arch is None or b.arch is None:
        return Finding(ARCHITECTURE, "unchecked", None, "headers of both are needed")
    if a.arch == b.arch:
        return Finding(ARCHITECTURE, "neutral", 1.0, "the architectures are equal, which related models need not be")
    return Finding(ARCHITECTURE, "neutral", 0.0, "the architectures differ")


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
    return {name: each.shape[0] for (kind, name), each in side.tiles.items() if kind == "strip" and is_vocabulary(name)}


def layer_count(side: Side) -> int | None:
    """Count the layers of a model by the names of its tensors; None where they were not read or name no layer."""
    if side.rows is None:
        numbers = {layer_of(name) for _, name in side.tiles if name.startswith("blk.")}
    else:
        numbers = {layer_of(name) for row in side.rows if (name := _normalised(row.name)).startswith("blk.")}
    found = {number for number in numbers if number is not None}
    return len(found) or None


@lru_cache(maxsize=200_000)
def _normalised(name: str) -> str:
    return normalised_name(name)
