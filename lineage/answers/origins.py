"""The base family and the variant types of models in an answer, from what the store has of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from lineage.derivation.variants import OriginFacts
from lineage.hub.json_text import load_json
from lineage_schemas.ids import revision_key, split_model_key

if TYPE_CHECKING:
    from lineage.store.interface import StoreView

Nodes = Mapping[str, Mapping[str, Any]]


CONFIG = "config.json"

MAX_METHOD = 64
"""Characters of a method that are shown."""


def origin_facts(view: StoreView, nodes: Nodes, children: Collection[str]) -> dict[str, OriginFacts]:
    """Gather what the store has of models, by key, with one query per kind of node for all of them.

    The config of the `children`, whose parents are in the answer, is not read again: their evidence has its forms.
    """
    evidence = view.nodes("Evidence", {id_ for node in nodes.values() for id_ in node.get("declarations") or ()})
    types = _main_types(view, nodes)
    methods = _quant_methods(view, {key: node for key, node in nodes.items() if key not in children})
    return {key: _facts(key, node, evidence, types.get(key, ()), methods.get(key)) for key, node in nodes.items()}


def _facts(
    key: str, node: Mapping[str, Any], evidence: Nodes, types: tuple[str, ...], quant_method: str | None
) -> OriginFacts:
    family = (node.get("observations") or {}).get("family") or {}
    return OriginFacts(
        name=split_model_key(key)[1],
        family=family.get("value"),
        tags=tuple(node.get("tags") or ()),
        evidence=tuple(evidence[id_] for id_ in node.get("declarations") or () if id_ in evidence),
        types=types,
        quant_method=quant_method,
    )


def _main_types(view: StoreView, nodes: Nodes) -> dict[str, tuple[str, ...]]:
    """Return the tensor types of the main weights of each model's head, by the model's key."""
    heads = _heads(nodes)
    main = {edge.source: edge.target for edge in view.edges("HAS_WEIGHTS", heads, "out") if edge.properties.get("main")}
    weights = view.nodes("Weights", set(main.values()))
    return {heads[head]: tuple((weights.get(key) or {}).get("dtypes") or ()) for head, key in main.items()}


def _heads(nodes: Nodes) -> dict[str, str]:
    """Return the key of each model by that of its head."""
    return {revision_key(key, node["head"]): key for key, node in nodes.items() if node.get("head")}


def _quant_methods(view: StoreView, nodes: Nodes) -> dict[str, str]:
    """Read the quantisation that the kept config.json of each model's head names."""
    heads = _heads(nodes)
    configs = {edge.source: edge.target for edge in view.edges("CONTAINS", heads, "out") if edge.name == CONFIG}
    found = {heads[head]: _quant_method(view.attachment("text", key)) for head, key in configs.items()}
    return {key: method for key, method in found.items() if method}


def _quant_method(config: bytes | None) -> str | None:
    try:
        fields = load_json(config or b"{}")
    except (ValueError, RecursionError):  # the rules report a config that cannot be read
        return None
    settings = fields.get("quantization_config") if isinstance(fields, dict) else None
    method = settings.get("quant_method") if isinstance(settings, dict) else None
    return method[:MAX_METHOD] if isinstance(method, str) and method.strip() else None
