"""Services: the texts of a program that go to a service, whose names of models look like those of the Hub."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.calls import identified
from lineage.audit.discovery.flow.items import item
from lineage.audit.discovery.flow.named import ROUTED, is_hosted_call, is_own_server
from lineage.audit.discovery.flow.resolving import Resolver
from lineage.audit.discovery.flow.scopes import Module, Scope
from lineage.audit.discovery.flow.spots import Spot, called_name
from lineage.audit.discovery.flow.strings import Piece, texts
from lineage.audit.discovery.names import Form, read_name

_PARTS = {"chat", "completions", "embeddings", "responses", "images", "beta", "messages", "audio", "speech"}
"""What stands between a client and its last name: `client.chat.completions.create`."""

_KEYS = ("model", "model_name", "modelName", "model_id", "modelId", "deployment", "models")
_REQUESTS = {"post", "request", "fetch", "stringify", "dumps", "put", "send_json", "stream"}
"""Calls that send a text to an address: what runs there, and under which names, is not known."""

_BODIES = {"json", "data", "body", "content", "payload", "input"}

MAX_ASKED = 4_000
"""Calls of services in one module whose texts are followed."""

_HUB_CLIENTS = {"InferenceClient", "AsyncInferenceClient", "HfInference"}


def asked_of_services(resolver: Resolver, module: Module) -> Iterator[ast.AST]:
    """Return the strings that calls of a module give to services as the names of their models."""
    asked = 0
    for call, scope in module.calls:
        if asked > MAX_ASKED:
            return
        name = called_name(call)
        if name in _REQUESTS:
            asked += 1
            given = [each for at, each in enumerate(call.args) if at or not isinstance(each, ast.Name | ast.Constant)]
            for argument in [*given, *(each.value for each in call.keywords if each.arg in _BODIES)]:
                yield from _in_dictionaries(resolver, Spot(argument, scope))
        elif is_hosted_call(call) or _is_of_service(resolver, call, scope):
            if name in sinks.SINKS or (
                isinstance(call.func, ast.Attribute) and is_of_the_hub(resolver, call.func, scope)
            ):
                continue
            asked += 1
            for argument in [*call.args[:1], *(each.value for each in call.keywords if each.arg in _KEYS)]:
                yield from _strings(resolver, Spot(argument, scope))
            for each in call.keywords:
                if each.arg is None and isinstance(each.value, ast.Name):  # `create(**parameters)`
                    model = ast.Subscript(value=each.value, slice=ast.Constant(value="model"), ctx=ast.Load())
                    yield from _strings(resolver, Spot(model, scope))


def _is_of_service(resolver: Resolver, call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call with a model is one of a service's package, such as that of LiteLLM."""
    asked = any(each.arg in _KEYS for each in call.keywords)
    return asked and identified(resolver, call.func, scope)[1] in sinks.HOSTED


def is_of_the_hub(resolver: Resolver, func: ast.Attribute, scope: Scope) -> bool:
    """Tell whether a call such as `client.chat.completions.create` asks the Hub, or a server of one's own.

    How its client is made says it: a server of one's own, as of vLLM, has the Hub's names.
    """
    base: ast.expr = func.value
    while isinstance(base, ast.Attribute) and base.attr in _PARTS:
        base = base.value
    resolver.begin()
    for end in resolver.spots(Spot(base, scope)):
        if isinstance(end.node, ast.Call):
            if called_name(end.node) in _HUB_CLIENTS:
                return True
            addresses = [each.value for each in end.node.keywords if each.arg in {"base_url", "baseURL", "api_base"}]
            pieces = [piece for each in addresses for piece in texts(resolver, end._replace(node=each))]
            if any("huggingface.co" in piece.text or is_own_server(piece.text) for piece in pieces):
                return True
    return False


def _strings(resolver: Resolver, spot: Spot) -> Iterator[ast.AST]:
    resolver.begin()
    found: list[Piece] = texts(resolver, spot)
    for piece in found:
        name = read_name(piece.text)
        if name is not None and name.form is Form.ID and not piece.text.startswith(ROUTED):
            yield piece.spot.node


def _in_dictionaries(resolver: Resolver, spot: Spot) -> Iterator[ast.AST]:
    """Return the strings under the keys of models in a dictionary, which a name may hold."""
    if not isinstance(spot.node, ast.Name | ast.Dict | ast.Attribute | ast.Call):
        return
    resolver.begin()
    for end in resolver.spots(spot):
        if isinstance(end.node, ast.Dict):
            for key in _KEYS:
                for value in item(resolver, end, key, 4):
                    yield from (piece.spot.node for piece in texts(resolver, value))
