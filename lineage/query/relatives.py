"""Weights that have match keys in common with others: the ones to compare, instead of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lineage_schemas.ids import revision_key

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.digests import Digests

MAX_HOLDERS = 1_000
"""Weights with one key up to which all of them are candidates."""

MOST_USED = 50
"""Models with most children in the store: of the holders of a more common key, their weights alone are candidates."""


def candidates(view: StoreView, keys: Collection[str], limit: int) -> list[tuple[str, int]]:
    """Rank the weights of models by the number of these keys that they have, then by digest: at most `limit` of them.

    At most `MAX_HOLDERS` holders of a key are read. If it has more, such as the signature of a common architecture,
    those of them count that are the weights of the most used models. Weights that no model has any more are left out:
    a model whose weights changed often would have many of them.
    """
    held = view.neighbours_up_to("HAS_KEY", sorted(set(keys)), "in", MAX_HOLDERS)
    shared: Counter[str] = Counter()
    for key in sorted(held):
        if len(held[key]) <= MAX_HOLDERS:
            shared.update(held[key])
    common = {key for key, holders in held.items() if len(holders) > MAX_HOLDERS}
    if common:
        bases = sorted(set(main_weights(view, view.most_used(MOST_USED)).values()))
        shared.update(weights for weights, key in view.neighbours("HAS_KEY", bases, "out") if key in common)
    return _present(view, sorted(shared.items(), key=lambda each: (-each[1], each[0])), limit)


def _present(view: StoreView, ranked: Sequence[tuple[str, int]], limit: int) -> list[tuple[str, int]]:
    """Take the first weights that models have now; few are looked up unless many of them are former ones."""
    found: list[tuple[str, int]] = []
    at, size = 0, limit
    while at < len(ranked) and len(found) < limit:
        part = ranked[at : at + size]
        having = models_with(view, [digest for digest, _ in part])
        found += [each for each in part if each[0] in having]
        at, size = at + size, 2 * size
    return found[:limit]


def main_weights(view: StoreView, models: Collection[str]) -> dict[str, str]:
    """Return the weights that a loader takes of each model at the commit that was read last, by model."""
    return {key: digest for key, (_, digest) in main_groups(view, models).items()}


def main_groups(view: StoreView, models: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return name and weights of each model's main group; where none is the main one, of the first."""
    nodes = view.nodes("Model", sorted(set(models)))
    heads = {revision_key(key, node["head"]): key for key, node in nodes.items() if node.get("head")}
    found: dict[str, tuple[bool, str, str]] = {}
    for edge in view.edges("HAS_WEIGHTS", list(heads), "out"):
        key, each = heads[edge.source], (not edge.properties.get("main"), edge.name, edge.target)
        if key not in found or each < found[key]:
            found[key] = each
    return {key: (name, digest) for key, (_, name, digest) in found.items()}


def models_with(view: StoreView, digests: Collection[str]) -> dict[str, list[str]]:
    """List by weights the models whose main group has them at the commit that was read last."""
    edges = list(view.edges("HAS_WEIGHTS", sorted(set(digests)), "in"))
    models = {edge.source.rpartition("@")[0] for edge in edges}
    found: dict[str, list[str]] = {}
    for model, digest in sorted(main_weights(view, models).items()):
        found.setdefault(digest, []).append(model)
    return {digest: found[digest] for digest in found if digest in set(digests)}


def holders_of(view: StoreView, digests: Digests) -> list[str]:
    """List the weights with the same parameters, under whatever names, that the store knows by their digests."""
    found = {
        row.key
        for name in ("weights", "content")
        if (value := getattr(digests, name)) is not None
        for row in view.find("Weights", {name: value})
    }
    return sorted(found - {digests.files})
