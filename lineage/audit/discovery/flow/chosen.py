"""Calls that load a model which the source does not show: the library chooses it, or the name is none of the Hub."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lineage.audit.discovery import name_words as words
from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.declared import arguments
from lineage.audit.discovery.flow.strings import texts
from lineage.hub.target import repository_id_problem

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.loads import Loader, Use
    from lineage.audit.discovery.flow.resolving import Resolver
    from lineage.audit.discovery.flow.spots import Spot

MAX_ID = 200
"""Characters of a text that may be meant as an id."""

_NO_ID = re.compile(r"[\\<>{}$%*]|://|\.\.")
"""What is in paths, addresses and templates, and in no id that somebody got wrong."""


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


def is_impossible_id(use: Use) -> bool:
    """Tell whether a literal of a call looks like an id that the Hub can give to no model: `acme/b ase`, `a/b/c`.

    The call loads something, or fails, and which of both the source does not show. Paths, placeholders, and texts of
    documentation are none.
    """
    text, sink = use.piece.text, use.sink
    owner, slash, rest = text.partition("/")
    plain = text.partition("@")[0].partition(":")[0]
    if not use.piece.spot.direct or sink.output or sink.addressed or not use.piece.spot.scope.module.text.is_whole:
        return False
    if not slash or not rest or not owner or len(text) > MAX_ID or repository_id_problem(plain) is None:
        return False
    if owner.startswith((".", "~")) or _NO_ID.search(text) or words.PLACEHOLDER.fullmatch(owner):
        return False
    if _ending(rest) in words.FILE_ENDINGS:
        return False
    return words.FOLDERS.isdisjoint(re.split(r"[_-]", owner.lower())) and owner.lower() not in words.FOLDERS | {
        "spaces",
        "datasets",
    }


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


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
