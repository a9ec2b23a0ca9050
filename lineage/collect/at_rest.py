"""The declared edges that follow from stored evidence, for models that are read now and for models that are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lineage.derivation.at_rest import MEASURED, PresentState, counting
from lineage.derivation.combine.declared import combine
from lineage.store.aliases import key_of_alias
from lineage.store.records import record_of
from lineage_schemas.ids import revision_key, split_model_key

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.derivation import Derivation
    from lineage_schemas.evidence import Evidence

NOTHING_RENAMED: Mapping[str, str] = {}


def declared_of_reading(
    view: StoreView, key: str, head: str, found: Iterable[Evidence], weights: Collection[str]
) -> tuple[Derivation, ...]:
    """Work out the declared edges of a model that was read, from what was found now and what is stored.

    `weights` are the files digests of the groups at `head`; those that the store has there are added.
    """
    fresh = {each.id: each for each in found}
    stored = {each.id: each for each in _declared(view, [key])[key]}
    digests = {*weights, *_weights(view, {key: head})[key]}
    present = counting({**stored, **fresh}.values(), PresentState(head, digests, fresh.keys()))
    return combine(key, _renamed(view, present))


def declared_at_rest(
    view: StoreView, models: Mapping[str, Mapping[str, Any]], renamed: Mapping[str, str] = NOTHING_RENAMED
) -> dict[str, tuple[Derivation, ...]]:
    """Work out the declared edges of stored models from stored evidence alone, by key.

    `models` are rows of models that were read; one that is known by name only has no edges. The same evidence gives
    the edges that the last reading of the model found. `renamed` are names that a reading just found to redirect.
    """
    heads = {key: node["head"] for key, node in models.items() if node.get("head")}
    evidence, weights = _declared(view, heads), _weights(view, heads)
    return {
        key: combine(
            key,
            _renamed(view, counting(evidence[key], _state(models[key], weights[key])), renamed),
        )
        for key, head in heads.items()
    }


def _declared(view: StoreView, keys: Collection[str]) -> dict[str, list[Evidence]]:
    """Read the evidence about children, but for what was measured on their weights: that follows from sketches."""
    found: defaultdict[str, list[Evidence]] = defaultdict(list)
    for row in view.find_any("Evidence", "child", keys):
        if row.properties["rule"] not in MEASURED:
            found[row.properties["child"]].append(record_of("Evidence", row))
    return found


def _weights(view: StoreView, heads: Mapping[str, str]) -> dict[str, set[str]]:
    """Read the files digests of the weights at the heads of models."""
    models = {revision_key(key, head): key for key, head in heads.items()}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for edge in view.edges("HAS_WEIGHTS", list(models), "out"):
        found[models[edge.source]].add(edge.target)
    return found


def _state(model: Mapping[str, Any], weights: Collection[str]) -> PresentState:
    return PresentState(model["head"], weights, model.get("declarations"))


def _renamed(
    view: StoreView, evidence: Iterable[Evidence], renamed: Mapping[str, str] = NOTHING_RENAMED
) -> list[Evidence]:
    """Put the present name of a parent that its Hub renamed in place of the recorded one; the id stays.

    The alias counts only while the old name is no model of its own: a name may be registered again.
    """
    found = list(evidence)
    parents = {each.parent for each in found if each.parent}
    nodes = view.nodes("Model", sorted(parents))
    moved = {old: new for old, new in renamed.items() if old in nodes}
    for parent in sorted(parents - moved.keys()):
        node = nodes.get(parent) or {}
        if node.get("state", "unknown") in ("missing", "unknown") and (
            new := key_of_alias(view, *split_model_key(parent))
        ):
            moved[parent] = new
    return [each.model_copy(update={"parent": moved[each.parent]}) if each.parent in moved else each for each in found]
