"""The elements that a loop goes through: lists, dictionaries, enumerations, and calls that hand them on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lineage.audit.discovery.flow.enumerations import is_enumeration
from lineage.audit.discovery.flow.items import values
from lineage.audit.discovery.flow.spots import Follows, Spot, called_name

_SAME_ELEMENTS = {"sorted", "list", "set", "tuple", "reversed", "iter", "frozenset", "tqdm", "dict", "product", "chain"}


def elements(resolver: Follows, spot: Spot, depth: int) -> Iterator[Spot]:
    """Return what a loop over an expression gives, one element after another."""
    for end in resolver.spots(spot, depth + 1):
        node = end.node
        plain = end._replace(direct=False)
        match node:
            case ast.List() | ast.Tuple() | ast.Set():
                for part in node.elts:
                    if isinstance(part, ast.Starred):
                        yield from elements(resolver, plain._replace(node=part.value), depth + 1)
                    else:
                        yield plain._replace(node=part)
            case ast.Dict():
                yield from (plain._replace(node=key) for key in node.keys if key is not None)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                yield plain._replace(node=node.elt, scope=end.scope.module.scopes[node])
            case ast.ClassDef() if is_enumeration(node):
                yield from values(resolver, end._replace(direct=False), depth)
            case ast.ClassDef():
                names = end.scope.module.scopes[node].names
                yield from (Spot(each.node, each.scope, end.frame) for all_ in names.values() for each in all_[:1])
            case ast.Call():
                yield from _elements_of_call(resolver, plain, node, depth)


def _elements_of_call(resolver: Follows, spot: Spot, call: ast.Call, depth: int) -> Iterator[Spot]:
    name = called_name(call)
    if isinstance(call.func, ast.Attribute) and name in {"items", "values", "keys"} and not call.args:
        yield from _items(resolver, spot._replace(node=call.func.value), name, depth)
    elif name == "entries" and call.args:
        yield from _items(resolver, spot._replace(node=call.args[0]), "items", depth)
    elif name == "enumerate" and call.args:
        for element in elements(resolver, spot._replace(node=call.args[0]), depth + 1):
            yield from (Spot(_indexed(end.node), end.scope, end.frame) for end in resolver.spots(element, depth + 1))
    elif name == "zip":
        yield from _zipped(resolver, spot, call, depth)
    elif name in _SAME_ELEMENTS and call.args:
        for argument in call.args if name in {"product", "chain"} else call.args[:1]:
            yield from elements(resolver, spot._replace(node=argument), depth + 1)


def _items(resolver: Follows, spot: Spot, kind: str, depth: int) -> Iterator[Spot]:
    """Return the keys, the values or the pairs of a dictionary."""
    for end in resolver.spots(spot, depth + 1):
        if isinstance(end.node, ast.Dict):
            for key, value in zip(end.node.keys, end.node.values, strict=True):
                pair: ast.expr = ast.Tuple(elts=[key or value, value], ctx=ast.Load())
                chosen = {"items": pair, "values": value}.get(kind, key or value)
                yield end._replace(node=chosen, direct=False)


def _zipped(resolver: Follows, spot: Spot, call: ast.Call, depth: int) -> Iterator[Spot]:
    columns = [list(elements(resolver, spot._replace(node=each), depth + 1)) for each in call.args]
    for row in zip(*columns, strict=False):
        parts = [each.node for each in row if isinstance(each.node, ast.expr)]
        if len(parts) == len(row):
            yield spot._replace(node=ast.Tuple(elts=parts, ctx=ast.Load()), scope=row[0].scope)


def _indexed(node: ast.AST) -> ast.expr:
    """Return the pair that `enumerate` gives."""
    element = node if isinstance(node, ast.expr) else ast.Constant(value=None)
    return ast.Tuple(elts=[ast.Constant(value=None), element], ctx=ast.Load())
