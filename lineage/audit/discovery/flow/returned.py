"""Follow the value that a call gives: defaults of environment variables, fields, options, and the tree's functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow.calling import FollowsCalls
from lineage.audit.discovery.flow.declared import LOOKUPS, WRAPPERS
from lineage.audit.discovery.flow.items import items, keys_of, values
from lineage.audit.discovery.flow.scopes import Scope
from lineage.audit.discovery.flow.spots import Frame, Instance, Spot, called_name

_CHOICES = frozenset(
    {
        *("selectbox", "radio", "text_input", "multiselect", "select_slider"),
        *("Dropdown", "Textbox", "Radio", "Text", "Select", "Combobox"),
    }
)
_PASSED = {
    "ref",
    "shallowRef",
    "signal",
    "writable",
    "freeze",
    "seal",
    "deepcopy",
    "copy",
    "structuredClone",
    "reactive",
    "MappingProxyType",
}
_STATES = {"useState", "createSignal", "useSignal"}
"""Calls of frameworks for pages that return a value and what sets it."""

_PICKED = {"choice", "next", "iter", "first", "max", "min"}
_NAMESPACES = {
    "dict",
    "SimpleNamespace",
    "Namespace",
    "EasyDict",
    "AttrDict",
    "Box",
    "Munch",
    "DotMap",
    "MappingProxyType",
}
_DEFAULTS = ("default", "default_value", "value", "fallback", "defaultValue")


def returned(resolver: FollowsCalls, spot: Spot, depth: int) -> Iterator[Spot]:
    """Follow the value of a call; the call itself if nothing is known of it."""
    found = False
    for end in _known(resolver, spot, depth):
        found = True
        yield end
    if not found:
        yield spot


def _known(resolver: FollowsCalls, spot: Spot, depth: int) -> Iterator[Spot]:
    call = spot.node
    assert isinstance(call, ast.Call)
    name = called_name(call)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if name == "getattr" and len(call.args) > 1:
        yield from _getattr(resolver, spot, call, depth)
    elif name in LOOKUPS or (name in {"str", "string"} and isinstance(call.func, ast.Attribute)):
        yield from _lookup(resolver, spot, call, keywords, depth)
    elif name in _PASSED and len(call.args) == 1:
        yield from resolver.spots(spot._replace(node=call.args[0], direct=False), depth)
    elif name in _STATES | {"Map"} and call.args:
        yield from _of_page(resolver, spot, call, depth)
    elif name == "cast" and len(call.args) == 2:
        yield from resolver.spots(spot._replace(node=call.args[1]), depth)
    elif name in _NAMESPACES or (name == "create" and call.args and isinstance(call.args[0], ast.Dict)):
        yield from _namespace(resolver, spot, call, depth)
    elif name in _CHOICES:
        yield from _chosen(resolver, spot, call, keywords, depth)
    elif name in _PICKED and call.args:
        for element in resolver.elements(spot._replace(node=call.args[0]), depth):
            yield from resolver.spots(element, depth)
    else:
        yield from _run(resolver, spot, call, name, keywords, depth)


def _of_page(resolver: FollowsCalls, spot: Spot, call: ast.Call, depth: int) -> Iterator[Spot]:
    """Follow `useState(value)` to a pair, and `new Map([[key, value], …])` to a dictionary."""
    if called_name(call) in _STATES:
        pair = ast.Tuple(elts=[call.args[0], ast.Constant(value=None)], ctx=ast.Load())
        yield spot._replace(node=pair, direct=False)
        return
    for end in resolver.spots(spot._replace(node=call.args[0]), depth):
        parts = end.node.elts if isinstance(end.node, ast.List) else []
        known = [each.elts for each in parts if isinstance(each, ast.List) and len(each.elts) == 2]
        if known and len(known) == len(parts):
            made = ast.Dict(keys=[each[0] for each in known], values=[each[1] for each in known])
            yield end._replace(node=ast.copy_location(made, call), direct=False)


def _run(
    resolver: FollowsCalls, spot: Spot, call: ast.Call, name: str, keywords: dict[str, ast.expr], depth: int
) -> Iterator[Spot]:
    """Follow what a function of the tree returns, and for other calls a default that they name."""
    targets = resolver.calling.targets(call, spot.scope)
    for target in targets:
        node = target.node
        if isinstance(node, ast.ClassDef):
            yield target._replace(node=Instance(node, spot), direct=False)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner = target.scope.module.scopes.get(node)
            if inner is not None:
                method = inner.parent is not None and isinstance(inner.parent.node, ast.ClassDef)
                frame = {**spot.frame, node: resolver.calling.bind(spot, node, inner, method=method)}
                for value in _values_of(resolver, inner, frame):
                    yield from resolver.spots(
                        target._replace(node=value, scope=inner, frame=frame, direct=False), depth
                    )
    if targets:
        return
    yield from _declared(resolver, spot, call, keywords, depth)


def _declared(
    resolver: FollowsCalls, spot: Spot, call: ast.Call, keywords: dict[str, ast.expr], depth: int
) -> Iterator[Spot]:
    """Follow the defaults that a call declares: `Field("org/x")`, `field(default_factory=Model)`."""
    wrapped = [call.args[0]] if called_name(call) in WRAPPERS and call.args else []
    choices = keywords.get("choices")
    listed = choices.elts if isinstance(choices, ast.List | ast.Tuple) else []
    for value in [*wrapped, *(keywords[each] for each in _DEFAULTS if each in keywords), *listed]:
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.startswith("-")):
            yield from resolver.spots(spot._replace(node=value, direct=False), depth)
    factory = keywords.get("default_factory")
    if isinstance(factory, ast.Lambda):
        yield from resolver.spots(spot._replace(node=factory.body, direct=False), depth)
    elif isinstance(factory, ast.Name | ast.Attribute):
        made = ast.copy_location(ast.Call(func=factory, args=[], keywords=[]), factory)
        yield from resolver.spots(spot._replace(node=made, direct=False), depth)


def _values_of(resolver: FollowsCalls, inner: Scope, frame: Frame) -> list[ast.expr]:
    """Return what a function may return: one of its values where the frame has chosen it.

    Several tuples or dictionaries are a choice: the id and the revision of one of them belong together.
    """
    values = inner.returns[:20]
    if len(values) < 2 or not any(isinstance(each, ast.Tuple | ast.Dict | ast.Call) for each in values):
        return values
    if inner.returned is None:
        inner.returned = ast.List(elts=values, ctx=ast.Load())
    chosen = frame.get(inner.returned)
    if isinstance(chosen, Spot) and isinstance(chosen.node, ast.expr):
        return [chosen.node]
    resolver.choices[inner.returned] = inner
    return values


def _lookup(
    resolver: FollowsCalls, spot: Spot, call: ast.Call, keywords: dict[str, ast.expr], depth: int
) -> Iterator[Spot]:
    """Follow `d.get(key, default)`: the item where d is known, and the default."""
    if isinstance(call.func, ast.Attribute) and call.args:
        keys, is_open = keys_of(resolver, spot._replace(node=call.args[0]), depth)
        for base in resolver.spots(spot._replace(node=call.func.value), depth + 1):
            literal = isinstance(call.args[0], ast.Constant)
            yield from items(resolver, base, keys, depth, is_open=is_open, literal=literal)
    defaults = [*call.args[1:2], *(keywords[each] for each in _DEFAULTS if each in keywords)]
    for default in defaults:
        yield from resolver.spots(spot._replace(node=default, direct=False), depth)


def _getattr(resolver: FollowsCalls, spot: Spot, call: ast.Call, depth: int) -> Iterator[Spot]:
    name = call.args[1]
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        attribute = ast.Attribute(value=call.args[0], attr=name.value, ctx=ast.Load())
        for end in resolver.spots(spot._replace(node=attribute), depth):
            if end.node is not attribute:
                yield end
    else:
        for base in resolver.spots(spot._replace(node=call.args[0]), depth + 1):
            yield from values(resolver, base, depth)
    for default in call.args[2:3]:
        yield from resolver.spots(spot._replace(node=default, direct=False), depth)


def _namespace(resolver: FollowsCalls, spot: Spot, call: ast.Call, depth: int) -> Iterator[Spot]:
    """Follow an object that holds its keywords, or the items of its first argument."""
    keys: list[ast.expr | None] = [ast.Constant(value=each.arg) if each.arg else None for each in call.keywords]
    values = [each.value for each in call.keywords]
    for argument in call.args[:1]:
        keys.append(None)
        values.append(argument)
    yield spot._replace(node=ast.Dict(keys=keys, values=values), direct=False)


def _chosen(
    resolver: FollowsCalls, spot: Spot, call: ast.Call, keywords: dict[str, ast.expr], depth: int
) -> Iterator[Spot]:
    """Follow what a user may choose in a form, and what is chosen at first."""
    named = [keywords[each] for each in ("options", "choices", "value", "default") if each in keywords]
    for value in [*call.args[1:], *(call.args[:1] if not named else []), *named]:
        for end in resolver.spots(spot._replace(node=value, direct=False), depth):
            if isinstance(end.node, ast.List | ast.Tuple | ast.Dict | ast.ClassDef | ast.ListComp):
                for element in resolver.elements(end, depth):
                    yield from resolver.spots(element, depth)
            else:
                yield end
