"""Calls that load a model which the library chooses: the source names a task or an architecture, or nothing."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.declared import arguments
from lineage.audit.discovery.flow.strings import texts

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.resolving import Resolver
    from lineage.audit.discovery.flow.spots import Spot
    from lineage.audit.discovery.flow.uses import Loader


def is_chosen_by_library(resolver: Resolver, loader: Loader, *, named: bool) -> bool:
    """Tell whether a call loads a model of the library's choice; `named` says that an argument may name the model.

    Such are `pipeline("summarization")`, `HuggingFaceEmbeddings()` and `timm.create_model("resnet50",
    pretrained=True)`: another version of the library may load another model.
    """
    positional, keywords = arguments(resolver, loader.call)
    if loader.sink.addressed and loader.root in sinks.REGISTRIES:
        return named and _is_pretrained(resolver, loader, positional, keywords)
    if named:
        return False
    if loader.name == "pipeline" and loader.sink.position == 1:
        task = keywords.get("task") or (positional[0] if positional else None)
        return task is not None and any(sinks.TASKS.fullmatch(each.text) for each in texts(resolver, task))
    return loader.name in sinks.DEFAULTED and not positional and not _has_unpacked(loader.call.node)


def _has_unpacked(call: ast.AST) -> bool:
    return isinstance(call, ast.Call) and any(each.arg is None for each in call.keywords)


def _is_pretrained(resolver: Resolver, loader: Loader, positional: list[Spot], keywords: dict[str, Spot]) -> bool:
    """Tell whether a call may load weights for a bare name: not for an address, and not from a file of its own."""
    asked = keywords.get("pretrained") or (positional[1] if len(positional) > 1 else None)
    model = keywords.get("model_name") or (positional[0] if positional else None)
    if asked is None or model is None:
        return False
    overlay = keywords.get("pretrained_cfg_overlay")
    if overlay is not None and "'file'" in ast.unparse(overlay.node):
        return False
    names = [each.text for each in texts(resolver, model)]
    if not names or all(":" in each for each in names):
        return False  # an address, or what is not known at all, which is unresolved by itself
    values = [end.node.value for end in resolver.spots(asked) if isinstance(end.node, ast.Constant)]
    return not values or any(each and not (isinstance(each, str) and "/" in each) for each in values)
